// One rail over time: readings in, stretches of known energy out.

import SiftCore

/// A stretch of time over which the energy of a rail is known: power runs in a straight line from start to end.
package struct Segment: Sendable, Hashable {
  package var start: Duration
  package var end: Duration
  package var startWatts: Double
  package var endWatts: Double

  /// Energy of the part that lies in `from` … `to`, in joules: the exact area under the line.
  package func joules(from: Duration, to: Duration) -> Double {
    let low = max(from, start)
    let high = min(to, end)
    guard high > low else { return 0 }
    return (high - low).seconds * (watts(at: low) + watts(at: high)) / 2
  }

  /// Length of the part that lies in `from` … `to`.
  package func overlap(from: Duration, to: Duration) -> Duration {
    max(.zero, min(to, end) - max(from, start))
  }

  private func watts(at instant: Duration) -> Double {
    let length = (end - start).seconds
    guard length > 0 else { return endWatts }
    return startWatts + (endWatts - startWatts) * ((instant - start).seconds / length)
  }
}

/// Turns the readings of one rail into segments. A failed read is a gap and never a value; a counter keeps what was missed,
/// a power does not.
package struct RailTrack: Sendable {
  private var counter: WrappingCounter?
  private var last: (watts: Double, at: Duration)?
  private var lastCount: Duration?
  private let gap: Duration
  private let plausibleWatts: Double
  /// The last good power, for holding it until the next sample; nil in a gap.
  package private(set) var held: (watts: Double, since: Duration)?
  /// Good readings so far.
  package private(set) var samples = 0
  /// Readings that failed or were not believed.
  package private(set) var failures = 0
  /// The smallest step between two readings seen so far, in watts.
  package private(set) var smallestStep: Double?

  /// - Parameter range: of the counter, in µJ, where the rail is one and promises it.
  package init(range: Int64?, gap: Duration, plausibleWatts: Double) {
    self.counter = WrappingCounter(range: range, limitWatts: plausibleWatts)
    self.gap = gap
    self.plausibleWatts = plausibleWatts
  }

  /// Takes a reading made around `instant`. - Returns: the stretch that is known now, if any.
  package mutating func record(_ value: RailValue, at instant: Duration) -> Segment? {
    switch value {
    case .watts(let watts):
      guard watts.isFinite, abs(watts) <= plausibleWatts else {
        fail()
        return nil
      }
      return record(watts: watts, at: instant)
    case .microjoules(let count): return record(count: count, at: instant)
    }
  }

  /// A read failed: what lies between the neighbours of this moment is not known.
  package mutating func fail() {
    failures += 1
    last = nil
    held = nil
  }

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
    let step = counter?.record(count, at: instant)
    defer { lastCount = instant }
    guard case .grew(let microjoules) = step, let start = lastCount else {
      if step == .unknown { failures += 1 }
      held = nil
      return nil
    }
    let watts = Double(microjoules) * 1e-6 / (instant - start).seconds
    held = (watts, instant)
    return Segment(start: start, end: instant, startWatts: watts, endWatts: watts)
  }

  private mutating func note(step: Double) {
    let size = abs(step)
    if size > 1e-9, size < smallestStep ?? .infinity { smallestStep = size }
  }
}
