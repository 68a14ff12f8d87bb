// Seeded inputs for the kernels, awkward values and sizes included, and the comparison of bits.
import CExpertKernels
import Testing

/// The sets of kernels of this machine that promise the reference's bits.
let exactSets: [KernelSet] = [EK_AVX2, EK_AVX512, EK_NEON].compactMap(KernelSet.init)

/// A set of kernels with a name for the test's report.
struct KernelSet: Sendable, CustomTestStringConvertible {
  static let reference = KernelSet(EK_REFERENCE)
  static let baseline = KernelSet(EK_BASELINE)

  nonisolated(unsafe) let table: UnsafePointer<ek_kernels>
  var run: ek_kernels { table.pointee }
  var testDescription: String { String(cString: ek_isa_name(table.pointee.isa)) }

  /// nil when this machine lacks it.
  init?(_ isa: ek_isa) {
    guard let table = ek_for(isa) else { return nil }
    self.table = table
  }
}

/// Sizes around the edges of 16 lanes and of the blocks, and the widths of real models.
let awkwardSizes = [0, 1, 2, 15, 16, 17, 31, 32, 33, 64, 100, 128, 255, 256, 257, 768, 1000, 1024]
let awkwardTokens = [0, 1, 2, 3, 5, 6, 7, 8, 13, 64, 100]
let weightTypes = [EK_BF16, EK_F16, EK_F32]

/// SplitMix64, so that every run sees the same inputs.
struct SeededValues: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }

  /// Mostly within ±4; one in sixteen is a zero of either sign, a subnormal or a large number.
  mutating func float() -> Float {
    let bits = next()
    let plain = (Float(bits >> 40) / 16_777_216 - 0.5) * 8
    switch bits & 63 {
    case 0: return 0
    case 1: return -0.0
    case 2: return plain * 0x1p-130
    case 3: return plain * 64
    default: return plain
    }
  }

  mutating func floats(_ count: Int) -> [Float] { (0..<count).map { _ in float() } }

  /// `count` weights of a type, as bytes. One in 4,096 is an infinity or NaN when `wild`.
  mutating func weights(_ type: ek_dtype, _ count: Int, wild: Bool = false) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count * 4)
    for _ in 0..<count {
      let value = wild && next() % 4096 == 0 ? (next() % 2 == 0 ? Float.infinity : .nan) : float()
      switch type {
      case EK_F32: withUnsafeBytes(of: value.bitPattern) { bytes += $0 }
      case EK_BF16: withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { bytes += $0 }
      default: withUnsafeBytes(of: halfBits(value, random: next())) { bytes += $0 }
      }
    }
    return bytes
  }

  /// A half: specials as they are, otherwise any finite half up to 2.
  private func halfBits(_ value: Float, random: UInt64) -> UInt16 {
    if value.isNaN { return 0x7e00 }
    if value.isInfinite { return 0x7c00 }
    return UInt16(truncatingIfNeeded: random) & 0xbfff
  }
}

/// The indices where two results differ: bit patterns, any NaN equal to any other. At most three.
func differences(_ a: [Float], _ b: [Float]) -> [Int] {
  guard a.count == b.count else { return [-1] }
  return Array(
    a.indices.lazy.filter { a[$0].bitPattern != b[$0].bitPattern && !(a[$0].isNaN && b[$0].isNaN) }.prefix(3))
}

/// The greatest |a - b| over the greatest |b|.
func relativeError(_ a: [Float], _ b: [Float]) -> Float {
  let scale = b.map(abs).max() ?? 0
  let error = zip(a, b).map { abs($0 - $1) }.max() ?? 0
  return scale == 0 ? error : error / scale
}

/// y of a matrix product, `gap` floats between its rows left at a mark.
func product(
  _ set: KernelSet, _ type: ek_dtype, _ weights: [UInt8], _ x: [Float], rows: Int, cols: Int, tokens: Int, gap: Int = 3
) -> [Float] {
  var y = [Float](repeating: -7, count: tokens * (rows + gap))
  var scratch = [Float](repeating: .nan, count: ek_matmul_scratch(cols))
  set.run.matmul(type, weights, x, cols, &y, rows + gap, rows, cols, tokens, &scratch)
  return y
}
