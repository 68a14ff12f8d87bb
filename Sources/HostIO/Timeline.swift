// Time as a parameter: whatever clock a part was given, seen as the duration since it was given.

/// A clock with a zero of its own. Loops that stamp readings take one; only the composition root names the real clock.
public struct Timeline: Sendable {
  private let reading: @Sendable () -> Duration
  private let waiting: @Sendable (Duration) async throws -> Void
  /// Whether it is the system's clock, so that a thread can sleep by it.
  public let isSystem: Bool

  /// Starts at zero now. Use a clock that does not count suspended time as measured (`ContinuousClock` does run on:
  /// the reader then sees a gap, which is what a suspend is).
  public init<C: Clock>(_ clock: C) where C.Duration == Duration {
    let zero = clock.now
    self.isSystem = clock is ContinuousClock
    self.reading = { zero.duration(to: clock.now) }
    self.waiting = { deadline in try await clock.sleep(until: zero.advanced(by: deadline), tolerance: nil) }
  }

  /// The time since zero.
  public var now: Duration { reading() }

  /// Waits until `deadline` after zero. - Throws: `CancellationError` when the task is cancelled.
  public func sleep(until deadline: Duration) async throws { try await waiting(deadline) }
}
