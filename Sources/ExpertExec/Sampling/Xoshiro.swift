// The random numbers of sampling.

import SiftCore

/// xoshiro256** (Blackman and Vigna, 2018; prng.di.unimi.it), its state filled from a seed by SplitMix64 as its authors
/// recommend. The same numbers on every machine; not for secrets.
public struct Xoshiro: RandomNumberGenerator, Sendable {
  private var a: UInt64
  private var b: UInt64
  private var c: UInt64
  private var d: UInt64

  public init(seed: UInt64) {
    var filling = SplitMix(seed: seed)
    (a, b, c, d) = (filling.next(), filling.next(), filling.next(), filling.next())
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

  private func rotated(_ value: UInt64, by count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
}
