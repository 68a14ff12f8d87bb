// Small services and helpers around the running daemon: event loops for the watchdog, the status line, files.

import EnergyMeter
import Glibc
import HostIO
import LinkMonitor
import NIOCore
import ServiceLifecycle
import SiftCore
import Synchronization

/// Pulses of the threads that serve HTTP.
enum EventLoopPulses {
  static func all(of group: any EventLoopGroup) -> [Pulse] {
    var pulses: [Pulse] = []
    for (index, loop) in group.makeIterator().enumerated() {
      let beat = Beat()
      pulses.append(
        Pulse(name: "event loop \(index)", challenge: { loop.execute { beat.beat() } }, moved: { beat.moved }))
    }
    return pulses
  }
}

/// Tells the service manager what the daemon does, when that changed.
struct StatusLine: Sendable {
  let status: NodeStatus
  let notifier: any ServiceNotifying

  func service(clock: ContinuousClock) -> any Service {
    let said = Said()
    return PeriodicService(description: "status line", interval: .seconds(5), clock: clock) {
      let line = status.line(status.scheduler?.figures ?? SchedulerFigures())
      if said.replace(line) { notifier.status(line) }
    }
  }
}

/// The line said last. The first line is the one that READY carried.
private final class Said: Sendable {
  private let last = Mutex<String?>(nil)

  /// - Returns: whether `line` is news.
  func replace(_ line: String) -> Bool {
    last.withLock { last in
      defer { last = line }
      return last != nil && last != line
    }
  }
}

/// Link levels for a task that runs on any thread.
final class LevelKeeper: Sendable {
  private let levels = Mutex(LinkLevels())
  private let timeline: Timeline

  init(clock: some Clock<Duration>) { timeline = Timeline(clock) }

  func changes(in snapshot: LinkSnapshot) -> [JournalRecord] {
    levels.withLock { $0.changes(in: snapshot, at: timeline.now) }
  }
}

/// Time of day: what records and ledgers are stamped with. It may be set back.
enum WallClock {
  /// Seconds since 1970.
  @Sendable static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

enum FilePresence {
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}

/// What an execution for another node cost: power above idle where the rails tell it, else the power model.
struct HostMeter: Sendable {
  private let meter: RailMeter
  private let coreWatts: Double

  init(_ setup: NodeSetup) {
    meter = setup.meter
    // Every thread of the engine works on a visit.
    coreWatts = setup.configuration[Keys.energy.coreWatts] * Double(setup.engine.threads)
  }

  @Sendable func energy(_ execution: Duration) -> (energy: Energy, standing: Standing)? {
    let snapshot = meter.latest
    let powers = snapshot.rails.compactMap(\.power)
    guard !powers.isEmpty, powers.count == snapshot.rails.count, let idle = snapshot.idle else {
      return (Power.watts(coreWatts) * execution, .modelled)
    }
    // A visit is shorter than a sample: the power of the latest one stands for it, so the joules are derived.
    let above = max(0, powers.map(\.watts).reduce(0, +) - idle.watts)
    return (Power.watts(above) * execution, max(.derived, snapshot.rails.map(\.standing).max() ?? .derived))
  }
}
