// Goodput one step ahead, and the chance that it will be too little: learned from the link's own past, second by second.

import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What one second of a link showed.
public struct GoodputSample: Sendable, Hashable {
  /// Payload that got through, in bit/s, ≥ 0; 0: something was sent and nothing got through.
  public var goodput: Double
  /// PHY rate in use, in bit/s; nil where the driver tells none.
  public var rate: Double?
  public var signal: DecibelMilliwatts?

  public init(goodput: Double, rate: Double? = nil, signal: DecibelMilliwatts? = nil) {
    self.goodput = goodput
    self.rate = rate
    self.signal = signal
  }
}

/// Forecasts the logarithm of the goodput by recursive least squares with forgetting over what the last second showed: its
/// goodput, the running mean, the PHY rate and the signal. Errors beyond ½ (a factor of 1.65) count linearly (Huber), so
/// that one stalled second does not overturn what was learned. Seconds in which nothing gets through are a state of their
/// own, whose coming and staying is counted.
public struct GoodputForecaster: Sendable {
  /// Weight that what was learned keeps from one second to the next: a memory of about 100 s.
  private static let keep = 0.99
  private static let linearBeyond = 0.5
  /// Weight of the newest second in the running mean.
  private static let meanWeight = 0.3
  private static let errorsKept = 100
  /// Spread that each past error stands for, in log units; keeps the distribution smooth.
  private static let kernel = 0.15
  /// Logarithms are of Mbit/s, so that all features have a size of about one.
  private static let unit = 1e6

  private var weights: Features = [0, 0.5, 0.5, 0, 0, 0, 0, 0]
  private var covariance = Covariance()
  private var features: Features?
  private var mean: Double?
  /// The latest forecast, kept while nothing gets through.
  private var expected: Double?
  private var errors: [Double] = []
  private var nextError = 0
  /// `[nothing got through before ? 1 : 0]`: seconds with something, with nothing.
  private var stalls = [(something: 0.5, nothing: 0.5), (something: 0.5, nothing: 0.5)]
  private var wasStalled: Bool?

  public init() { errors.reserveCapacity(Self.errorsKept) }

  /// Goodput to be expected in the next second in which anything gets through, in bit/s: the median; nil before the first.
  public var next: Double? { expected.map { exp($0) * Self.unit } }

  /// Learns a second in which something was sent.
  public mutating func observe(_ sample: GoodputSample) {
    guard sample.goodput.isFinite, sample.goodput >= 0 else { return pause() }
    let stalled = sample.goodput == 0
    if let before = wasStalled { count(stalled, after: before) }
    wasStalled = stalled
    guard !stalled else {
      features = nil
      return
    }
    let level = log(sample.goodput / Self.unit)
    if let features { learn(level, from: features) }
    mean = mean.map { $0 + Self.meanWeight * (level - $0) } ?? level
    let rate = sample.rate.flatMap { $0 > Self.unit && $0.isFinite ? log($0 / Self.unit) : nil } ?? 0
    let signal = sample.signal.map { ($0.value + 65) / 10 } ?? 0
    let now: Features = [1, level, mean ?? level, rate, signal, 0, 0, 0]
    features = now
    expected = (weights * now).sum()
  }

  /// A second in which nothing was sent teaches nothing, and breaks the chain.
  public mutating func pause() {
    features = nil
    wasStalled = nil
  }

  /// Chance that the next second brings less than `bitsPerSecond`. - Returns: nil before ten forecasts have come true or not.
  public func outage(below bitsPerSecond: Double) -> Double? {
    guard errors.count >= 10, let expected, let wasStalled, bitsPerSecond > 0 else { return nil }
    let row = stalls[wasStalled ? 1 : 0]
    let nothing = row.nothing / (row.nothing + row.something)
    let distance = log(bitsPerSecond / Self.unit) - expected
    var below = 0.0
    for error in errors { below += 1 / (1 + exp(min(30, max(-30, (error - distance) / Self.kernel)))) }
    // Never certain: one more error on either side is always possible.
    let share = (below + 0.5) / Double(errors.count + 1)
    return nothing + (1 - nothing) * share
  }

  private mutating func count(_ stalled: Bool, after before: Bool) {
    let at = before ? 1 : 0
    stalls[at].something = stalls[at].something * Self.keep + (stalled ? 0 : 1)
    stalls[at].nothing = stalls[at].nothing * Self.keep + (stalled ? 1 : 0)
  }

  private mutating func learn(_ level: Double, from features: Features) {
    let error = level - (weights * features).sum()
    let trust = abs(error) <= Self.linearBeyond ? 1 : Self.linearBeyond / abs(error)
    let gain = covariance.update(features, keep: Self.keep, trust: trust)
    weights += gain * error
    if errors.count < Self.errorsKept {
      errors.append(error)
    } else {
      errors[nextError] = error
      nextError = (nextError + 1) % Self.errorsKept
    }
  }
}

/// Five figures in place; the other three stay 0.
private typealias Features = SIMD8<Double>
private let featureCount = 5

/// The inverse of the weighted sum of products of features: what is not learned yet.
private struct Covariance: Sendable {
  private var rows = [Features](repeating: .zero, count: featureCount)
  /// Where features hardly vary, forgetting alone would let this grow without bound.
  private static let largestTrace = 1e4

  init() { for at in 0..<featureCount { rows[at][at] = 0.1 } }

  /// Takes a set of features in. - Returns: how far each weight moves for one unit of error.
  mutating func update(_ x: Features, keep: Double, trust: Double) -> Features {
    var product = Features.zero
    for at in 0..<featureCount { product[at] = (rows[at] * x).sum() }
    let gain = product / (keep / trust + (x * product).sum())
    var trace = 0.0
    for at in 0..<featureCount {
      rows[at] = (rows[at] - product * gain[at]) / keep
      trace += rows[at][at]
    }
    if trace > Self.largestTrace { for at in 0..<featureCount { rows[at] *= Self.largestTrace / trace } }
    return gain
  }
}
