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
    /// Mean squares in the form that the loss of quality follows; nil when they were not measured (never for a loaded
    /// calibration).
    public var squares: SquareDistances?
    /// What an error of this layer does to the model's answers; nil when it was not measured.
    public var effect: LayerEffect?
    /// nil where it would have taken too much memory.
    public var gram: GramTable?

    public init(
      scale: Float, counts: [Float], mean: [Float], rms: [Float], quantile: [Float], skipMean: [Float],
      skipRMS: [Float], skipQuantile: [Float], squares: SquareDistances? = nil, effect: LayerEffect? = nil
    ) {
      self.squares = squares
      self.effect = effect
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
  /// What errors cost in quality; nil when it was not measured.
  public var curve: LossCurve?

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
