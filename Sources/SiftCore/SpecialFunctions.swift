// The special functions of fading channels that the C library lacks. (It has J0, erfc and the gamma function.)

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Functions of the theory of fading: Bessel, incomplete gamma and Marcum's Q.
///
/// Definitions: Abramowitz and Stegun, Handbook of Mathematical Functions (chapters 6 and 9); J. I. Marcum, RAND RM-753.
public enum SpecialFunctions {
  /// Bessel function of the first kind, order 0: the correlation of a gain with itself when scatterers stand all around
  /// (R. H. Clarke, 1968).
  public static func besselJ0(_ x: Double) -> Double { j0(x) }

  /// exp(−|x|)·I₀(x): the modified Bessel function of order 0, scaled so that it never overflows. Relative error below
  /// 1e-14.
  public static func scaledBesselI0(_ x: Double) -> Double {
    let size = abs(x)
    guard size < 40 else {
      // Asymptotic series (A&S 9.7.1); its terms fall until n ≈ 2·size.
      var term = 1.0
      var sum = 1.0
      for n in 1...30 {
        let odd = Double(2 * n - 1)
        term *= odd * odd / (Double(8 * n) * size)
        sum += term
        if term < 1e-17 * sum { break }
      }
      return sum / (2 * Double.pi * size).squareRoot()
    }
    let quarter = size * size / 4
    var term = exp(-size)
    var sum = term
    var n = 1.0
    while term > 1e-17 * sum || n < size / 2 {
      term *= quarter / (n * n)
      sum += term
      n += 1
    }
    return sum
  }

  /// Regularised lower incomplete gamma function P(a, x), from 0 at x = 0 to 1.
  /// - Returns: NaN unless a > 0 and x ≥ 0.
  public static func gammaP(_ a: Double, _ x: Double) -> Double {
    guard a > 0, x >= 0 else { return .nan }
    if x == 0 { return 0 }
    if x.isInfinite { return 1 }
    return x < a + 1 ? lowerSeries(a, x) : 1 - upperFraction(a, x)
  }

  /// Its complement Q(a, x) = 1 − P(a, x), without cancellation.
  public static func gammaQ(_ a: Double, _ x: Double) -> Double {
    guard a > 0, x >= 0 else { return .nan }
    if x == 0 { return 1 }
    if x.isInfinite { return 0 }
    return x < a + 1 ? 1 - lowerSeries(a, x) : upperFraction(a, x)
  }

  /// x^a·e^−x / Γ(a+1), the Poisson-like weight that both expansions share.
  private static func weight(_ a: Double, _ x: Double) -> Double { exp(a * log(x) - x - lgamma(a + 1)) }

  private static func lowerSeries(_ a: Double, _ x: Double) -> Double {
    var term = 1.0
    var sum = 1.0
    var n = a
    while term > 1e-17 * sum {
      n += 1
      term *= x / n
      sum += term
    }
    return min(1, sum * weight(a, x))
  }

  /// Legendre's continued fraction (A&S 6.5.31) by Lentz's method.
  private static func upperFraction(_ a: Double, _ x: Double) -> Double {
    let tiny = 1e-300
    var b = x + 1 - a
    var c = 1 / tiny
    var d = 1 / b
    var h = d
    for i in 1...10_000 {
      let an = -Double(i) * (Double(i) - a)
      b += 2
      d = an * d + b
      if abs(d) < tiny { d = tiny }
      c = b + an / c
      if abs(c) < tiny { c = tiny }
      d = 1 / d
      let factor = d * c
      h *= factor
      if abs(factor - 1) < 1e-16 { break }
    }
    return h * weight(a, x) * a
  }

  /// Marcum's Q₁(a, b): the probability that a Rician amplitude with line of sight `a` and unit scatter variance per
  /// dimension exceeds `b`. Absolute error below 1e-10.
  ///
  /// A Poisson mixture of gamma tails, summed outwards from its heaviest term, so large arguments (a fresh sample:
  /// a² = 2ρ²g/(1−ρ²)) neither underflow nor take more than O(a) terms.
  /// - Returns: NaN unless a ≥ 0 and b ≥ 0.
  public static func marcumQ1(_ a: Double, _ b: Double) -> Double {
    guard a >= 0, b >= 0 else { return .nan }
    if b == 0 { return 1 }
    let x = a * a / 2
    let y = b * b / 2
    if x == 0 { return exp(-y) }
    // So far from the edge that the answer is 0 or 1 to 1e-20; also keeps the sum short.
    if b > a + 9.5 { return 0 }
    if b < a - 9.5 { return 1 }
    return min(1, max(0, poissonMixture(x: x, y: y)))
  }

  /// Σₖ Poisson(k; x)·Q(k+1, y), where Q(k+1, y) grows with k by Poisson(k+1; y).
  private static func poissonMixture(x: Double, y: Double) -> Double {
    let start = x.rounded(.down)
    let peak = exp(start * log(x) - x - lgamma(start + 1))
    let tailAtStart = gammaQ(start + 1, y)
    let stepAtStart = exp(start * log(y) - y - lgamma(start + 1))

    var sum = peak * tailAtStart
    var (k, mass, tail, step) = (start, peak, tailAtStart, stepAtStart)
    while mass > 1e-18 {
      k += 1
      mass *= x / k
      step *= y / k
      tail = min(1, tail + step)
      sum += mass * tail
    }
    (k, mass, tail, step) = (start, peak, tailAtStart, stepAtStart)
    while k > 0, mass > 1e-18 {
      tail = max(0, tail - step)
      step *= k / y
      mass *= k / x
      k -= 1
      sum += mass * tail
    }
    return sum
  }

  /// The digamma function ψ(x), x > 0. Relative error below 1e-13 away from its zero.
  public static func digamma(_ x: Double) -> Double {
    guard x > 0 else { return .nan }
    var shift = 0.0
    var z = x
    while z < 10 {
      shift -= 1 / z
      z += 1
    }
    let r = 1 / (z * z)
    let series = r * (1 / 12.0 - r * (1 / 120.0 - r * (1 / 252.0 - r * (1 / 240.0 - r * (1 / 132.0)))))
    return shift + log(z) - 1 / (2 * z) - series
  }

  /// The trigamma function ψ₁(x), x > 0. Relative error below 1e-13.
  public static func trigamma(_ x: Double) -> Double {
    guard x > 0 else { return .nan }
    var shift = 0.0
    var z = x
    while z < 10 {
      shift += 1 / (z * z)
      z += 1
    }
    let r = 1 / (z * z)
    let series = r * (1 / 6.0 - r * (1 / 30.0 - r * (1 / 42.0 - r * (1 / 30.0 - r * (5 / 66.0)))))
    return shift + 1 / z + r / 2 + series / z
  }
}
