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
  /// Samples, discounted for their likeness: N ÷ (1 + 2Σρ).
  public var independentSamples: Double
  /// The power's correlation stays above one half for at least this long; nil when that cannot be said.
  public var coherenceAtLeast: Duration?
  /// It falls below one half within this time; nil when that cannot be said.
  public var coherenceAtMost: Duration?
  /// nil where the samples are too slow or too few to carry one.
  public var doppler: DopplerEstimate?

  /// The least number of independent samples that carry a K.
  public static let samplesNeeded = 30.0

  /// - Parameters:
  ///   - levels: fresh samples in dBm, evenly spaced, oldest first.
  ///   - spacing: time between them.
  ///   - step: of the receiver's rounding, in dB; its variance step²/12 is taken off (Sheppard's correction).
  public init(levels: [Double], spacing: Duration, step: Double = 1) {
    self.init(SampleGrid(powers: levels.map(Decibel.power), spacing: spacing.seconds), step: step)
  }

  /// - Parameter grid: fresh samples, with holes where none came.
  package init(_ grid: SampleGrid, step: Double = 1) {
    let mean = grid.mean
    guard grid.count >= 3, mean > 0, grid.variance.isFinite else {
      self.init(kind: .unknown, independent: 0)
      return
    }
    let rho = grid.correlation(lag: 1)
    self.init(kind: .unknown, independent: grid.independent)
    // Frames are lost in fades: without what lies between, a channel seems to fade less than it does.
    let whole = rho > 0.5 ? DopplerEstimate.bridged(grid) ?? grid : grid
    self.mean = .milliwatts(whole.mean)
    lagOne = grid.variance > 0 ? rho : nil
    // A spread of s dB is one of s·ln(10)/10 of the power.
    let rounding = step * log(10) / 10
    let gamma = max(0, whole.variance / (whole.mean * whole.mean) - rounding * rounding / 12)
    describe(grid, gamma: gamma, rho: rho)
  }

  private init(kind: Kind, independent: Double) {
    self.kind = kind
    self.independentSamples = independent
  }

  /// K > 100 is the noise of the measurement itself (0.35 to 1.2 dB on links where nothing moves).
  private static let staticGamma = FadingParameters.relativeVariance(ricianK: 100)

  private mutating func describe(_ grid: SampleGrid, gamma: Double, rho: Double) {
    if gamma <= Self.staticGamma {
      kind = Double(grid.count) >= Self.samplesNeeded ? .unchanging : .unknown
      return
    }
    guard Double(grid.count) >= Self.samplesNeeded else { return }
    // A channel that changes by jumps (ρ, ρ², …) has N·(1 − ρ)/(1 + ρ). Where one of the counts suffices K is told; its
    // interval is that of the first.
    let byJumps = Double(grid.count) * (1 - max(0, rho)) / (1 + max(0, rho))
    if max(independentSamples, byJumps) >= Self.samplesNeeded { setParameters(grid, gamma: gamma) }
    if rho > 0.5 {
      setSlow(grid)
    } else if isFast(grid, rho: rho) {
      kind = .fast
      coherenceAtMost = .seconds(grid.spacing)
    }
  }

  private mutating func setParameters(_ grid: SampleGrid, gamma: Double) {
    k = FadingParameters.ricianK(relativeVariance: gamma)
    nakagamiM = FadingParameters.nakagamiM(relativeVariance: gamma)
    let deviation = Self.deviation(grid, gamma: gamma, samples: independentSamples)
    let low = FadingParameters.ricianK(relativeVariance: gamma + 1.645 * deviation)
    interval = low...FadingParameters.ricianK(relativeVariance: max(1e-6, gamma - 1.645 * deviation))
  }

  /// Few independent samples because they are alike: that much is certain, whether or not they carry a K.
  private mutating func setSlow(_ grid: SampleGrid) {
    kind = .slow
    let lag = grid.lastLagAboveHalf
    coherenceAtLeast = .seconds(grid.spacing * Double(lag))
    if lag < grid.powers.count / 10 { coherenceAtMost = .seconds(grid.spacing * Double(lag + 1)) }
    doppler = DopplerEstimate(grid)
  }

  /// Neighbours say next to nothing of each other, more than a receiver's own noise could hide. Or they say little and the
  /// next but one much less; noise alone would lower both alike.
  private func isFast(_ grid: SampleGrid, rho: Double) -> Bool {
    rho <= 0.25 || grid.correlation(lag: 2) <= rho / 2
  }

  /// Standard deviation of the estimate of γ from N independent samples, by the delta method with the samples' own
  /// third and fourth central moments: N·var = μ₄ − γ² − 4γ·μ₃ + 4γ³ for a mean of 1.
  private static func deviation(_ grid: SampleGrid, gamma: Double, samples: Double) -> Double {
    var third = 0.0
    var fourth = 0.0
    for power in grid.powers where !power.isNaN {
      let off = power / grid.mean - 1
      let square = off * off
      third += square * off
      fourth += square * square
    }
    let count = Double(grid.count)
    let variance = fourth / count - gamma * gamma - 4 * gamma * third / count + 4 * gamma * gamma * gamma
    return (max(0, variance) / samples).squareRoot()
  }
}
