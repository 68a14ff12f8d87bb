// From the points that a policy's knob gives to what it saves at a wanted quality.

/// Points of one policy over one channel and seed.
package struct StudyCurve {
  /// Increase of perplexity in percent and share of Top-K's energy that is saved, in the order of the knob.
  package private(set) var points: [(increase: Double, saving: Double)] = []

  package init() {}

  package mutating func add(increase: Double, saving: Double) { points.append((increase, saving)) }

  /// The most that is saved at an increase of at most `target` percent: by one of the settings tried, or between two
  /// neighbouring ones of which one keeps the target and the other does not (a straight line). nil when no setting
  /// comes near enough.
  package func saving(at target: Double) -> Double? {
    var best: Double?
    func offer(_ saving: Double) { best = max(best ?? saving, saving) }
    for point in points where point.increase <= target { offer(point.saving) }
    for (a, b) in zip(points, points.dropFirst()) where (a.increase <= target) != (b.increase <= target) {
      let share = (target - a.increase) / (b.increase - a.increase)
      offer(a.saving + share * (b.saving - a.saving))
    }
    return best
  }
}
