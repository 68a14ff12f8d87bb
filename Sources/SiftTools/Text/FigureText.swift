// Figures as people read them: a few significant digits and a prefix of the unit.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Text of figures; never in exponents, always in the same digits.
public enum FigureText {
  /// `figure` with `digits` decimals, "–" when it is not finite.
  public static func fixed(_ figure: Double, _ digits: Int) -> String {
    guard figure.isFinite else { return "–" }
    // Rounding by hand: printf is variadic, and Foundation's format is slow to load for so little.
    let scale = pow(10, Double(digits))
    let rounded = (abs(figure) * scale).rounded()
    guard rounded < 9e18 else { return "\(figure)" }
    let whole = UInt64(rounded)
    let sign = figure < 0 && whole != 0 ? "-" : ""
    guard digits > 0 else { return sign + String(whole) }
    let unit = UInt64(scale)
    let fraction = String(whole % unit)
    return sign + String(whole / unit) + "." + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  /// `figure` with about three significant digits and the prefix that fits: "8.20 mJ", "1.23 kJ", "0 J".
  public static func prefixed(_ figure: Double, _ unit: String) -> String {
    guard figure.isFinite else { return "–" }
    guard figure != 0 else { return "0 " + unit }
    let steps: [(Double, String)] = [
      (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"),
    ]
    let (scale, prefix) = steps.first { abs(figure) >= $0.0 * 0.9995 } ?? (1e-9, "n")
    let scaled = figure / scale
    let digits = abs(scaled) >= 99.95 ? 0 : abs(scaled) >= 9.995 ? 1 : 2
    return fixed(scaled, digits) + " " + prefix + unit
  }

  /// A ratio as a change in percent with its sign: 0.642 → "-35.8 %".
  public static func change(_ ratio: Double) -> String {
    guard ratio.isFinite else { return "–" }
    let text = fixed((ratio - 1) * 100, 1)
    return (text.hasPrefix("-") ? text : "+" + text) + " %"
  }

  /// Bytes in powers of ten: "8.19 kB".
  public static func bytes(_ count: Double) -> String { prefixed(count, "B") }

  /// A span of time for progress: "7 s", "2:05", "1:02:05".
  public static func clock(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "–" }
    let total = Int(seconds.rounded())
    if total < 60 { return "\(total) s" }
    let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
    let minutes = total / 60
    if minutes < 60 { return "\(minutes):\(two(total % 60))" }
    return "\(minutes / 60):\(two(minutes % 60)):\(two(total % 60))"
  }
}
