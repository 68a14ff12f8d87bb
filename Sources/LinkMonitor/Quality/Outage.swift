// The chance that a channel is too weak: now, on average, and given how strong it was a moment ago. Closed forms.

import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Outage of fading channels. `threshold` and `mean` are signal-to-noise ratios (linear, > 0): an outage is a ratio below the
/// threshold.
public enum Outage {
  /// No line of sight: 1 − exp(−γ₀/Γ).
  public static func rayleigh(threshold: Double, mean: Double) -> Double { -expm1(-threshold / mean) }

  /// With a line of sight K times as strong as the rest: 1 − Q₁(√(2K), √(2(K+1)γ₀/Γ)).
  public static func rician(threshold: Double, mean: Double, k: Double) -> Double {
    1 - SpecialFunctions.marcumQ1((2 * k).squareRoot(), (2 * (k + 1) * threshold / mean).squareRoot())
  }

  /// Nakagami: P(m, m·γ₀/Γ).
  public static func nakagami(threshold: Double, mean: Double, m: Double) -> Double {
    SpecialFunctions.gammaP(m, m * threshold / mean)
  }

  /// Given the present gain: the scattered part of the channel keeps the share ρ of its present value and renews the
  /// rest. P(g(t+τ) < g₀ | g) = 1 − Q₁(√(2ρ²g/(1−ρ²)), √(2g₀/(1−ρ²))), gains normalised by their mean.
  /// - Parameter correlation: ρ of the complex gain, 0…1; see `clarke`.
  public static func aged(threshold: Double, gain: Double, correlation rho: Double) -> Double {
    let renewed = 1 - rho * rho
    guard renewed > 0 else { return gain < threshold ? 1 : 0 }
    return 1
      - SpecialFunctions.marcumQ1(
        (2 * rho * rho * gain / renewed).squareRoot(), (2 * threshold / renewed).squareRoot())
  }

  /// The same for a Rician channel whose line of sight does not turn: given the complex gain ĥ, the gain after the delay is
  /// CN(m + ρ(ĥ − m), (1 − ρ²)σ²). A power says nothing of the phase between ĥ and m, so the chance is averaged over it; its
  /// density is ∝ exp(2|ĥ||m| cos θ ÷ σ²).
  /// - Parameters:
  ///   - gain: relative to the mean over all time, ≥ 0. - threshold: the same.
  ///   - correlation: ρ of the scattered part, −1…1.
  public static func aged(threshold: Double, gain: Double, k: Double, correlation rho: Double, phases: Int = 24)
    -> Double
  {
    let scatter = 1 / (k + 1)
    let sight = (k * scatter).squareRoot()
    let amplitude = gain.squareRoot()
    let renewed = (1 - rho * rho) * scatter
    var (sum, total) = (0.0, 0.0)
    for node in 0..<phases {
      let angle = Double.pi * (Double(node) + 0.5) / Double(phases)
      let weight = exp(2 * amplitude * sight / scatter * (cos(angle) - 1))
      let along = sight * (1 - rho) + rho * amplitude * cos(angle)
      let across = rho * amplitude * sin(angle)
      let centre = along * along + across * across
      let below =
        renewed > 1e-12
        ? 1 - SpecialFunctions.marcumQ1((2 * centre / renewed).squareRoot(), (2 * threshold / renewed).squareRoot())
        : (centre < threshold ? 1 : 0)
      sum += weight * below
      total += weight
    }
    return min(1, max(0, sum / total))
  }

  /// Clarke's correlation of the complex gain after `delay`: J₀(2π f_D τ), negative values as 0 (nothing is known).
  public static func clarke(doppler hertz: Double, delay: Duration) -> Double {
    max(0, SpecialFunctions.besselJ0(2 * .pi * hertz * delay.seconds))
  }
}

/// How often a fading channel crosses a level, and how long it stays below.
public enum LevelCrossing {
  /// Downward crossings per second of a Rician channel (K = 0: Rayleigh) at `level` = amplitude ÷ rms:
  /// √(2π(K+1))·f_D·ρ·exp(−K−(K+1)ρ²)·I₀(2ρ√(K(K+1))).
  public static func rate(level: Double, doppler hertz: Double, k: Double = 0) -> Double {
    let argument = 2 * level * (k * (k + 1)).squareRoot()
    // exp(x)·scaledI0(x) = I0(x): joined in one exponent, nothing overflows.
    let exponent = -k - (k + 1) * level * level + argument
    return (2 * .pi * (k + 1)).squareRoot() * hertz * level * exp(exponent)
      * SpecialFunctions.scaledBesselI0(argument)
  }

  /// Mean time below `level`, in seconds: the share of time below ÷ the rate of crossings.
  public static func meanFade(level: Double, doppler hertz: Double, k: Double = 0) -> Double {
    Outage.rician(threshold: level * level, mean: 1, k: k) / rate(level: level, doppler: hertz, k: k)
  }
}
