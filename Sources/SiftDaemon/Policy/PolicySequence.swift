// What the policy selector holds of one sequence.

import SiftPolicy

/// Settings, books and the price of an error of one sequence.
final class PolicySequence {
  var settings: SiftSettings
  var tally = PolicyTally()
  /// Nodes that the sequence visits in the layer at work.
  var nodes: UInt64 = 0
  private var stamp: UInt64 = 0
  /// Prices the error for the fast-fading policy; nil before any visit had a price, and for a budget of 0.
  private(set) var queue: ErrorQueue?
  /// Unit of the prices of `queue`.
  private var unit = 0.0

  init(_ settings: SiftSettings) { self.settings = settings }

  /// Forgets the nodes of an earlier layer.
  func beginLayer(_ stamp: UInt64) {
    if self.stamp == stamp { return }
    self.stamp = stamp
    nodes = 0
  }

  // MARK: The price of an error

  /// Begins the queue, or lets its prices follow the mean price of a visit; and what it came to is remembered.
  func beginStep(meanVisit: Double?, _ memory: inout PriceMemory) {
    let budget = settings.squareBudget
    guard let meanVisit, let scale = PriceScale(visit: meanVisit, budget: budget) else { return }
    guard queue != nil, queue?.budget == budget else {
      queue = scale.queue(units: memory.units(budget: budget))
      unit = scale.unit
      return
    }
    if scale.unit != unit { queue?.rescale(by: scale.unit / unit) }
    unit = scale.unit
    memory.learn(budget: budget, price: price / scale.unit)
  }

  /// λ, joules a unit of error. Without a queue 0: then the cap alone says what is decided.
  var price: Double { queue?.price ?? 0 }

  /// Books a decision's error as it is expected; `correct` follows when it is known.
  func expect(error: Double) {
    if error.isFinite { queue?.book(error: error) }
  }

  func correct(by difference: Double) {
    if difference.isFinite { queue?.correct(by: difference) }
  }
}
