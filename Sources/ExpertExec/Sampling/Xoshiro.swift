// The random numbers of sampling.

/// xoshiro256** (Blackman and Vigna, 2018; prng.di.unimi.it), its state filled from a seed by SplitMix64 as its authors
/// recommend. The same numbers on every machine; not for secrets.
public struct Xoshiro: RandomNumberGenerator, Sendable {
  private var a: UInt64
  private var b: UInt64
  private var c: UInt64
  private var d: UInt64

  public init(seed: UInt64) {
    var state = seed
    func mixed() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
    (a, b, c, d) = (mixed(), mixed(), mixed(), mixed())
  }

  public mutating func next() -> UInt64 {
    let result = rotated(b &* 5, by: 7) &* 9
    let t = b << 17
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = rotated(d, by: 45)
    return result
  }

  /// Evenly spread over [0, 1), in steps of 2⁻⁵³.
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  private func rotated(_ value: UInt64, by count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
}
