// What calibration measured: how far apart the experts of a model are on sample text (docs/theory, §2).

import SiftCore

/// Distances between the experts of one model, relative to what a layer adds, over the tokens routed to each expert.
/// Belongs to one set of weights by content hash.
public struct Calibration: Sendable, Hashable {
  /// Which figure of a distance's distribution stands for it.
  public enum Figure: String, Sendable, Hashable, CaseIterable {
    /// The mean: for limits that hold on average, and the booked error.
    case mean
    /// The split-conformal quantile: exceeded by at most a share `missRate` of fresh tokens.
    case quantile
    /// The root mean square.
    case rms
  }

  /// The distances of one layer. E experts.
  public struct Layer: Sendable, Hashable {
    /// Mean norm of the exact layer output: what all distances are divided by; > 0.
    public var scale: Float
    /// `[routed]`: sample tokens routed to each expert.
    public var counts: [Float]
    /// `[routed, target]`, diagonal 0; infinite for an expert that no sample token was routed to.
    public var mean: [Float]
    public var rms: [Float]
    /// Infinite also where the sample is too small for the quantile.
    public var quantile: [Float]
    /// `[routed]`: distance when it is skipped.
    public var skipMean: [Float]
    public var skipRMS: [Float]
    public var skipQuantile: [Float]

    public init(
      scale: Float, counts: [Float], mean: [Float], rms: [Float], quantile: [Float], skipMean: [Float],
      skipRMS: [Float], skipQuantile: [Float]
    ) {
      self.scale = scale
      self.counts = counts
      self.mean = mean
      self.rms = rms
      self.quantile = quantile
      self.skipMean = skipMean
      self.skipRMS = skipRMS
      self.skipQuantile = skipQuantile
    }

    public var experts: Int { skipMean.count }

    /// The table of one figure; nil when a table is malformed (never for a loaded calibration).
    public func distances(_ figure: Figure) -> DistanceTable? {
      switch figure {
      case .mean: DistanceTable(experts: experts, replacing: mean, skipping: skipMean)
      case .rms: DistanceTable(experts: experts, replacing: rms, skipping: skipRMS)
      case .quantile: DistanceTable(experts: experts, replacing: quantile, skipping: skipQuantile)
      }
    }
  }

  public var modelHash: ContentHash
  /// α of the quantile: the share of fresh tokens that may exceed it, 0 < α < 1.
  public var missRate: Double
  /// Sample tokens.
  public var tokens: Int
  /// `[layer]`; nil for a dense layer.
  public var layers: [Layer?]
  /// How much worse the sample text is predicted the more error layers make: begins at nothing, both figures rise.
  /// Empty when it was not measured.
  public var curve: [CurvePoint] = []

  /// One point of the curve from booked error to quality.
  public struct CurvePoint: Sendable, Hashable {
    /// Mean square of a layer's booked error (docs/theory, B3).
    public var meanSquare: Float
    /// Increase of the mean log-loss, in nats.
    public var lossIncrease: Float
    public init(meanSquare: Float, lossIncrease: Float) {
      self.meanSquare = meanSquare
      self.lossIncrease = lossIncrease
    }
  }

  /// The mean square error at which the log-loss rises by `increase` nats, between the measured points; nil beyond the last or
  /// without a curve.
  public func meanSquare(forLossIncrease increase: Double) -> Double? {
    for (low, high) in zip(curve, curve.dropFirst()) where Double(high.lossIncrease) >= increase {
      let rise = Double(high.lossIncrease - low.lossIncrease)
      let share = rise > 0 ? max(0, increase - Double(low.lossIncrease)) / rise : 1
      return Double(low.meanSquare) + share * Double(high.meanSquare - low.meanSquare)
    }
    return nil
  }

  public init(modelHash: ContentHash, missRate: Double, tokens: Int, layers: [Layer?]) {
    self.modelHash = modelHash
    self.missRate = missRate
    self.tokens = tokens
    self.layers = layers
  }

  /// (Layer, expert) pairs whose quantile the sample is too small for: they are never replaced or skipped by it.
  public var undersampled: [(layer: Int, expert: Int)] {
    layers.enumerated().flatMap { index, layer in
      (layer?.skipQuantile ?? []).indices.filter { layer?.skipQuantile[$0] == .infinity }.map { (index, $0) }
    }
  }

  /// The fewest sample tokens an expert needs so that its quantile at miss rate `alpha` is finite:
  /// ⌈(n+1)(1−α)⌉ ≤ n.
  public static func sampleNeeded(missRate alpha: Double) -> Int { Int(((1 - alpha) / alpha).rounded(.up)) }

  /// The split-conformal quantile of a sample: its ⌈(n+1)(1−α)⌉-th smallest value, infinite if that exceeds n.
  /// - Complexity: O(n log n).
  public static func conformalQuantile(_ sample: [Float], missRate alpha: Double) -> Float {
    let rank = conformalRank(sample.count, missRate: alpha)
    guard rank <= sample.count else { return .infinity }
    return sample.sorted()[rank - 1]
  }

  /// ⌈(n+1)(1−α)⌉, at least 1. A product that only rounding puts above a whole number counts as that number.
  public static func conformalRank(_ count: Int, missRate alpha: Double) -> Int {
    max(1, Int((Double(count + 1) * (1 - alpha) - 1e-9).rounded(.up)))
  }
}
