// The estimator: the mean of ln(B/A) over pairs of blocks, its interval, and whether neighbours resemble each other.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A ratio of two policies from paired blocks. A gain that both share, such as a shunt's tolerance, cancels in it.
public struct LogRatio: Hashable, Sendable, Encodable {
  /// Second ÷ first with its 95 % interval.
  public var ratio: Estimate
  public var pairs: Int
  /// Standard deviation of ln(second ÷ first) of a pair; nil of one pair.
  public var spread: Double?
  /// Correlation of neighbouring pairs.
  public var lag1: Double
  /// Pairs that as many independent ones would be worth: fewer than `pairs` where neighbours resemble each other.
  public var effectivePairs: Double

  private enum CodingKeys: String, CodingKey {
    case ratio, pairs, spread, lag1
    case effectivePairs = "effective_pairs"
  }

  /// Whether the interval leaves 1 out.
  public var isDifference: Bool { ratio.low > 1 || ratio.high < 1 }

  /// - Parameters:
  ///   - logRatios: in the order of measuring.
  ///   - stop: the rule by which their number was chosen; nil when it was not chosen from the figures.
  /// - Returns: nil of none.
  public init?(_ logRatios: [Double], stop: StopRule? = nil) {
    guard !logRatios.isEmpty, logRatios.allSatisfy(\.isFinite) else { return nil }
    let count = logRatios.count
    let centre = Statistics.mean(logRatios)
    pairs = count
    spread = count > 1 ? Statistics.standardDeviation(logRatios) : nil
    lag1 = Self.lag1(logRatios, centre)
    // One-sided test at 5 %: independent figures have a mean of −1/n and a standard deviation of about 1/√n.
    let isCorrelated = count >= 4 && lag1 + 1 / Double(count) > 1.645 / Double(count).squareRoot()
    let phi = isCorrelated ? min(lag1, 0.95) : 0
    let effective = Double(count) * (1 - phi) / (1 + phi)
    effectivePairs = effective
    let half = spread.map { Self.half(logRatios, $0, effective, stop) } ?? .infinity
    ratio = Estimate(value: exp(centre), low: exp(centre - half), high: exp(centre + half))
  }

  private static func half(_ logRatios: [Double], _ spread: Double, _ effective: Double, _ stop: StopRule?) -> Double {
    let quantile = Statistics.tQuantile(0.975, degreesOfFreedom: max(1, effective - 1))
    let own = quantile * spread / effective.squareRoot()
    guard let stop, logRatios.count > stop.pilot else { return own }
    return max(own, stop.half(pilot: Array(logRatios.prefix(stop.pilot)), count: logRatios.count))
  }

  private static func lag1(_ figures: [Double], _ centre: Double) -> Double {
    let square = figures.reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
    guard figures.count > 2, square > 0 else { return 0 }
    return zip(figures, figures.dropFirst()).reduce(0) { $0 + ($1.0 - centre) * ($1.1 - centre) } / square
  }
}
