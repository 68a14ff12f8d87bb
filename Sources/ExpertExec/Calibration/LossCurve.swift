// From the error that layers make to what a reader loses: a curve fitted to measurements (docs/theory, §9).

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Increase of the mean log-loss as a function of the total error Q = Σ_ℓ a_ℓ·E[Σ_i w_i² D_i²], the booked mean square
/// error of all layers with their sensitivities: Δ = k₁·Q + k₂·Q².
public struct LossCurve: Sendable, Hashable {
  /// One measurement: the sample text under a policy that made this much error.
  public struct Point: Sendable, Hashable {
    /// Q.
    public var error: Float
    /// Increase of the mean log-loss over Top-K, paired over tokens, in nats.
    public var lossIncrease: Float
    /// Its standard error (windows of text are the independent draws).
    public var standardError: Float

    public init(error: Float, lossIncrease: Float, standardError: Float) {
      self.error = error
      self.lossIncrease = lossIncrease
      self.standardError = standardError
    }
  }

  /// k₁ in nats, > 0.
  public var linear: Double
  /// k₂ in nats; either sign.
  public var quadratic: Double
  /// Relative standard error of the curve in the middle of its points.
  public var relativeError: Double
  /// In rising order of error.
  public var points: [Point]

  public init(linear: Double, quadratic: Double, relativeError: Double, points: [Point]) {
    self.linear = linear
    self.quadratic = quadratic
    self.relativeError = relativeError
    self.points = points
  }

  /// The largest error that was measured: the curve says nothing beyond.
  public var end: Double { Double(points.last?.error ?? 0) }

  /// The increase of log-loss at `error`, in nats.
  public func lossIncrease(at error: Double) -> Double { error * (linear + quadratic * error) }

  /// The error Q at which the log-loss rises by `increase` nats; nil beyond the last point.
  public func error(forLossIncrease increase: Double) -> Double? {
    // The smaller root of k₂Q² + k₁Q = Δ, in the form that has no cancellation and holds for k₂ = 0 too.
    let discriminant = linear * linear + 4 * quadratic * increase
    guard increase >= 0, discriminant >= 0 else { return nil }
    let error = 2 * increase / (linear + discriminant.squareRoot())
    return error <= end ? error : nil
  }

  /// The share of a target that is aimed at. The loss on fresh text scatters by some percent around the curve, and to
  /// stay below a target is worth more than to use it up.
  public static let aim = 0.95

  /// The error Q with which the perplexity is foretold to rise by `aim` of the share `increase` (0.01 = 1 %); nil beyond
  /// the last point.
  public func error(forPerplexityIncrease increase: Double) -> Double? {
    error(forLossIncrease: log1p(increase * Self.aim))
  }

  /// The largest target that the curve can be asked for, as a share.
  public var perplexityIncreaseMax: Double { expm1(lossIncrease(at: end)) / Self.aim }
}
