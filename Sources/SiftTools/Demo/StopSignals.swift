// The signals with which a person or a service manager ends a command that runs on.

import UnixSignals

/// Runs work until SIGINT or SIGTERM.
public enum StopSignals {
  /// Runs `body` until it is done or a signal comes; then it is cancelled and awaited.
  /// - Returns: what `body` returned; nil when a signal came first.
  public static func run<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result? {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask {
        for await _ in signals { return nil }
        return nil
      }
      group.addTask { try await body() }
      defer { group.cancelAll() }
      let first = try await group.next() ?? nil
      group.cancelAll()
      // A body that was cancelled by a signal has no result, whatever it threw on its way out.
      while let _ = try? await group.next() {}
      return first
    }
  }
}
