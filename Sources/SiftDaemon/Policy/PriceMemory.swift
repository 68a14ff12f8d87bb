// What the price of an error came to in earlier requests: where the next one starts.

import SiftPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Prices in units of `PriceScale`, one for each half octave of the error budget. Lives as long as the gateway.
struct PriceMemory {
  /// Mean squares from 2^−20 up to 2^4.
  private static let slots = 48
  /// How far a step moves what is remembered.
  private static let pace = 0.02
  /// What a single unlucky request may teach at most.
  private static let range = 0.01...10.0

  private var units = Array(repeating: PriceScale.firstPrice, count: slots)

  /// Where a queue for `budget` should start.
  func units(budget: Double) -> Double { units[Self.slot(budget)] }

  /// - Parameter price: a running queue's, in units of its scale.
  mutating func learn(budget: Double, price: Double) {
    guard price.isFinite else { return }
    let slot = Self.slot(budget)
    let seen = min(Self.range.upperBound, max(Self.range.lowerBound, price))
    units[slot] += (seen - units[slot]) * Self.pace
  }

  private static func slot(_ budget: Double) -> Int {
    guard budget > 0 else { return 0 }
    return Int(min(Double(slots - 1), max(0, (2 * log2(budget) + 40).rounded())))
  }
}
