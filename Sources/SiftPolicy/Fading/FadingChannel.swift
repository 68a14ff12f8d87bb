// A fading link as the policy sees it, and the forecast of its gain from a sample that has aged.

import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A flat Rician channel of unit mean power gain: a line of sight of power K/(K+1) and scatter of power 1/(K+1) whose
/// correlation over time is J₀(2πf_Dτ) (Clarke's model).
public struct FadingChannel: Sendable, Hashable {
  /// Mean ratio of signal to noise power, linear, > 0.
  public let meanSNR: Double
  /// Rician factor K: power of the line of sight over that of the scatter, ≥ 0; 0 is Rayleigh fading.
  public let riceFactor: Double
  /// Maximum Doppler shift in hertz, ≥ 0; 0 is a channel that stands still.
  public let doppler: Double

  /// - Returns: nil for figures outside the stated ranges or not finite.
  public init?(meanSNR: Double, riceFactor: Double, doppler: Double) {
    guard meanSNR > 0, meanSNR.isFinite, riceFactor >= 0, riceFactor.isFinite, doppler >= 0, doppler.isFinite else {
      return nil
    }
    self.meanSNR = meanSNR
    self.riceFactor = riceFactor
    self.doppler = doppler
  }

  /// Power of the scatter, σ² in CN(m, σ²).
  var scatter: Double { 1 / (riceFactor + 1) }
  /// Power of the line of sight, |m|².
  var sight: Double { riceFactor / (riceFactor + 1) }

  /// Correlation of the scatter with itself `age` seconds later, −0.403 … 1.
  public func correlation(age: Double) -> Double { SpecialFunctions.besselJ0(2 * .pi * doppler * max(0, age)) }
}

/// The distribution of a channel's power gain (mean 1 over all time) when it will be used.
///
/// Given the complex gain ĥ at an age τ, the gain is CN(m + ρ(ĥ − m), (1 − ρ²)σ²), so its power is noncentral chi-square
/// with two degrees of freedom. A power sample tells |ĥ| only; its phase against the line of sight then has a von Mises
/// distribution, over which the forecast is a mixture of `phases` such laws. Rayleigh fading needs one.
///
/// A value without storage of its own: to make and to ask it allocates nothing.
public struct GainForecast: Sendable, Hashable {
  /// Amplitude of the line of sight, |m|; and of the sample, |ĥ|.
  private let line: Double
  private let amplitude: Double
  private let correlation: Double
  /// Density of the phase between ĥ and m: exp(κ cos θ), κ = 2|ĥ||m|/σ².
  private let kappa: Double
  /// Laws in the mixture.
  private let phases: Int
  /// Power of the uncertainty, v = (1 − ρ²)σ², ≥ 0.
  public let spread: Double

  /// Nothing was sampled: the channel's own law.
  public init(of channel: FadingChannel) {
    line = channel.sight.squareRoot()
    amplitude = 0
    correlation = 0
    kappa = 0
    phases = 1
    spread = channel.scatter
  }

  /// - Parameters:
  ///   - gain: the sampled power gain relative to the mean, ≥ 0.
  ///   - age: seconds between the sample and the use, ≥ 0.
  ///   - phases: nodes of the phase average, ≥ 1; only used when the channel has a line of sight.
  public init(of channel: FadingChannel, sampledGain gain: Double, age: Double, phases: Int = 32) {
    correlation = channel.correlation(age: age)
    spread = (1 - correlation * correlation) * channel.scatter
    line = channel.sight.squareRoot()
    amplitude = max(0, gain).squareRoot()
    kappa = 2 * amplitude * line / channel.scatter
    self.phases = line > 0 ? max(1, phases) : 1
  }

  /// Power of the mean, |μ|², of one law of the mixture, and its weight, which is not normalised.
  private func law(_ node: Int) -> (centre: Double, weight: Double) {
    let angle = phases == 1 ? 0 : Double.pi * (Double(node) + 0.5) / Double(phases)
    let along = line * (1 - correlation) + correlation * amplitude * cos(angle)
    let across = correlation * amplitude * sin(angle)
    return (along * along + across * across, exp(kappa * (cos(angle) - 1)))
  }

  /// Mean power gain.
  public var mean: Double {
    var sum = 0.0
    var total = 0.0
    for node in 0..<phases {
      let (centre, weight) = law(node)
      sum += weight * centre
      total += weight
    }
    return spread + sum / total
  }

  /// P(gain < threshold), 0 … 1. Complexity: one Marcum function a law.
  public func probability(below threshold: Double) -> Double {
    guard threshold > 0 else { return 0 }
    var sum = 0.0
    var total = 0.0
    for node in 0..<phases {
      let (centre, weight) = law(node)
      total += weight
      if spread < 1e-12 {
        sum += centre < threshold ? weight : 0
      } else {
        let a = (2 * centre / spread).squareRoot()
        let b = (2 * threshold / spread).squareRoot()
        sum += weight * (1 - SpecialFunctions.marcumQ1(a, b))
      }
    }
    return min(1, max(0, sum / total))
  }
}
