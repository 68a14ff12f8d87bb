// Thin wrappers that let the parts of the daemon run in one service group.

import EnergyMeter
import HostIO
import LinkMonitor
import ServiceLifecycle
import SiftCluster
import Synchronization
import UnixSignals

/// Runs a body that ends by cancellation, and takes graceful shutdown for one.
struct BackgroundService: Service, CustomStringConvertible {
  let description: String
  let body: @Sendable () async throws -> Void

  func run() async throws {
    do {
      try await cancelWhenGracefulShutdown { try await body() }
    } catch is CancellationError {}
    // A body may have nothing to do, such as a meter without rails; the group must not take that for an end.
    try? await gracefulShutdown()
  }
}

/// Counts how often a periodic task went round, for the watchdog.
final class Beat: Sendable {
  private let count = Atomic<UInt64>(0)
  func beat() { count.add(1, ordering: .relaxed) }
  var moved: UInt64 { count.load(ordering: .relaxed) }
}

/// Calls a body at an interval until the group stops.
struct PeriodicService: Service, CustomStringConvertible {
  let description: String
  let interval: Duration
  let clock: any Clock<Duration>
  let body: @Sendable () -> Void

  func run() async throws {
    while !Task.isShuttingDownGracefully && !Task.isCancelled {
      body()
      try? await cancelWhenGracefulShutdown { try await clock.sleep(for: interval, tolerance: nil) }
    }
  }
}

/// Serves other nodes' visits until the group stops.
struct ExpertServerService: Service, CustomStringConvertible {
  let server: ExpertServer
  var description: String { "expert server" }

  func run() async throws {
    try? await gracefulShutdown()
    await server.stop()
  }
}

/// Keeps connections to peers until everything that could use them has stopped.
struct PeerTransportService: Service, CustomStringConvertible {
  let transport: PeerTransport
  var description: String { "peers" }

  func run() async throws {
    try? await gracefulShutdown()
    transport.stop()
  }
}

/// Calls a body for every SIGHUP.
struct ReloadService: Service, CustomStringConvertible {
  var description: String { "reload" }
  let reload: @Sendable () -> Void

  func run() async throws {
    let signals = await UnixSignalsSequence(trapping: .sighup)
    for await _ in signals.cancelOnGracefulShutdown() { reload() }
    try? await gracefulShutdown()
  }
}
