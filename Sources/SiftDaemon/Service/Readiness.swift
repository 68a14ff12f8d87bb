// Says READY once every listener serves, STOPPING as soon as the group is told to stop.

import HostIO
import ServiceLifecycle

/// The place where listeners report that they serve.
struct Readiness: Sendable {
  private let arrivals: AsyncStream<Void>
  private let arrival: AsyncStream<Void>.Continuation
  /// How many have to arrive.
  let expected: Int

  init(expected: Int) {
    (arrivals, arrival) = AsyncStream<Void>.makeStream()
    self.expected = expected
  }

  func arrive() { arrival.yield() }

  /// Waits for all. - Returns: false when the group stops first.
  func all() async -> Bool {
    var seen = 0
    guard expected > 0 else { return true }
    for await _ in arrivals.cancelOnGracefulShutdown() {
      seen += 1
      if seen == expected { return true }
    }
    return false
  }
}

/// The last service of the group: it starts when the others do, and is told first to stop.
struct AnnouncementService: Service, CustomStringConvertible {
  var description: String { "announcements" }
  let readiness: Readiness
  let notifier: any ServiceNotifying
  let recorder: Recorder
  /// What is served, in one line.
  let greeting: String
  /// Called when the group is told to stop: no new requests.
  let whenStopping: @Sendable () -> Void

  func run() async throws {
    if await readiness.all() {
      recorder.say(.started, greeting)
      recorder.flush()
      notifier.ready(greeting)
      try? await gracefulShutdown()
    }
    whenStopping()
    notifier.stopping("stopping: running requests are answered first")
    recorder.say(.stopping, "stopping: running requests are answered first")
  }
}
