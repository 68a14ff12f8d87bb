// The scheduler's place in the service group: it drains when the group stops, and is cut short when time is up.

import Dispatch
import ServiceLifecycle

struct SchedulerService: Service {
  let scheduler: Scheduler

  func run() async throws {
    await withTaskCancellationOrGracefulShutdownHandler {
      await Self.joined(scheduler)
    } onCancelOrGracefulShutdown: {
      scheduler.close()
    }
    // The thread may end before this service's turn to stop comes; the group takes an early end for a failure.
    try? await gracefulShutdown()
  }

  /// Waits for the thread off the shared pool.
  private static func joined(_ scheduler: Scheduler) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
        DispatchQueue.global().async {
          scheduler.waitUntilStopped()
          done.resume()
        }
      }
    } onCancel: {
      scheduler.cancelAll()
    }
  }
}
