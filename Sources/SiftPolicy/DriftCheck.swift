// Whether a calibration still describes what the model does: predicted against measured layer errors.

/// Compares booked mean square errors of layers with measured ones, and tells once when they part and once when they
/// come together again.
///
/// The figure is the ratio of sums, Σ measured / Σ predicted, over about the last `memory` samples (older ones fade away
/// exponentially). It counts as drift only when the ratio lies beyond `outer` (or below its inverse) by two of its own
/// standard errors, and as settled only when it has come back within `inner` and its inverse, so that a ratio at a
/// border does not fill a journal.
public struct DriftCheck: Sendable {
  /// What changed.
  public enum Event: Sendable, Hashable {
    /// Layers err by this factor more (in mean square) than the calibration says, or less when it is below 1.
    case drifted(ratio: Double)
    case settled(ratio: Double)
  }

  public let memory: Int
  public let inner: Double
  public let outer: Double
  public private(set) var hasDrifted = false
  /// Samples taken.
  public private(set) var samples = 0

  // Fading sums of measured m, predicted p, m², mp, p², of 1, and of the squared weights.
  private var measured = 0.0
  private var predicted = 0.0
  private var squares = (measured: 0.0, mixed: 0.0, predicted: 0.0)
  private var weight = 0.0
  private var weightSquares = 0.0

  /// - Precondition: memory ≥ 2 and 1 < inner < outer.
  public init(memory: Int = 512, inner: Double = 1.25, outer: Double = 1.5) {
    precondition(memory >= 2 && inner > 1 && outer > inner, "a drift check needs memory ≥ 2 and 1 < inner < outer")
    self.memory = memory
    self.inner = inner
    self.outer = outer
  }

  /// Σ measured / Σ predicted; nil before anything was predicted.
  public var ratio: Double? { predicted > 0 ? measured / predicted : nil }

  /// Standard error of `ratio` (W. G. Cochran, Sampling Techniques, 1977, §6.4); infinite for fewer than two samples.
  public var standardError: Double {
    guard let ratio, weightSquares > 0 else { return .infinity }
    let count = weight * weight / weightSquares
    guard count > 1 else { return .infinity }
    let spread = max(0, squares.measured - 2 * ratio * squares.mixed + ratio * ratio * squares.predicted) / weight
    return (spread / (count - 1)).squareRoot() / (predicted / weight)
  }

  /// Books one layer of one token. Figures that are negative or not finite are left out.
  /// - Returns: what changed; nil nearly always.
  public mutating func book(predicted p: Double, measured m: Double) -> Event? {
    guard p >= 0, m >= 0, p.isFinite, m.isFinite, p + m > 0 else { return nil }
    let keep = 1 - 1 / Double(memory)
    measured = measured * keep + m
    predicted = predicted * keep + p
    squares.measured = squares.measured * keep + m * m
    squares.mixed = squares.mixed * keep + m * p
    squares.predicted = squares.predicted * keep + p * p
    weight = weight * keep + 1
    weightSquares = weightSquares * keep * keep + 1
    samples += 1
    return judge()
  }

  private mutating func judge() -> Event? {
    // A sixteenth of the memory at least: fewer samples have no spread to speak of.
    guard let ratio, samples >= max(2, memory / 16) else { return nil }
    let margin = 2 * standardError
    if !hasDrifted, ratio - margin > outer || ratio + margin < 1 / outer {
      hasDrifted = true
      return .drifted(ratio: ratio)
    }
    if hasDrifted, ratio < inner, ratio > 1 / inner {
      hasDrifted = false
      return .settled(ratio: ratio)
    }
    return nil
  }
}
