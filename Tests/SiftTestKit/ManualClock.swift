// A clock that stands still until a test turns it.

import Synchronization

/// Time by hand. Sleepers wake in the order of their deadlines when `advance` passes them; nothing ever waits for real.
public final class ManualClock: Clock, Sendable {
  public struct Instant: InstantProtocol, Hashable, Sendable {
    public let offset: Duration
    public init(offset: Duration) { self.offset = offset }
    public func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
    public func duration(to other: Instant) -> Duration { other.offset - offset }
    public static func < (a: Instant, b: Instant) -> Bool { a.offset < b.offset }
  }

  private struct Sleeper {
    let id: UInt64
    let deadline: Instant
    let continuation: CheckedContinuation<Void, any Error>
  }
  private struct Crowd {
    let count: Int
    let continuation: CheckedContinuation<Void, Never>
  }
  private struct State {
    var now = Instant(offset: .zero)
    var nextID: UInt64 = 0
    var sleepers: [Sleeper] = []
    var crowds: [Crowd] = []
    var cancelled: Set<UInt64> = []
  }
  private let state = Mutex(State())

  public init() {}

  public var now: Instant { state.withLock { $0.now } }
  public var minimumResolution: Duration { .nanoseconds(1) }

  /// Moves time forward and wakes whoever is due.
  public func advance(by duration: Duration) {
    let due = state.withLock { state -> [Sleeper] in
      state.now = state.now.advanced(by: duration)
      let due = state.sleepers.filter { $0.deadline <= state.now }.sorted { $0.deadline < $1.deadline }
      state.sleepers.removeAll { $0.deadline <= state.now }
      return due
    }
    for sleeper in due { sleeper.continuation.resume() }
  }

  /// Returns once `count` tasks sleep on this clock: the moment at which a loop under test has done its round.
  public func waitForSleepers(_ count: Int) async {
    await withCheckedContinuation { continuation in
      let there = state.withLock { state in
        if state.sleepers.count >= count { return true }
        state.crowds.append(Crowd(count: count, continuation: continuation))
        return false
      }
      if there { continuation.resume() }
    }
  }

  public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        enter(Sleeper(id: id, deadline: deadline, continuation: continuation))
      }
    } onCancel: {
      leave(id)
    }
  }

  private enum Entry { case sleeping([Crowd]), due, cancelled }

  private func enter(_ sleeper: Sleeper) {
    let entry = state.withLock { state -> Entry in
      if state.cancelled.remove(sleeper.id) != nil { return .cancelled }
      if sleeper.deadline <= state.now { return .due }
      state.sleepers.append(sleeper)
      let content = state.crowds.filter { $0.count <= state.sleepers.count }
      state.crowds.removeAll { $0.count <= state.sleepers.count }
      return .sleeping(content)
    }
    switch entry {
    case .sleeping(let crowds): for crowd in crowds { crowd.continuation.resume() }
    case .due: sleeper.continuation.resume()
    case .cancelled: sleeper.continuation.resume(throwing: CancellationError())
    }
  }

  private func leave(_ id: UInt64) {
    let sleeper = state.withLock { state -> Sleeper? in
      guard let at = state.sleepers.firstIndex(where: { $0.id == id }) else {
        state.cancelled.insert(id)
        return nil
      }
      return state.sleepers.remove(at: at)
    }
    sleeper?.continuation.resume(throwing: CancellationError())
  }
}
