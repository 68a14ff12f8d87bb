// A view of the meter for status and metrics.

import SiftCore

/// The meter at one moment.
public struct MeterSnapshot: Sendable, Hashable {
  /// Rounds of sampling so far.
  public var rounds: UInt64
  /// nil until known.
  public var idle: Power?
  /// The rails of the total.
  public var rails: [RailSnapshot]
  /// The other rails that are sampled; never to be added to those of the total.
  public var parts: [RailSnapshot]

  package init(rounds: UInt64, idle: Power?, rails: [RailSnapshot], parts: [RailSnapshot]) {
    self.rounds = rounds
    self.idle = idle
    self.rails = rails
    self.parts = parts
  }
}

/// One rail of a snapshot.
public struct RailSnapshot: Sendable, Hashable {
  public var id: String
  public var standing: Standing
  /// The last good power; nil in a gap.
  public var power: Power?
  /// Known energy since the meter started.
  public var energy: Energy
  /// The time that `energy` covers.
  public var covered: Duration
  /// The rail's own idle level; nil until known.
  public var idle: Power?
  public var samples: Int
  public var failures: Int

  package init(
    id: String, standing: Standing, power: Power?, energy: Energy, covered: Duration, idle: Power?, samples: Int,
    failures: Int
  ) {
    self.id = id
    self.standing = standing
    self.power = power
    self.energy = energy
    self.covered = covered
    self.idle = idle
    self.samples = samples
    self.failures = failures
  }
}

extension RailMeter {
  /// A view of the rails for status and metrics; does not wait.
  public var latest: MeterSnapshot {
    state.withLock { state in
      state.catchUp()
      let all = rails.indices.map { at in
        RailSnapshot(
          id: rails[at].id, standing: rails[at].standing,
          power: state.tracks[at].held.map { .watts($0.watts) }, energy: .joules(state.totals[at]),
          covered: state.covered[at], idle: state.railIdle[at].level, samples: state.tracks[at].samples,
          failures: state.tracks[at].failures)
      }
      return MeterSnapshot(
        rounds: state.rounds, idle: state.idle.level, rails: Array(all.prefix(totalCount)),
        parts: Array(all.dropFirst(totalCount)))
    }
  }
}
