// The statistics that comparisons are made with: mean, spread, Student's t, and the ratio of paired figures.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// An estimate with its two-sided confidence interval.
public struct Estimate: Hashable, Sendable, Encodable {
  public var value: Double
  /// The interval's lower end; `-infinity` when there are too few figures to tell.
  public var low: Double
  /// The interval's upper end; `+infinity` when there are too few figures to tell.
  public var high: Double

  public init(value: Double, low: Double, high: Double) {
    self.value = value
    self.low = low
    self.high = high
  }

  private enum CodingKeys: CodingKey { case value, low, high }
  /// JSON has no infinity: an end that is not known is null.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(value.isFinite ? value : nil, forKey: .value)
    try container.encode(low.isFinite ? low : nil, forKey: .low)
    try container.encode(high.isFinite ? high : nil, forKey: .high)
  }
}

/// Plain functions of samples; nothing here reads a clock or draws a number.
public enum Statistics {
  /// The arithmetic mean; NaN of no figures.
  public static func mean(_ figures: some Collection<Double>) -> Double {
    figures.reduce(0, +) / Double(figures.count)
  }

  /// The standard deviation of a sample (n − 1); NaN of fewer than two figures.
  public static func standardDeviation(_ figures: some Collection<Double>) -> Double {
    guard figures.count > 1 else { return .nan }
    let centre = mean(figures)
    return (figures.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(figures.count - 1)).squareRoot()
  }

  /// The mean with its t interval. The figures are taken to be independent and roughly normal.
  /// - Precondition: `0 < confidence < 1` and at least one figure.
  public static func meanInterval(_ figures: some Collection<Double>, confidence: Double = 0.95) -> Estimate {
    precondition(!figures.isEmpty, "the mean of nothing")
    let centre = mean(figures)
    guard figures.count > 1 else { return Estimate(value: centre, low: -.infinity, high: .infinity) }
    let quantile = tQuantile(0.5 + confidence / 2, degreesOfFreedom: Double(figures.count - 1))
    let half = quantile * standardDeviation(figures) / Double(figures.count).squareRoot()
    return Estimate(value: centre, low: centre - half, high: centre + half)
  }

  /// The ratio second / first of paired figures: the geometric mean of the pairs' ratios, with the interval that the t
  /// interval of their logarithms gives. Pairs share what makes one prompt dearer than another, so that is not noise
  /// here; a logarithm treats "twice" and "half" alike.
  /// - Returns: nil unless both have the same number of figures, at least one, all above 0 and finite.
  public static func pairedRatio(first: [Double], second: [Double], confidence: Double = 0.95) -> Estimate? {
    guard first.count == second.count, !first.isEmpty,
      (first + second).allSatisfy({ $0 > 0 && $0.isFinite })
    else { return nil }
    let logarithms = zip(first, second).map { log($1 / $0) }
    let interval = meanInterval(logarithms, confidence: confidence)
    return Estimate(value: exp(interval.value), low: exp(interval.low), high: exp(interval.high))
  }

  /// The value that a t-distributed quantity stays below with `probability`, to about 10 digits.
  /// - Precondition: `0 < probability < 1`, `degreesOfFreedom > 0`.
  public static func tQuantile(_ probability: Double, degreesOfFreedom: Double) -> Double {
    precondition(probability > 0 && probability < 1 && degreesOfFreedom > 0)
    if probability < 0.5 { return -tQuantile(1 - probability, degreesOfFreedom: degreesOfFreedom) }
    var low = 0.0
    var high = 1.0
    while tDistribution(high, degreesOfFreedom: degreesOfFreedom) < probability, high < 1e300 { high *= 2 }
    // Bisection to the last bit: slow, and no table to get wrong.
    for _ in 0..<200 {
      let middle = (low + high) / 2
      if middle == low || middle == high { break }
      if tDistribution(middle, degreesOfFreedom: degreesOfFreedom) < probability { low = middle } else { high = middle }
    }
    return high
  }

  /// The share of Student's t distribution below `t`.
  public static func tDistribution(_ t: Double, degreesOfFreedom n: Double) -> Double {
    let tail = 0.5 * incompleteBeta(n / 2, 0.5, at: n / (n + t * t))
    return t < 0 ? tail : 1 - tail
  }

  /// The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and Stegun 26.5.8),
  /// evaluated with Lentz's method.
  static func incompleteBeta(_ a: Double, _ b: Double, at x: Double) -> Double {
    if x <= 0 { return 0 }
    if x >= 1 { return 1 }
    // The fraction converges fast on this side of the mean only.
    if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(b, a, at: 1 - x) }
    let logarithmOfBeta: Double = lgamma(a) + lgamma(b) - lgamma(a + b)
    let front: Double = exp(a * log(x) + b * log(1 - x) - logarithmOfBeta) / a
    var c = 1.0
    var d = 1 / (1 - (a + b) * x / (a + 1))
    var fraction = d
    for step in 1..<500 {
      let m = Double(step)
      let n = a + 2 * m
      let even: Double = m * (b - m) * x / ((n - 1) * n)
      d = 1 / (1 + even * d)
      c = 1 + even / c
      fraction *= d * c
      let odd: Double = -(a + m) * (a + b + m) * x / (n * (n + 1))
      d = 1 / (1 + odd * d)
      c = 1 + odd / c
      fraction *= d * c
      if abs(d * c - 1) < 1e-15 { break }
    }
    return front * fraction
  }
}
