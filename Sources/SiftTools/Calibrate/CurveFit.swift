// Fits the curve from error to log-loss through few, noisy points (docs/theory, §9).

import ExpertExec

/// The fit. The shape comes from the Kullback-Leibler divergence between the exact and the changed answers, which has
/// almost no noise; how much larger the loss of the real text is, one factor for the whole curve, comes from all points
/// together.
package enum CurveFit {
  /// - Parameters:
  ///   - effects: `[level][window]`.
  ///   - errors: `[level]`: Q as booked, in rising order.
  /// - Returns: nil when fewer than two points have an error, or when nothing is lost by it.
  package static func fit(_ effects: [[WindowEffect]], _ errors: [Double]) -> LossCurve? {
    var points: [LossCurve.Point] = []
    var divergences: [Double] = []
    var windows: [(loss: Double, divergence: Double)] = []
    for (level, error) in zip(effects, errors) {
      let tokens = Double(level.reduce(0) { $0 + $1.tokens })
      guard tokens > 0, Float(error) > (points.last?.error ?? 0) else { continue }
      points.append(
        LossCurve.Point(
          error: Float(error), lossIncrease: Float(level.reduce(0) { $0 + $1.lossIncrease } / tokens),
          standardError: Float(RatioError.of(level.map { ($0.lossIncrease, Double($0.tokens)) }))))
      divergences.append(level.reduce(0) { $0 + $1.divergence } / tokens)
      if windows.isEmpty { windows = level.map { _ in (0, 0) } }
      for (at, window) in level.enumerated() {
        // Every level counts alike: weighted with the inverse of its error.
        windows[at].loss += window.lossIncrease / error
        windows[at].divergence += window.divergence / error
      }
    }
    let shape = line(points.map { Double($0.error) }, divergences)
    let ratio = windows.reduce(0) { $0 + $1.loss } / windows.reduce(0) { $0 + $1.divergence }
    guard points.count >= 2, shape.slope.isFinite, ratio.isFinite, ratio * shape.start > 0 else { return nil }
    return LossCurve(
      linear: ratio * shape.start, quadratic: ratio * shape.slope,
      relativeError: RatioError.of(windows.map { ($0.loss, $0.divergence) }) / ratio, points: points)
  }

  /// k₁ and k₂ of y = k₁x + k₂x², by least squares of y/x = k₁ + k₂x: the scatter of y grows with x.
  static func line(_ x: [Double], _ y: [Double]) -> (start: Double, slope: Double) {
    let n = Double(x.count)
    let rates = zip(x, y).map { $1 / $0 }
    let meanX = x.reduce(0, +) / n
    let meanRate = rates.reduce(0, +) / n
    var above = 0.0
    var below = 0.0
    for (x, rate) in zip(x, rates) {
      above += (x - meanX) * (rate - meanRate)
      below += (x - meanX) * (x - meanX)
    }
    let slope = above / below
    return (meanRate - slope * meanX, slope)
  }
}
