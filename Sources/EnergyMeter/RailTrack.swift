// One rail over time: readings in, stretches of known energy out.

import SiftCore

/// Turns the readings of one rail into segments. A failed read is a gap and never a value; a counter keeps what was missed,
/// a power does not.
package struct RailTrack: Sendable {
  private var counter: WrappingCounter?
  private var last: (watts: Double, at: Duration)?
  private var lastCount: (microjoules: Int64, at: Duration)?
  /// Longest pause between two good samples of a power that is bridged; the averaging time is added to it.
  private let gap: Duration
  private let averaging: Duration
  private let plausibleWatts: Double
  /// The last good power, for holding it until the next sample; nil in a gap.
  package private(set) var held: (watts: Double, since: Duration)?
  /// The latest segments, for what lay before a window that opens now.
  package private(set) var recent: RecentSegments
  /// Good readings so far.
  package private(set) var samples = 0
  /// Readings that failed or were not believed.
  package private(set) var failures = 0
  /// What the rail has been seen to do lately: mean over some ten seconds of (ΔP · length)² a second, in J²/s. Between two
  /// snapshots of a restless rail something may happen that neither shows.
  package private(set) var unrest = 0.0
  /// The smallest step between two readings seen so far, in watts.
  package private(set) var smallestStep: Double?

  /// - Parameters:
  ///   - range: of the counter, in µJ, where the rail is one and promises it.
  ///   - gap: a longer pause between two good samples of a power is a gap.
  ///   - averaging: the time that the device averages one reading over, which ends when it is read.
  ///   - plausibleWatts: a power beyond this is not believed.
  package init(range: Int64?, gap: Duration, averaging: Duration = .zero, plausibleWatts: Double) {
    self.counter = WrappingCounter(range: range, limitWatts: plausibleWatts)
    self.gap = gap
    self.averaging = averaging
    self.plausibleWatts = plausibleWatts
    self.recent = RecentSegments()
  }

  /// Takes a reading made around `instant`. - Returns: the stretch that is known now, if any.
  package mutating func record(_ value: RailValue, at instant: Duration) -> Segment? {
    let segment: Segment?
    switch value {
    case .nothingNew: return nil
    case .watts(let watts):
      guard watts.isFinite, abs(watts) <= plausibleWatts else {
        fail()
        return nil
      }
      // A mean belongs to the middle of the time it was taken over.
      segment = record(watts: watts, at: instant - averaging.half)
    case .microjoules(let count): segment = record(count: count, at: instant)
    }
    if let segment {
      recent.append(segment)
      note(segment)
    }
    return segment
  }

  /// A read failed: what lies between the neighbours of this moment is not known.
  package mutating func fail() {
    failures += 1
    last = nil
    held = nil
  }

  /// The machine slept, or time jumped: a power says nothing of the pause, and a counter may have been reset in it.
  package mutating func interrupt() {
    last = nil
    held = nil
    lastCount = nil
    counter?.forget()
  }

  /// How long the last power may stand for what follows it.
  package var holdLimit: Duration { gap + averaging }

  private mutating func record(watts: Double, at instant: Duration) -> Segment? {
    samples += 1
    defer {
      last = (watts, instant)
      held = (watts, instant)
    }
    guard let last, instant > last.at, instant - last.at <= gap else { return nil }
    note(step: watts - last.watts)
    return Segment(start: last.at, end: instant, startWatts: last.watts, endWatts: watts)
  }

  private mutating func record(count: Int64, at instant: Duration) -> Segment? {
    samples += 1
    // Read faster than the device counts: the same count again says nothing yet.
    if let lastCount, count == lastCount.microjoules, instant > lastCount.at, instant - lastCount.at <= gap {
      return nil
    }
    let step = counter?.record(count, at: instant)
    let before = lastCount
    lastCount = (count, instant)
    guard case .grew(let microjoules) = step, let before else {
      if step == .unknown { failures += 1 }
      held = nil
      return nil
    }
    let watts = Double(microjoules) * 1e-6 / (instant - before.at).seconds
    held = (watts, instant)
    return Segment(start: before.at, end: instant, startWatts: watts, endWatts: watts)
  }

  private mutating func note(_ segment: Segment) {
    guard segment.length > 0 else { return }
    unrest += (segment.hidden / segment.length - unrest) * min(1, segment.length / 10)
  }

  private mutating func note(step: Double) {
    let size = abs(step)
    if size > 1e-9, size < smallestStep ?? .infinity { smallestStep = size }
  }
}
