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
