// The one rule for comparing sums of floating-point numbers in decisions.

/// When two sums count as equal, and when a sum keeps a limit.
///
/// The same costs added in another order differ in their last bits (about 30 terms, so at most some 4e-15 of the sum).
/// A decision must not hang on that, so that a limit which is met in exact arithmetic is met here too. Every selector,
/// the exhaustive twin and `FeasibilityCheck` compare through these two functions and nowhere else.
public enum Tolerance {
  /// Relative; without unit. Far above the rounding of such sums, far below any cost that is known that well.
  public static let relative = 1e-12

  /// Whether `value` keeps `limit`: value ≤ limit · (1 + `relative`). Both ≥ 0; an infinite limit permits everything.
  @inlinable public static func permits(_ value: Double, limit: Double) -> Bool { value <= ceiling(limit) }

  /// The largest value that keeps `limit`.
  @inlinable public static func ceiling(_ limit: Double) -> Double { limit + limit * relative }

  /// Whether `a` is smaller than `b` by more than rounding. Both ≥ 0; `b` may be infinite.
  @inlinable public static func isBelow(_ a: Double, _ b: Double) -> Bool { ceiling(a) < b }
}
