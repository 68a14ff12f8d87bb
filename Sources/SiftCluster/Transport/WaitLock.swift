// A mutex with a condition, for threads that wait with a deadline, and the thread that keeps a peer.

import Glibc

/// A pthread mutex and condition variable on the monotonic clock.
///
/// `@unchecked Sendable`: the two pthread objects are made for being shared, live at fixed addresses and are destroyed
/// when nobody refers to the lock any more, so that nobody can be inside.
final class WaitLock: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func lock() { pthread_mutex_lock(mutex) }
  func unlock() { pthread_mutex_unlock(mutex) }
  func wakeAll() { pthread_cond_broadcast(condition) }

  /// Waits to be woken, at most for `nanoseconds`; may return early. The lock is held before and after.
  func wait(nanoseconds: Int64) {
    var until = timespec()
    clock_gettime(CLOCK_MONOTONIC, &until)
    let capped = min(max(0, nanoseconds), 3_600_000_000_000)
    let total = Int64(until.tv_nsec) + capped
    until.tv_sec += Int(total / 1_000_000_000)
    until.tv_nsec = Int(total % 1_000_000_000)
    pthread_cond_timedwait(condition, mutex, &until)
  }
}

/// A thread that can be joined.
///
/// `@unchecked Sendable`: the handle is written once, before the object is shared.
final class KeeperThread: @unchecked Sendable {
  private var thread = pthread_t()

  /// - Returns: nil when the system gives no thread.
  init?(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Body(body))
    let failed = pthread_create(
      &thread, nil,
      { raw in
        guard let raw else { return nil }
        Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    if failed != 0 {
      box.release()
      return nil
    }
  }

  /// Waits for the thread's end. To be called once.
  func join() { pthread_join(thread, nil) }

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}
