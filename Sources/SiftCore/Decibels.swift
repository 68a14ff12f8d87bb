// Radio levels: ratios (dB) and absolute powers (dBm). Two absolute levels do not add.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A ratio of powers, in decibels.
public struct Decibels: Hashable, Sendable, Comparable {
  public let value: Double
  public init(_ value: Double) { self.value = value }
  /// A ratio of powers as decibels. - Precondition: `ratio > 0`.
  public static func ratio(_ ratio: Double) -> Decibels { Decibels(10 * log10(ratio)) }
  /// The ratio of powers, above 0.
  public var ratio: Double { pow(10, value / 10) }
  public static func < (a: Decibels, b: Decibels) -> Bool { a.value < b.value }
}

/// An absolute power level, in decibels above one milliwatt.
public struct DecibelMilliwatts: Hashable, Sendable, Comparable {
  public let value: Double
  public init(_ value: Double) { self.value = value }
  public var milliwatts: Double { pow(10, value / 10) }
  public static func milliwatts(_ amount: Double) -> DecibelMilliwatts { .init(10 * log10(amount)) }
  public static func - (a: Self, b: Self) -> Decibels { Decibels(a.value - b.value) }
  public static func - (a: Self, b: Decibels) -> Self { .init(a.value - b.value) }
  public static func + (a: Self, b: Decibels) -> Self { .init(a.value + b.value) }
  public static func < (a: Self, b: Self) -> Bool { a.value < b.value }
}
