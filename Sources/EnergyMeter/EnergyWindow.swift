// An open window: what each rail has brought since it was opened, and what lay just before and after it.

import SiftCore

/// The sums of one rail over one stretch of time.
struct RailShare: Sendable {
  var joules = 0.0
  var covered = Duration.zero
  var samples = 0
  var leastWatts = Double.infinity
  var mostWatts = -Double.infinity
  /// Σ `Segment.hidden`, in J².
  var stepsSquared = 0.0
  /// Time over which power moved by less than the sensor's step: there quantisation does not average out.
  var flat = Duration.zero

  /// - Parameter step: of the sensor, in watts.
  mutating func add(_ segment: Segment, from: Duration, to: Duration, step: Double) {
    let overlap = segment.overlap(from: from, to: to)
    guard overlap > .zero else { return }
    // Nearly every segment lies wholly inside: only the edges' are cut.
    let isWhole = from <= segment.start && segment.end <= to
    joules += isWhole ? segment.joules : segment.joules(from: from, to: to)
    stepsSquared += isWhole ? segment.hidden : segment.hidden * (overlap.seconds / segment.length)
    covered += overlap
    if segment.end <= to && segment.end > from { samples += 1 }
    see(segment)
    if abs(segment.endWatts - segment.startWatts) < step / 2 { flat += overlap }
  }

  /// Takes note of the powers of a segment that lies beside the window: an edge is as high as what it leads from.
  mutating func see(_ segment: Segment) {
    leastWatts = min(leastWatts, segment.startWatts, segment.endWatts)
    mostWatts = max(mostWatts, segment.startWatts, segment.endWatts)
  }

  mutating func add(_ other: RailShare) {
    joules += other.joules
    covered += other.covered
    samples += other.samples
    leastWatts = min(leastWatts, other.leastWatts)
    mostWatts = max(mostWatts, other.mostWatts)
    stepsSquared += other.stepsSquared
    flat += other.flat
  }

  /// Largest less smallest power seen, in watts.
  var spread: Double { mostWatts >= leastWatts ? mostWatts - leastWatts : 0 }
}

/// One rail's part of a window.
struct WindowShare: Sendable {
  /// Between the window's own ends.
  var body = RailShare()
  /// Before its beginning and after its end, each as long as the padding.
  var head = RailShare()
  var tail = RailShare()
  /// What lay before the head: whether the rail was at rest there, and at which level.
  var rest = RailShare()
  /// The last power of the tail; nil until it is known.
  var lastWatts: Double?
  /// The longest segment that lies across one of the ends: what happens within it cannot be placed.
  var straddling = Duration.zero
}

/// A window between `open` and `close`. Costs as much memory whatever its length.
struct EnergyWindow: Sendable {
  let id: UInt64
  let start: Duration
  /// How far it may be extended to both sides.
  let padding: Duration
  /// Whether the machine had something to do because of it.
  let isActivity: Bool
  /// nil while it is open.
  var end: Duration?
  /// Whether no other window was open within the padding before, or after.
  var isQuietBefore: Bool
  var isQuietAfter = true
  /// `[rail]`, in the order of the meter's rails.
  var shares: [WindowShare]

  init(id: UInt64, start: Duration, padding: Duration, isActivity: Bool, isQuietBefore: Bool, rails: Int) {
    self.id = id
    self.start = start
    self.padding = padding
    self.isActivity = isActivity
    self.isQuietBefore = isQuietBefore
    self.shares = Array(repeating: WindowShare(), count: rails)
  }

  /// - Parameter step: of the rail's sensor, in watts.
  mutating func add(_ segment: Segment, rail: Int, step: Double) {
    let end = end ?? segment.end
    shares[rail].body.add(segment, from: start, to: end, step: step)
    if segment.start < start { addBefore(segment, rail: rail, step: step) }
    if self.end != nil {
      shares[rail].tail.add(segment, from: end, to: end + padding, step: step)
      if segment.start < end + padding { shares[rail].lastWatts = segment.endWatts }
    }
    let straddles = segment.start < start && segment.end > start || segment.start < end && segment.end > end
    if straddles { shares[rail].straddling = max(shares[rail].straddling, segment.end - segment.start) }
  }

  private mutating func addBefore(_ segment: Segment, rail: Int, step: Double) {
    shares[rail].head.add(segment, from: start - padding, to: start, step: step)
    if segment.end <= start - padding {
      shares[rail].rest.add(segment, from: segment.start, to: segment.end, step: step)
    }
    // The powers just outside make the edges.
    shares[rail].body.leastWatts = min(shares[rail].body.leastWatts, shares[rail].head.leastWatts)
    shares[rail].body.mostWatts = max(shares[rail].body.mostWatts, shares[rail].head.mostWatts)
  }

  /// Adds the time since the last sample, for which the last power is held: closing never waits for a sensor. Beyond
  /// `limit` nothing is held.
  mutating func hold(_ held: (watts: Double, since: Duration)?, rail: Int, until end: Duration, limit: Duration) {
    guard let held, end > held.since, end - held.since <= limit else { return }
    let tail = Segment(start: held.since, end: end, startWatts: held.watts, endWatts: held.watts)
    shares[rail].body.joules += tail.joules(from: start, to: end)
    shares[rail].body.covered += tail.overlap(from: start, to: end)
    shares[rail].body.see(tail)
    shares[rail].straddling = max(shares[rail].straddling, end - held.since)
  }
}
