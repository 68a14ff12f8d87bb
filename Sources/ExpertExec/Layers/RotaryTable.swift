// The rotary embedding's cosines and sines, filled as far as positions were ever used.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// `cos` and `sin` of position × frequency, `[position, headDim / 2]` each. The angle is taken in f32, as the published
/// implementations do, its functions in f64 and rounded.
struct RotaryTable {
  private let cosines: Scratch<Float>
  private let sines: Scratch<Float>
  private let frequencies: Scratch<Float>
  private let half: Int
  private var filled = 0

  init(context: Int, headDim: Int, theta: Double) throws(SessionError) {
    half = headDim / 2
    cosines = try Scratch(context * half)
    sines = try Scratch(context * half)
    frequencies = try Scratch(half)
    for i in 0..<half {
      let power = Float(pow(theta, Double(Float(2 * i) / Float(headDim))))
      frequencies[i] = 1 / power
    }
  }

  /// Makes positions below `count` ready.
  mutating func fill(_ count: Int) {
    while filled < count {
      for i in 0..<half {
        let angle = Double(Float(filled) * frequencies[i])
        cosines[filled * half + i] = Float(cos(angle))
        sines[filled * half + i] = Float(sin(angle))
      }
      filled += 1
    }
  }

  @inline(__always) func cosine(_ position: Int) -> UnsafePointer<Float> {
    UnsafePointer(cosines.base + position * half)
  }
  @inline(__always) func sine(_ position: Int) -> UnsafePointer<Float> { UnsafePointer(sines.base + position * half) }
}
