// The watchdog: the service manager hears of us only while every part of the daemon has moved.

import HostIO
import ServiceLifecycle

/// A part of the daemon that can show that it lives.
public struct Pulse: Sendable {
  public let name: String
  /// Asks the part to move; must not wait.
  let challenge: @Sendable () -> Void
  /// How often it moved so far.
  let moved: @Sendable () -> UInt64

  public init(name: String, challenge: @escaping @Sendable () -> Void, moved: @escaping @Sendable () -> UInt64) {
    self.name = name
    self.challenge = challenge
    self.moved = moved
  }
}

/// The rule, without time: one round after another.
package struct WatchdogState {
  private var seen: [String: UInt64] = [:]
  /// Parts that stood still in the round before, so that each is announced once.
  private var stuck: Set<String> = []

  /// What a round found.
  package struct Round: Equatable {
    /// Whether every part moved since the round before (or this is the first).
    package var isAlive: Bool
    package var newlyStuck: [String]

    package init(isAlive: Bool, newlyStuck: [String]) {
      self.isAlive = isAlive
      self.newlyStuck = newlyStuck
    }
  }

  package init() {}

  package mutating func round(_ pulses: [Pulse]) -> Round {
    var still: [String] = []
    for pulse in pulses {
      let moved = pulse.moved()
      if let before = seen[pulse.name], before == moved { still.append(pulse.name) }
      seen[pulse.name] = moved
      pulse.challenge()
    }
    defer { stuck = Set(still) }
    return Round(isAlive: still.isEmpty, newlyStuck: still.filter { !stuck.contains($0) })
  }
}

/// Sends WATCHDOG=1 at a third of the interval the service manager asked for.
struct WatchdogService: Service {
  let interval: Duration
  let pulses: [Pulse]
  let notifier: any ServiceNotifying
  let recorder: Recorder
  let clock: any Clock<Duration>

  func run() async throws {
    var state = WatchdogState()
    while !Task.isShuttingDownGracefully && !Task.isCancelled {
      let round = state.round(pulses)
      if round.isAlive { notifier.watchdog() }
      for name in round.newlyStuck {
        recorder.record(
          JournalRecord(priority: .error, message: "\(name) has not moved for \(interval / 3); the watchdog is not fed")
        )
      }
      try? await cancelWhenGracefulShutdown { try await clock.sleep(for: interval / 3, tolerance: nil) }
    }
  }
}
