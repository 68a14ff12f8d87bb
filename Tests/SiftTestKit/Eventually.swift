// Waiting for what announces itself to nobody.

/// Looks every millisecond whether `condition` holds.
/// - Returns: false when it has not come true within `limit`, or the test was ended: one that waits
///   for ever tells nothing. Tests that compute may hold every thread of the pool for minutes.
public func eventually(within limit: Duration = .seconds(900), _ condition: @Sendable () -> Bool) async -> Bool {
  let end = ContinuousClock.now + limit
  while !condition() {
    guard ContinuousClock.now < end, (try? await Task.sleep(for: .milliseconds(1))) != nil else { return false }
  }
  return true
}
