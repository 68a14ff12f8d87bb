// Energy and power: the quantities that this project is about, and the little algebra physics allows them.

/// An amount of energy. Differences of counters may be negative; what is announced never is.
public struct Energy: Hashable, Sendable, Comparable, AdditiveArithmetic {
  /// The amount in joules.
  public let joules: Double

  public static let zero = Energy(joules: 0)
  public static func joules(_ amount: Double) -> Energy { Energy(joules: amount) }
  /// The unit of `powercap/*/energy_uj` and hwmon `energy*_input`; exact below 2⁵³ µJ.
  public static func microjoules(_ count: Int64) -> Energy { Energy(joules: Double(count) * 1e-6) }

  public static func + (a: Energy, b: Energy) -> Energy { .joules(a.joules + b.joules) }
  public static func - (a: Energy, b: Energy) -> Energy { .joules(a.joules - b.joules) }
  public static func * (a: Energy, factor: Double) -> Energy { .joules(a.joules * factor) }
  /// A ratio of two energies, without unit.
  public static func / (a: Energy, b: Energy) -> Double { a.joules / b.joules }
  public static func < (a: Energy, b: Energy) -> Bool { a.joules < b.joules }

  /// Mean power over `interval`.
  /// - Precondition: `interval > .zero`.
  public static func / (energy: Energy, interval: Duration) -> Power {
    precondition(interval > .zero, "mean power needs a positive interval, got \(interval)")
    return .watts(energy.joules / interval.seconds)
  }
}

/// A rate of energy.
public struct Power: Hashable, Sendable, Comparable, AdditiveArithmetic {
  /// The rate in watts.
  public let watts: Double

  public static let zero = Power(watts: 0)
  public static func watts(_ amount: Double) -> Power { Power(watts: amount) }
  /// The unit of hwmon `power*_input` and powercap `power_uw`.
  public static func microwatts(_ count: Int64) -> Power { Power(watts: Double(count) * 1e-6) }

  public static func + (a: Power, b: Power) -> Power { .watts(a.watts + b.watts) }
  public static func - (a: Power, b: Power) -> Power { .watts(a.watts - b.watts) }
  public static func * (a: Power, factor: Double) -> Power { .watts(a.watts * factor) }
  public static func * (power: Power, interval: Duration) -> Energy {
    .joules(power.watts * interval.seconds)
  }
  public static func < (a: Power, b: Power) -> Bool { a.watts < b.watts }
}

extension Duration {
  /// This duration in seconds; attoseconds are rounded to the nearest `Double`.
  public var seconds: Double {
    let (whole, fraction) = components
    return Double(whole) + Double(fraction) * 1e-18
  }

  /// Half of it, to the attosecond below: dividing by an integer goes through generic code, which costs as much as reading a clock.
  public var half: Duration { Duration(attoseconds: attoseconds >> 1) }
}
