// Draws from the laws that simulated channels follow, for any source of randomness.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension RandomNumberGenerator {
  /// Evenly spread over (0, 1], in steps of 2⁻⁵³; never 0, so that its logarithm is finite.
  package mutating func unitDraw() -> Double { Double((next() >> 11) + 1) * 0x1p-53 }

  /// Standard normal (Box and Muller 1958).
  package mutating func normalDraw() -> Double {
    let radius = (-2 * log(unitDraw())).squareRoot()
    return radius * cos(2 * .pi * unitDraw())
  }

  /// Gamma of the given shape, > 0, and mean 1 (Marsaglia and Tsang, ACM TOMS 26, 2000; shapes below 1 by the boost of
  /// its §6).
  package mutating func gammaDraw(shape: Double) -> Double {
    if shape < 1 {
      let boost = pow(unitDraw(), 1 / shape)
      return gammaDraw(shape: shape + 1) * (shape + 1) / shape * boost
    }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normalDraw()
      let v = 1 + c * x
      if v <= 0 { continue }
      let cube = v * v * v
      if log(unitDraw()) < 0.5 * x * x + d - d * cube + d * log(cube) { return d * cube / shape }
    }
  }
}
