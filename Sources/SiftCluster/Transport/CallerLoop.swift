// An event loop without a thread: its events happen on the thread that holds the connection's lock. It lets NIO's TLS
// handler run where the bytes are wanted, so that an exchange costs no hand-over between threads (docs/adr/0001).

import Glibc
import NIOCore
import Synchronization

#if canImport(Dispatch)
  import Dispatch
#endif

/// `@unchecked Sendable`: `deferred` and `timers` are touched only between `enter` and `leave`, which are called with
/// the connection's lock held; `owner` is atomic and tells whether the caller is there.
final class CallerLoop: EventLoop, @unchecked Sendable {
  private let owner = Atomic<UInt>(0)
  private var deferred: [() -> Void] = []
  private var timers: [UInt64: (any Error) -> Void] = [:]
  private var nextTimer: UInt64 = 0

  /// The calling thread has taken the lock.
  func enter() { owner.store(UInt(pthread_self()), ordering: .relaxed) }

  /// Runs what was put off, before the lock is given back.
  func leave() {
    while !deferred.isEmpty {
      let work = deferred
      deferred.removeAll(keepingCapacity: true)
      for task in work { task() }
    }
    owner.store(0, ordering: .relaxed)
  }

  var inEventLoop: Bool { owner.load(ordering: .relaxed) == UInt(pthread_self()) }

  func execute(_ task: @escaping @Sendable () -> Void) {
    preconditionInEventLoop()
    deferred.append(task)
  }

  func _executeIsolatedUnsafeUnchecked(_ task: @escaping () -> Void) { deferred.append(task) }

  /// Tasks with a deadline are kept but never run: the only one is the TLS handler's wait for the peer's farewell, and
  /// a link that says farewell is shut down at once.
  func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
    preconditionInEventLoop()
    let promise = makePromise(of: T.self)
    nextTimer += 1
    let number = nextTimer
    timers[number] = { promise.fail($0) }
    return Scheduled(promise: promise, cancellationTask: { self.timers[number] = nil })
  }

  func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
    scheduleTask(deadline: .now() + delay, task)
  }

  /// Gives up the tasks that will never run.
  func abandonTimers() {
    preconditionInEventLoop()
    let abandoned = timers.values
    timers = [:]
    for fail in abandoned { fail(EventLoopError.cancelled) }
  }

  func preconditionInEventLoop(file: StaticString, line: UInt) {
    precondition(inEventLoop, "the connection's lock is not held", file: file, line: line)
  }

  func preconditionNotInEventLoop(file: StaticString, line: UInt) {
    precondition(!inEventLoop, "the connection's lock is held", file: file, line: line)
  }

  #if canImport(Dispatch)
    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
      queue.async { callback(nil) }
    }
  #endif
}
