// Random numbers that are the same everywhere and cost next to nothing.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014): even 64-bit numbers from any
/// seed, without a system call. Not for secrets.
public struct SplitMix: RandomNumberGenerator, Sendable, Hashable {
  /// Begins the same sequence from here.
  public private(set) var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

extension RandomNumberGenerator {
  /// Even over 0 ..< 1, in steps of 2⁻⁵³. `Double.random(in:using:)` goes through generic code, which costs as much as reading a
  /// sensor.
  public mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
