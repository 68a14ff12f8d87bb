// From the points that a policy's knob gives to what it saves at a wanted quality.

/// Points of one policy over one channel and seed: what a setting loses, and what it saves. In whatever units the caller
/// adds; a study of quality adds percent of perplexity and of energy, a sweep mean square error and joules a token.
package struct StudyCurve {
  /// Increase of the loss over Top-K's, and energy saved against Top-K's, in the order of the knob.
  package private(set) var points: [(increase: Double, saving: Double)] = []

  package init() {}

  package mutating func add(increase: Double, saving: Double) { points.append((increase, saving)) }

  /// The most that is saved at an increase of at most `target`: by one of the settings tried, or between two
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
