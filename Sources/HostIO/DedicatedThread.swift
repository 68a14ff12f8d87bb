// A thread of one's own.

import Dispatch

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A thread that belongs to one job for as long as that lasts. Pool threads must not block; this one may.
public enum DedicatedThread {
  private final class Job {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
  }

  /// - Parameter body: runs on the new thread; on this one's pool when the system gives no thread.
  public static func start(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let job = Unmanaged.passRetained(Job(body))
    let answer = pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer else { return nil }
        Unmanaged<Job>.fromOpaque(pointer).takeRetainedValue().body()
        return nil
      }, job.toOpaque())
    if answer == 0 {
      pthread_detach(thread)
    } else {
      job.release()
      DispatchQueue.global().async(execute: body)
    }
  }

  /// Blocks the thread for `time`; a signal may end it earlier.
  public static func sleep(_ time: Duration) {
    guard time > .zero else { return }
    let (seconds, attoseconds) = time.components
    var wanted = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    nanosleep(&wanted, nil)
  }
}
