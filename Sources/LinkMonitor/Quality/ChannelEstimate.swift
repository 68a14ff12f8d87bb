// The channel to one station as a forecast needs it: its mean, how it fades, how it changes, and where it stands now.

import SiftCore

/// A flat fading channel and its latest sample.
public struct ChannelEstimate: Sendable, Hashable {
  /// Mean ratio of signal to noise, linear, > 0.
  public var meanSNR: Double
  /// Rician factor, ≥ 0; 0 where no line of sight is proved, `staticFactor` where nothing moves; nil while unknown.
  public var riceFactor: Double?
  /// Maximum Doppler shift, in Hz; 0 where nothing moves. nil where the samples carry none.
  public var doppler: Double?
  /// Bounds on it, in Hz: from the fit, or from how long the correlation was seen to last; the upper is nil for a channel
  /// that changes faster than it is sampled.
  public var dopplerAtLeast: Double?
  public var dopplerAtMost: Double?
  /// Power gain of the latest sample, relative to the mean, ≥ 0; nil before there is one.
  public var gain: Double?
  /// Since that sample was taken.
  public var gainAge: Duration?

  /// The receiver's own noise: no more than this can be seen.
  public static let staticFactor = 100.0

  public init(meanSNR: Double, riceFactor: Double? = nil, doppler: Double? = nil) {
    self.meanSNR = meanSNR
    self.riceFactor = riceFactor
    self.doppler = doppler
  }

  /// - Parameters:
  ///   - noise: at this receiver.
  ///   - sample: the latest fresh signal; nil before there is one.
  ///   - age: of that sample.
  /// - Returns: nil without a mean.
  public init?(_ fading: FadingEstimate, noise: DecibelMilliwatts, sample: DecibelMilliwatts?, age: Duration?) {
    guard let mean = fading.mean else { return nil }
    self.init(meanSNR: (mean - noise).ratio)
    if let sample, let age {
      gain = (sample - mean).ratio
      gainAge = age
    }
    switch fading.kind {
    case .unchanging:
      riceFactor = Self.staticFactor
      doppler = 0
      dopplerAtMost = 0
    case .slow, .fast:
      riceFactor = fading.interval.map { $0.lowerBound > 0 ? min(fading.k ?? 0, Self.staticFactor) : 0 }
      setDoppler(fading)
    case .unknown: riceFactor = nil
    }
  }

  private mutating func setDoppler(_ fading: FadingEstimate) {
    doppler = fading.doppler?.hertz
    dopplerAtLeast = fading.doppler?.interval.lowerBound ?? fading.coherenceAtMost.map(hertz)
    dopplerAtMost = fading.doppler?.interval.upperBound ?? fading.coherenceAtLeast.map(hertz)
  }

  /// The shift at which the power's correlation falls to one half after this time.
  private func hertz(_ coherence: Duration) -> Double {
    DopplerEstimate.phase(level: 0.5, k: riceFactor ?? 0) / (2 * .pi * coherence.seconds)
  }

  /// Correlation of the scattered gain with itself after `delay`, 0…1. Where only an upper bound on the shift is known, that
  /// bound is taken: the sample is believed too little rather than too much. 0 where nothing is known.
  public func correlation(after delay: Duration) -> Double {
    guard let hertz = doppler ?? dopplerAtMost else { return 0 }
    return Outage.clarke(doppler: hertz, delay: delay)
  }

  /// The gain to be expected `ahead` from now, relative to the mean: the best linear forecast of a power from a power,
  /// 1 + ρ_P·(g − 1). 1 without a sample.
  public func expectedGain(ahead: Duration) -> Double {
    guard let gain, let gainAge else { return 1 }
    let rho = correlation(after: gainAge + ahead)
    let k = riceFactor ?? 0
    return max(0, 1 + (rho * rho + 2 * k * rho) / (1 + 2 * k) * (gain - 1))
  }

  /// Chance that the ratio of signal to noise is below `threshold` (linear) `ahead` from now, given the latest sample where
  /// one counts. - Returns: nil while it is not known how the channel fades.
  public func outage(threshold: Double, ahead: Duration = .zero) -> Double? {
    guard let k = riceFactor, threshold >= 0 else { return nil }
    let relative = threshold / meanSNR
    guard let gain, let gainAge else { return Outage.rician(threshold: relative, mean: 1, k: k) }
    let rho = correlation(after: gainAge + ahead)
    guard rho > 0 else { return Outage.rician(threshold: relative, mean: 1, k: k) }
    return Outage.aged(threshold: relative, gain: gain, k: k, correlation: rho)
  }
}
