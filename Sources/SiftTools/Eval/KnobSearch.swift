// Finds the setting of a policy with which it books a wanted error.

import SiftPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Root of a monotone function of a positive setting, in logarithms of both.
enum KnobSearch {
  /// The relative accuracy that is asked for.
  static let accuracy = 0.003
  /// Evaluations at most.
  static let stepsMax = 24

  /// The setting x > 0 with `error(x)` = `target` (> 0), to `accuracy` where the function takes that value; where it never
  /// comes near, the last setting that was tried on that side.
  ///
  /// - Parameters:
  ///   - start: where to begin, > 0.
  ///   - isRising: whether a larger setting makes more error.
  static func find(
    target: Double, start: Double, isRising: Bool, error: (Double) throws(ToolFailure) -> Double
  ) throws(ToolFailure) -> Double {
    let direction = isRising ? 1.0 : -1.0
    // low: too little error; high: too much; as (log of the setting, error).
    var low: (x: Double, error: Double)?
    var high: (x: Double, error: Double)?
    var x = log(start)
    for _ in 0..<stepsMax {
      let error = try error(exp(x))
      if abs(error - target) <= accuracy * target { return exp(x) }
      if error < target { low = (x, error) } else { high = (x, error) }
      guard let low, let high else {
        x += (error < target ? direction : -direction) * log(4)
        continue
      }
      x = between(low, high, target)
      if abs(high.x - low.x) < 1e-9 { break }
    }
    return exp(x)
  }

  /// Where a straight line in logarithms meets the target, kept off the ends.
  private static func between(
    _ low: (x: Double, error: Double), _ high: (x: Double, error: Double), _ target: Double
  ) -> Double {
    guard low.error > 0 else { return (low.x + high.x) / 2 }
    let share = log(target / low.error) / log(high.error / low.error)
    return low.x + min(0.9, max(0.1, share)) * (high.x - low.x)
  }
}
