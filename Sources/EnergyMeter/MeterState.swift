// What the meter knows between two rounds: tracks, idle levels and open windows. A value; time is given to it.

import SiftCore

/// The changing part of a meter. Rails are numbered as the meter samples them: those of the total first.
struct MeterState: Sendable {
  private(set) var tracks: [RailTrack]
  /// Step of each rail's sensor where the chip is known, and the unit of its text, in watts.
  private let steps: [(known: Double?, unit: Double)]
  /// How many of the rails make up the total.
  private let totalCount: Int
  private(set) var idle = IdleLevel()
  private(set) var railIdle: [IdleLevel]
  private(set) var rounds: UInt64 = 0
  /// Energy of each rail since the start, in joules, gaps left out; and the time that it covers.
  private(set) var totals: [Double]
  private(set) var covered: [Duration]
  /// Readings that are not worked off yet: rounds, oldest first, each `[rail]`.
  private var backlog: [Reading] = []
  /// Rounds that are noted before they are worked off.
  private static let roundsNoted = 8
  private var windows: [EnergyWindow] = []
  private var nextWindow: UInt64 = 0
  /// When the last window was ended; nil before the first.
  private var lastEnd: Duration?
  /// The rails' stretches of one round as one; and how many of the total's rails it holds.
  private var sum = Segment(start: .zero, end: .zero, startWatts: 0, endWatts: 0)
  private var summed = 0

  /// What one round brought of one rail: nil, the read failed; and the moment that it is the value of.
  struct Reading: Sendable {
    var value: RailValue?
    var at: Duration
  }

  init(tracks: [RailTrack], steps: [(known: Double?, unit: Double)], totalCount: Int) {
    self.tracks = tracks
    self.steps = steps
    self.totalCount = totalCount
    railIdle = Array(repeating: IdleLevel(), count: tracks.count)
    totals = Array(repeating: 0, count: tracks.count)
    covered = Array(repeating: .zero, count: tracks.count)
    windows.reserveCapacity(64)
    backlog.reserveCapacity(tracks.count * Self.roundsNoted)
  }

  // MARK: Rounds

  /// Takes the readings of a round, `[rail]`. Does not allocate.
  ///
  /// A machine that wakes for a round finds its caches cold, so a round is only noted, and the next few are worked off
  /// with it: at the latest when somebody asks.
  mutating func take(_ round: [Reading]) {
    rounds += 1
    backlog.append(contentsOf: round)
    if backlog.count >= tracks.count * Self.roundsNoted { catchUp() }
  }

  /// Works off what has been noted. To be called before anything is read from here.
  mutating func catchUp() {
    guard !backlog.isEmpty else { return }
    for first in stride(from: 0, to: backlog.count, by: tracks.count) {
      summed = 0
      for rail in tracks.indices { work(off: backlog[first + rail], of: rail) }
      // A whole sum tells something of the idle level.
      if summed == totalCount, totalCount > 0 { idle.record(sum) }
    }
    backlog.removeAll(keepingCapacity: true)
  }

  private mutating func work(off reading: Reading, of rail: Int) {
    if reading.value == .nothingNew { return }
    guard let value = reading.value else { return tracks[rail].fail() }
    guard let segment = tracks[rail].record(value, at: reading.at) else { return }
    totals[rail] += segment.joules
    covered[rail] += segment.end - segment.start
    railIdle[rail].record(segment)
    if rail < totalCount { addToSum(segment) }
    let step = step(of: rail)
    for at in windows.indices { windows[at].add(segment, rail: rail, step: step) }
  }

  /// The step of a rail's sensor, in watts: as the chip is known to have it, else the smallest that was seen, but no less
  /// than the unit of its text.
  func step(of rail: Int) -> Double { steps[rail].known ?? max(steps[rail].unit, tracks[rail].smallestStep ?? 0) }

  /// Their reads are milliseconds apart, which is nothing for an idle level.
  private mutating func addToSum(_ segment: Segment) {
    if summed == 0 {
      sum = segment
    } else {
      sum.startWatts += segment.startWatts
      sum.endWatts += segment.endWatts
    }
    summed += 1
  }

  /// The machine slept since the last round.
  mutating func interrupt() {
    catchUp()
    for rail in tracks.indices { tracks[rail].interrupt() }
  }

  // MARK: Windows

  mutating func open(at now: Duration, padding: Duration, isActivity: Bool) -> UInt64 {
    catchUp()
    nextWindow += 1
    // The end of what went before is itself smeared over a padding.
    let isQuiet =
      !windows.contains { $0.isActivity && $0.end == nil } && lastEnd.map { $0 + padding * 2 <= now } ?? true
    if isActivity {
      for at in windows.indices {
        if let end = windows[at].end, now < end + windows[at].padding * 2 { windows[at].isQuietAfter = false }
      }
    }
    var window = EnergyWindow(
      id: nextWindow, start: now, padding: padding, isActivity: isActivity, isQuietBefore: isQuiet,
      rails: tracks.count)
    for rail in tracks.indices {
      let step = step(of: rail)
      tracks[rail].recent.forEach { window.add($0, rail: rail, step: step) }
    }
    windows.append(window)
    return nextWindow
  }

  /// Ends a window; it goes on collecting what lies around its end.
  mutating func end(_ id: UInt64, at now: Duration) {
    catchUp()
    guard let at = windows.firstIndex(where: { $0.id == id }), windows[at].end == nil else { return }
    windows[at].end = max(now, windows[at].start)
    if windows.contains(where: { $0.id != id && $0.isActivity && $0.end == nil }) { windows[at].isQuietAfter = false }
    if windows[at].isActivity { lastEnd = now }
  }

  /// Takes a window out; nil when there is none of this id. One that was not ended is ended at `now`, and the last powers
  /// are held to there.
  mutating func remove(_ id: UInt64, at now: Duration) -> EnergyWindow? {
    catchUp()
    guard let at = windows.firstIndex(where: { $0.id == id }) else { return nil }
    var window = windows.remove(at: at)
    let end = window.end ?? max(now, window.start)
    if window.end == nil, window.isActivity { lastEnd = now }
    window.end = end
    for (rail, track) in tracks.enumerated() {
      window.hold(track.held, rail: rail, until: end, limit: track.holdLimit)
    }
    return window
  }
}
