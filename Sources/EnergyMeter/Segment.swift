// A stretch of time over which the energy of a rail is known, and the last few of them.

import SiftCore

/// A stretch over which power runs in a straight line from start to end.
package struct Segment: Sendable, Hashable {
  package let start: Duration
  package let end: Duration
  package var startWatts: Double
  package var endWatts: Double
  /// From start to end, in seconds: asked for by every open window.
  package let length: Double

  package init(start: Duration, end: Duration, startWatts: Double, endWatts: Double) {
    self.start = start
    self.end = end
    self.startWatts = startWatts
    self.endWatts = endWatts
    length = (end - start).seconds
  }

  /// Energy of the part that lies in `from` … `to`, in joules: the exact area under the line.
  package func joules(from: Duration, to: Duration) -> Double {
    let low = max(from, start)
    let high = min(to, end)
    guard high > low else { return 0 }
    return (high - low).seconds * (watts(at: low) + watts(at: high)) / 2
  }

  /// All of its energy, in joules.
  package var joules: Double { length * (startWatts + endWatts) / 2 }

  /// (ΔP · length)², in J²: what a step at an unknown place between its two samples may hide.
  package var hidden: Double {
    let most = (endWatts - startWatts) * length
    return most * most
  }

  /// Length of the part that lies in `from` … `to`.
  package func overlap(from: Duration, to: Duration) -> Duration {
    max(.zero, min(to, end) - max(from, start))
  }

  private func watts(at instant: Duration) -> Double {
    guard length > 0 else { return endWatts }
    return startWatts + (endWatts - startWatts) * ((instant - start).seconds / length)
  }
}

/// The latest segments of a rail, oldest first when iterated; a ring that never grows.
package struct RecentSegments: Sendable {
  package static let capacity = 32
  private var ring: [Segment] = []
  private var next = 0

  package init() { ring.reserveCapacity(Self.capacity) }

  package mutating func append(_ segment: Segment) {
    if ring.count < Self.capacity { ring.append(segment) } else { ring[next] = segment }
    next = (next + 1) % Self.capacity
  }

  package func forEach(_ body: (Segment) -> Void) {
    let first = ring.count < Self.capacity ? 0 : next
    for at in 0..<ring.count { body(ring[(first + at) % Self.capacity]) }
  }
}
