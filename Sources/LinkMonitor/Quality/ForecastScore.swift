// How good forecasts were: of goodput against the simplest rivals, of outages against the base rate.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Mean |ln(forecast ÷ outcome)| of goodput one second ahead, over the seconds in which something got through and had done so
/// the second before. Everybody forecasts the same seconds from the same past.
public struct GoodputScore: Sendable, Hashable {
  public struct Link: Sendable, Hashable {
    public var name: String
    public var count: Int
    public var forecast: Double
    public var lastValue: Double
  }
  /// A rival that follows the logarithm with a fixed weight of the newest second.
  public struct MovingMean: Sendable, Hashable {
    public var weight: Double
    public var error: Double
  }
  public private(set) var count = 0
  public private(set) var forecast = 0.0
  /// The rival that forecasts what was.
  public private(set) var lastValue = 0.0
  public private(set) var movingMeans: [MovingMean]
  public private(set) var links: [Link] = []

  public init(_ rows: [ForecastTrace.Row], weights: [Double] = [0.1, 0.2, 0.3, 0.5, 0.7, 0.9]) {
    movingMeans = weights.map { MovingMean(weight: $0, error: 0) }
    for (name, rows) in ForecastTrace.byLink(rows) { add(name, rows) }
    let total = Double(max(1, count))
    forecast /= total
    lastValue /= total
    for at in movingMeans.indices { movingMeans[at].error /= total }
  }

  private mutating func add(_ name: String, _ rows: [ForecastTrace.Row]) {
    var forecaster = GoodputForecaster()
    var means = [Double?](repeating: nil, count: movingMeans.count)
    var link = Link(name: name, count: 0, forecast: 0, lastValue: 0)
    var before: Double?
    for row in rows {
      guard row.isBusy, row.sample.goodput > 0 else {
        if row.isBusy { forecaster.observe(row.sample) } else { forecaster.pause() }
        before = nil
        continue
      }
      let level = log(row.sample.goodput)
      if let before, let next = forecaster.next {
        link.count += 1
        link.forecast += abs(log(next) - level)
        link.lastValue += abs(before - level)
        for (at, mean) in means.enumerated() { movingMeans[at].error += abs((mean ?? before) - level) }
      }
      for at in means.indices {
        means[at] = means[at].map { $0 + movingMeans[at].weight * (level - $0) } ?? level
      }
      forecaster.observe(row.sample)
      before = level
    }
    count += link.count
    forecast += link.forecast
    lastValue += link.lastValue
    link.forecast /= Double(max(1, link.count))
    link.lastValue /= Double(max(1, link.count))
    links.append(link)
  }
}

/// How forecast chances of too little goodput compare with what came, over the seconds in which something was sent and had
/// been the second before.
public struct OutageScore: Sendable, Hashable {
  /// One bar of the reliability diagram: forecasts of about the same chance.
  public struct Bin: Sendable, Hashable {
    public var count = 0
    /// Mean of the forecasts, 0…1.
    public var forecast = 0.0
    /// Share that came true.
    public var came = 0.0
  }
  public private(set) var count = 0
  /// Mean square of forecast − outcome (G. W. Brier, 1950).
  public private(set) var brier = 0.0
  /// The same for always forecasting the share of outages in this very trace, which nobody could have known.
  public private(set) var climatology = 0.0
  /// Ten bars of equal width.
  public private(set) var bins = [Bin](repeating: Bin(), count: 10)

  /// Mean |forecast − share that came true| over the bars, by their counts.
  public var calibrationError: Double {
    bins.reduce(0) { $0 + Double($1.count) * abs($1.forecast - $1.came) } / Double(max(1, count))
  }

  /// - Parameter below: bit/s; less is an outage.
  public init(_ rows: [ForecastTrace.Row], below threshold: Double) {
    var outages = 0.0
    for (_, rows) in ForecastTrace.byLink(rows) {
      var forecaster = GoodputForecaster()
      for row in rows {
        guard row.isBusy else {
          forecaster.pause()
          continue
        }
        if let chance = forecaster.outage(below: threshold) {
          let came: Double = row.sample.goodput < threshold ? 1 : 0
          outages += came
          take(chance, came)
        }
        forecaster.observe(row.sample)
      }
    }
    let total = Double(max(1, count))
    brier /= total
    climatology = outages / total * (1 - outages / total)
    for at in bins.indices where bins[at].count > 0 {
      bins[at].forecast /= Double(bins[at].count)
      bins[at].came /= Double(bins[at].count)
    }
  }

  private mutating func take(_ chance: Double, _ came: Double) {
    count += 1
    brier += (chance - came) * (chance - came)
    let bin = min(9, max(0, Int(chance * 10)))
    bins[bin].count += 1
    bins[bin].forecast += chance
    bins[bin].came += came
  }
}
