// What was announced, in order, with a way to wait for it: tests wait for events, never for time.

import Foundation
import Synchronization

/// Collects events from any thread.
public final class EventLog<Event: Sendable>: Sendable {
  private struct Waiter {
    let number: UInt64
    let isMet: @Sendable ([Event]) -> Bool
    let resume: @Sendable () -> Void
  }
  private struct State {
    var events: [Event] = []
    var waiters: [Waiter] = []
    var next: UInt64 = 0
  }
  private let state = Mutex(State())

  public init() {}

  /// Everything so far.
  public var events: [Event] { state.withLock { $0.events } }

  public func append(_ event: Event) {
    let ready = state.withLock { state in
      state.events.append(event)
      let events = state.events
      let met = state.waiters.filter { $0.isMet(events) }
      state.waiters.removeAll { $0.isMet(events) }
      return met
    }
    for waiter in ready { waiter.resume() }
  }

  /// Returns once `count` events satisfy `predicate`, or when the test is cancelled because its time is over.
  public func wait(count: Int = 1, for predicate: @escaping @Sendable (Event) -> Bool) async {
    let number = state.withLock { state in
      state.next += 1
      return state.next
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let waiter = Waiter(
          number: number, isMet: { $0.count(where: predicate) >= count }, resume: { continuation.resume() })
        let isOver = state.withLock { state in
          if waiter.isMet(state.events) || Task.isCancelled { return true }
          state.waiters.append(waiter)
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      let waiting = state.withLock { state in
        let waiting = state.waiters.filter { $0.number == number }
        state.waiters.removeAll { $0.number == number }
        return waiting
      }
      for waiter in waiting { waiter.resume() }
    }
  }
}

/// Runs `body`, which may block, on a thread of its own, so that the tests beside it go on.
public func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    let thread = Thread { continuation.resume(returning: body()) }
    thread.stackSize = 1 << 20
    thread.start()
  }
}

/// A door that threads wait at until it is opened.
public final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  public init() {}
  public func open() { semaphore.signal() }
  public func pass() {
    semaphore.wait()
    semaphore.signal()
  }
}
