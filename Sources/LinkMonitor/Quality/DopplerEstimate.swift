// How fast a channel changes: the Doppler shift that fits the spectrum of its power, or nothing where the samples do not carry
// one.

import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The maximum Doppler shift of a channel whose scatterers stand all around (Clarke's model).
public struct DopplerEstimate: Sendable, Hashable {
  /// In Hz, > 0.
  public var hertz: Double
  /// The shifts that explain the samples nearly as well, and one resolution of the spectrum to either side. For scatterers all
  /// around it holds the truth in nine of ten stretches or more.
  public var interval: ClosedRange<Double>

  /// Correlation of the power of a Rician channel with itself, with a line of sight that does not turn:
  /// (J₀² + 2K·J₀) ÷ (1 + 2K), and J₀² without one. 1 at no delay.
  /// - Parameter phase: 2π·f_D·τ.
  public static func powerCorrelation(phase: Double, k: Double) -> Double {
    let j = SpecialFunctions.besselJ0(phase)
    guard k < 1e6 else { return j }
    return (j * j + 2 * k * j) / (1 + 2 * k)
  }

  /// The phase at which that correlation is `level`, 0 < level < 1: in the first lobe.
  static func phase(level: Double, k: Double) -> Double {
    var (low, high) = (0.0, 2.404)
    for _ in 0..<40 {
      let middle = (low + high) / 2
      if powerCorrelation(phase: middle, k: k) > level { low = middle } else { high = middle }
    }
    return low
  }

  /// Time until the power's correlation has fallen to one half: 0.179/f_D without a line of sight.
  public static func coherence(hertz: Double, k: Double = 0) -> Duration {
    .seconds(phase(level: 0.5, k: k) / (2 * .pi * hertz))
  }

  // MARK: The fit

  /// Fewest samples in a period of the Doppler shift: then half of the spectrum lies beyond twice the shift, and shows the noise.
  package static let samplesAPeriod = 8.0
  /// Fewest periods in the stretch.
  package static let periods = 20.0
  /// A wider interval, to either side, is no answer.
  package static let widest = 1.2
  /// Least share of the spectrum that is not noise of the measurement, or of the holes.
  private static let leastShare = 0.4
  /// The candidates reach so far, as a logarithm, around the shift that the time of half correlation suggests, in such steps.
  private static let (reach, step) = (0.6, 0.025)
  /// Holes of so many times of half correlation are bridged: as long as fades, and no longer.
  private static let longestBridge = 1.7
  /// Most of the places that may be without a sample where the samples beside are weaker than this share of the mean.
  private static let (mostLost, lostByChance) = (0.15, 0.7)
  /// The lag of half correlation that follows from the fit ÷ the one that was seen. Beyond, the fit is of something else: of
  /// twice the shift, where the fades are missing.
  private static let agreement = 0.8...1.35
  /// A fit so much less likely, as a logarithm, is still held possible.
  private static let tolerance = 3.0

  /// - Parameter all: powers over time; the latest stretch without many holes counts, or else the longest.
  /// - Returns: nil where the samples are too slow (`samplesAPeriod`), too few (`periods`) or too noisy, do not decay, or decay
  ///   in a way that no shift within `widest` explains.
  package init?(_ all: SampleGrid) {
    guard all.variance > 0, all.count >= 64, let bridged = Self.bridged(all) else { return nil }
    let (latest, longest) = bridged.wellSampled
    if let found = Self(bridged[latest], holes: all[latest].holes) {
      self = found
    } else if longest != latest, let found = Self(bridged[longest], holes: all[longest].holes) {
      self = found
    } else {
      return nil
    }
  }

  /// The samples with holes as long as fades are bridged; nil where how long that is cannot be told.
  static func bridged(_ grid: SampleGrid) -> SampleGrid? {
    halfLag(grid).map { grid.bridged(longest: Int(longestBridge * $0)) }
  }

  /// - Parameters:
  ///   - grid: with few holes left. - holes: that it had before they were bridged.
  private init?(_ grid: SampleGrid, holes: (share: Double, beside: Double)) {
    guard grid.count >= 64, let half = Self.halfLag(grid),
      holes.share <= Self.mostLost || holes.beside >= Self.lostByChance
    else { return nil }
    let stretch = Double(grid.powers.count) * grid.spacing
    let start = Self.phase(level: 0.5, k: 0.5) / (2 * .pi * half * grid.spacing)
    let spectrum = PowerSpectrum(grid)
    var fit = SpectrumFit(spectrum, relativeVariance: grid.variance / (grid.mean * grid.mean))
    let steps = Int(Self.reach / Self.step)
    let coarse = (-steps...steps).map { fit.best(start * exp(Double($0) * Self.step)) }
    guard let peak = coarse.indices.min(by: { coarse[$0].misfit < coarse[$1].misfit }),
      // At the end of what was tried, the best is not known to be one.
      peak > 0, peak < coarse.count - 1, coarse[peak].misfit < .infinity
    else { return nil }
    let fine = (-4...4).map { fit.best(coarse[peak].hertz * exp(Double($0) * Self.step / 4)) }
    let found = fine.reduce(coarse[peak]) { $1.misfit < $0.misfit ? $1 : $0 }
    guard found.share >= Self.leastShare, found.hertz * grid.spacing * Self.samplesAPeriod <= 1,
      found.hertz * stretch >= Self.periods,
      Self.agreement.contains(Self.halfLag(found, spacing: grid.spacing) / half)
    else { return nil }
    let bound = found.misfit + Self.tolerance * fit.dispersion(found)
    let possible = coarse.filter { $0.misfit <= bound }.map(\.hertz) + [found.hertz]
    let resolution = Self.step / 2 * found.hertz + 0.5 / stretch
    let low = (possible.min() ?? found.hertz) - resolution
    let high = (possible.max() ?? found.hertz) + resolution
    guard high <= found.hertz * Self.widest, low * Self.widest >= found.hertz else { return nil }
    hertz = found.hertz
    interval = low...high
  }

  /// What `halfLag(_:)` would be if the fit were right.
  private static func halfLag(_ fit: SpectrumFit.Candidate, spacing: Double) -> Double {
    let k = fit.sighted / (2 * (1 - fit.sighted))
    let turn = 2 * .pi * fit.hertz * spacing
    return phase(level: powerCorrelation(phase: turn, k: k) / 2, k: k) / turn
  }

  /// The lag, in places, at which the correlation has fallen to half of what it is at the first lag (which the noise of the
  /// measurement has lowered already); nil when the first says too little or none within an eighth of the stretch does.
  private static func halfLag(_ grid: SampleGrid) -> Double? {
    let first = grid.correlation(lag: 1)
    guard first > 0.4 else { return nil }
    var before = first
    for lag in 2..<max(3, grid.powers.count / 8) {
      let now = grid.correlation(lag: lag)
      if now < first / 2 { return Double(lag - 1) + (before - first / 2) / (before - now) }
      before = now
    }
    return nil
  }
}

/// How well a Doppler shift explains a spectrum: Whittle's likelihood of Clarke's spectrum, mixed of its forms with and without
/// a line of sight, over even noise. The spectrum ends sharply, at the shift or at twice the shift, and that end tells more than
/// the correlation's slope.
private struct SpectrumFit {
  struct Candidate {
    var hertz: Double
    /// Share of the form with a line of sight: 2K ÷ (1 + 2K).
    var sighted = 0.0
    /// Less is better; infinite for a shift that leaves no noise to be seen.
    var misfit = Double.infinity
    /// Share of the spectrum's power that is not noise.
    var share = 0.0
  }
  /// K = 0, ½, 2 and 9½.
  private static let mixtures = [0.0, 0.5, 0.8, 0.95]
  /// A line of sight calms a channel: one that varies by more than so many times what K says has none as strong. Without this the
  /// band of scattered waves, which ends at twice the shift, passes for that of a sighted one at twice the shift.
  private static let mostRestless = 2.0
  /// Fewest bins below the end of the band, and above it.
  private static let fewest = 8

  private let spectrum: PowerSpectrum
  /// The shares that the variance allows.
  private let mixtures: [Double]
  /// Of the bins up to and without each.
  private var sums: [Double]
  // Kept from candidate to candidate for their room alone.
  private var scattered: [Double]
  private var sighted: [Double]

  /// - Parameter relativeVariance: of the power, variance ÷ mean².
  init(_ spectrum: PowerSpectrum, relativeVariance: Double) {
    self.spectrum = spectrum
    mixtures = Self.mixtures.filter { share in
      let k = share / (2 * (1 - share))
      return share == 0 || relativeVariance < Self.mostRestless * FadingParameters.relativeVariance(ricianK: k)
    }
    sums = [0]
    for bin in spectrum.bins { sums.append((sums.last ?? 0) + bin) }
    scattered = Array(repeating: 0, count: spectrum.bins.count)
    sighted = scattered
  }

  /// The best mixture for a shift.
  mutating func best(_ hertz: Double) -> Candidate {
    var best = Candidate(hertz: hertz)
    guard let (inside, noise, signal) = prepare(hertz) else { return best }
    let outside = Double(spectrum.bins.count - inside) * (log(noise) + 1)
    for mixture in mixtures {
      let scale = scale(inside, signal, mixture)
      // Logarithms of products of eight: none of the factors is far from 1.
      var (logarithms, product, ratios) = (0.0, 1.0, 0.0)
      for bin in 0..<inside {
        let expected = scale * (scattered[bin] + mixture * (sighted[bin] - scattered[bin])) + noise
        product *= expected
        ratios += spectrum.bins[bin] / expected
        if bin & 7 == 7 {
          logarithms += log(product)
          product = 1
        }
      }
      let misfit = spectrum.share * (logarithms + log(product) + ratios + outside)
      if misfit < best.misfit {
        best = Candidate(
          hertz: hertz, sighted: mixture, misfit: misfit, share: signal / (sums.last ?? signal))
      }
    }
    return best
  }

  /// How much more the bins scatter around the fit than a Gaussian process's would, ≥ 1: few paths, or another spectrum.
  mutating func dispersion(_ candidate: Candidate) -> Double {
    guard let (inside, noise, signal) = prepare(candidate.hertz) else { return 1 }
    let scale = scale(inside, signal, candidate.sighted)
    var squares = 0.0
    for bin in 0..<inside {
      let expected = scale * (scattered[bin] + candidate.sighted * (sighted[bin] - scattered[bin])) + noise
      let off = spectrum.bins[bin] / expected - 1
      squares += off * off
    }
    return max(1, squares / Double(inside))
  }

  /// Fills in the shapes for a shift.
  /// - Returns: the number of bins in the band, the noise of a bin, and the signal of all; nil where one cannot be seen.
  private mutating func prepare(_ hertz: Double) -> (inside: Int, noise: Double, signal: Double)? {
    let inside = spectrum.count(below: 2 * hertz + spectrum.smear)
    let outside = spectrum.bins.count - inside
    guard inside >= Self.fewest, outside >= Self.fewest, let all = sums.last else { return nil }
    let noise = max((all - sums[inside]) / Double(outside), 1e-6)
    let signal = sums[inside] - noise * Double(inside)
    guard signal > 0 else { return nil }
    let smear = spectrum.smear / hertz
    for bin in 0..<inside {
      (scattered[bin], sighted[bin]) = ClarkeSpectrum.shares(at: spectrum.frequency(at: bin) / hertz, smear: smear)
    }
    return (inside, noise, signal)
  }

  /// What the shapes are multiplied with so that their sum is the signal's.
  private func scale(_ inside: Int, _ signal: Double, _ mixture: Double) -> Double {
    var sum = 0.0
    for bin in 0..<inside { sum += scattered[bin] + mixture * (sighted[bin] - scattered[bin]) }
    return signal / max(sum, .leastNormalMagnitude)
  }
}
