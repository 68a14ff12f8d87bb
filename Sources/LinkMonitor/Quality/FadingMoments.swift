// How much a channel fades: the moments of its received power, and the two parameters that are read off them.

import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The parameters of a fading channel of which mean and variance of the power are known. γ = variance ÷ mean², in LINEAR
/// power.
public enum FadingParameters {
  /// Rician K by moments (Greenstein, Michelson, Erceg, IEEE Communications Letters 3(6), 1999); 0 for γ ≥ 1, infinite for
  /// γ ≤ 0.
  public static func ricianK(relativeVariance gamma: Double) -> Double {
    if gamma >= 1 { return 0 }
    if gamma <= 0 { return .infinity }
    let root = (1 - gamma).squareRoot()
    return root / (1 - root)
  }

  /// γ of a Rician channel: (1 + 2K) ÷ (1 + K)².
  public static func relativeVariance(ricianK k: Double) -> Double { (1 + 2 * k) / ((1 + k) * (1 + k)) }

  /// Nakagami m = 1/γ.
  public static func nakagamiM(relativeVariance gamma: Double) -> Double { gamma > 0 ? 1 / gamma : .infinity }

  /// Standard deviation in decibels of the power of a Nakagami channel: 4.343·√ψ′(m).
  public static func decibelDeviation(nakagamiM m: Double) -> Double {
    10 / log(10) * SpecialFunctions.trigamma(m).squareRoot()
  }

  /// How far the mean of the decibels lies from the decibels of the mean, ≤ 0: 4.343·(ψ(m) − ln m).
  public static func decibelBias(nakagamiM m: Double) -> Double {
    10 / log(10) * (SpecialFunctions.digamma(m) - log(m))
  }
}

/// What a stretch of signal samples says of the fading; every figure with the samples that carry it.
public struct FadingEstimate: Sendable, Hashable {
  /// What can be said at all.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// Nothing moves beyond what the receiver's own noise and rounding do.
    case unchanging = "static"
    /// Neighbouring samples are alike: the channel changes more slowly than it is sampled.
    case slow
    /// Neighbouring samples tell nothing of each other: it changes faster than it is sampled.
    case fast
    /// Too few independent samples.
    case unknown
  }
  public var kind: Kind
  /// Mean received power, averaged in milliwatts.
  public var mean: DecibelMilliwatts?
  /// nil with fewer than 30 independent samples.
  public var k: Double?
  /// 90 % interval of `k`.
  public var interval: ClosedRange<Double>?
  /// nil with fewer than 30 independent samples.
  public var nakagamiM: Double?
  /// Correlation of neighbouring samples' powers.
  public var lagOne: Double?
  /// Samples, discounted for their correlation: N·(1 − ρ)/(1 + ρ).
  public var independentSamples: Double
  /// The power's correlation stays above one half for at least this long; nil when that cannot be said.
  public var coherenceAtLeast: Duration?

  /// The least number of independent samples that carry a K.
  public static let samplesNeeded = 30.0

  /// - Parameters:
  ///   - levels: fresh samples in dBm, evenly spaced, oldest first.
  ///   - spacing: time between them.
  ///   - step: of the receiver's rounding, in dB; its variance step²/12 is taken off (Sheppard's correction).
  public init(levels: [Double], spacing: Duration, step: Double = 1) {
    let powers = levels.map { pow(10, $0 / 10) }
    let count = Double(powers.count)
    let mean = powers.reduce(0, +) / max(1, count)
    let variance = powers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(1, count - 1)
    guard powers.count >= 3, mean > 0, variance.isFinite else {
      self.init(kind: .unknown, independent: 0)
      return
    }
    // A spread of s dB is one of s·ln(10)/10 of the power.
    let rounding = step * log(10) / 10
    let gamma = max(0, variance / (mean * mean) - rounding * rounding / 12)
    let rho = Self.lagOne(powers, mean: mean, variance: variance)
    let independent = count * (1 - max(0, rho)) / (1 + max(0, rho))
    self.init(kind: .unknown, independent: independent)
    self.mean = .milliwatts(mean)
    lagOne = variance > 0 ? rho : nil
    describe(gamma: gamma, rho: rho, spacing: spacing, powers: powers, mean: mean, variance: variance)
  }

  private init(kind: Kind, independent: Double) {
    self.kind = kind
    self.independentSamples = independent
  }

  /// K > 100 is the noise of the measurement itself (0.35 to 1.2 dB on links where nothing moves).
  private static let staticGamma = FadingParameters.relativeVariance(ricianK: 100)

  private mutating func describe(
    gamma: Double, rho: Double, spacing: Duration, powers: [Double], mean: Double, variance: Double
  ) {
    if gamma <= Self.staticGamma {
      kind = Double(powers.count) >= Self.samplesNeeded ? .unchanging : .unknown
      return
    }
    guard independentSamples >= Self.samplesNeeded else {
      // Few independent samples because they are alike: that much is certain.
      if Double(powers.count) >= Self.samplesNeeded && rho > 0.5 { setSlow(powers, mean, variance, spacing) }
      return
    }
    k = FadingParameters.ricianK(relativeVariance: gamma)
    nakagamiM = FadingParameters.nakagamiM(relativeVariance: gamma)
    let deviation = Self.deviation(powers.map { $0 / mean }, gamma: gamma, samples: independentSamples)
    let low = FadingParameters.ricianK(relativeVariance: gamma + 1.645 * deviation)
    interval = low...FadingParameters.ricianK(relativeVariance: max(1e-6, gamma - 1.645 * deviation))
    // The correlation of N independent samples lies within ±2/√N of 0 by chance.
    if rho <= 2 / Double(powers.count).squareRoot() {
      kind = .fast
    } else if rho > 0.5 {
      setSlow(powers, mean, variance, spacing)
    }
  }

  private mutating func setSlow(_ powers: [Double], _ mean: Double, _ variance: Double, _ spacing: Duration) {
    kind = .slow
    coherenceAtLeast = spacing * Self.lastLagAboveHalf(powers, mean: mean, variance: variance)
  }

  /// Standard deviation of the estimate of γ from N independent samples, by the delta method with the samples' own
  /// third and fourth central moments: N·var = μ₄ − γ² − 4γ·μ₃ + 4γ³ for a mean of 1.
  private static func deviation(_ powers: [Double], gamma: Double, samples: Double) -> Double {
    var third = 0.0
    var fourth = 0.0
    for power in powers {
      let square = (power - 1) * (power - 1)
      third += square * (power - 1)
      fourth += square * square
    }
    let count = Double(powers.count)
    let variance = fourth / count - gamma * gamma - 4 * gamma * third / count + 4 * gamma * gamma * gamma
    return (max(0, variance) / samples).squareRoot()
  }

  private static func lagOne(_ powers: [Double], mean: Double, variance: Double) -> Double {
    correlation(powers, lag: 1, mean: mean, variance: variance)
  }

  private static func correlation(_ powers: [Double], lag: Int, mean: Double, variance: Double) -> Double {
    guard variance > 0, powers.count > lag else { return 0 }
    var sum = 0.0
    for at in lag..<powers.count { sum += (powers[at] - mean) * (powers[at - lag] - mean) }
    return sum / (variance * Double(powers.count - lag))
  }

  /// The largest lag up to which the correlation never falls below one half; no more than a tenth of the stretch can be
  /// told.
  private static func lastLagAboveHalf(_ powers: [Double], mean: Double, variance: Double) -> Int {
    var lag = 1
    while lag < powers.count / 10, correlation(powers, lag: lag + 1, mean: mean, variance: variance) > 0.5 {
      lag += 1
    }
    return lag
  }
}
