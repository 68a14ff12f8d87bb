// An open window: what each rail has brought since it was opened.

import SiftCore

/// The sums of one rail in one window.
struct RailShare: Sendable {
  var joules = 0.0
  var covered = Duration.zero
  var samples = 0
  /// For the spread of power, which tells whether quantisation averages out.
  var leastWatts = Double.infinity
  var mostWatts = -Double.infinity
  var firstWatts: Double?
  var lastWatts: Double?

  mutating func add(_ segment: Segment, from: Duration, to: Duration) {
    let overlap = segment.overlap(from: from, to: to)
    guard overlap > .zero else { return }
    joules += segment.joules(from: from, to: to)
    covered += overlap
    if segment.end <= to && segment.end > from { samples += 1 }
    leastWatts = min(leastWatts, segment.startWatts, segment.endWatts)
    mostWatts = max(mostWatts, segment.startWatts, segment.endWatts)
    if firstWatts == nil { firstWatts = segment.startWatts }
    lastWatts = segment.endWatts
  }
}

/// A window between `open` and `close`. Costs as much memory whatever its length.
struct EnergyWindow: Sendable {
  let start: Duration
  /// `[rail]`, in the order of the meter's total.
  var shares: [RailShare]

  init(start: Duration, rails: Int) {
    self.start = start
    self.shares = Array(repeating: RailShare(), count: rails)
  }

  mutating func add(_ segment: Segment, rail: Int) { shares[rail].add(segment, from: start, to: segment.end) }

  /// Adds the time since the last sample, for which the last power is held: closing never waits for a sensor. Beyond
  /// `gap` nothing is held.
  mutating func hold(_ held: (watts: Double, since: Duration)?, rail: Int, until end: Duration, gap: Duration) {
    guard let held, end > held.since, end - held.since <= gap else { return }
    let tail = Segment(start: held.since, end: end, startWatts: held.watts, endWatts: held.watts)
    shares[rail].joules += tail.joules(from: start, to: end)
    shares[rail].covered += tail.overlap(from: start, to: end)
  }
}
