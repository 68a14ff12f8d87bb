// Shares as people write them.

/// Reads "1 %", "1%" or "0.01".
public enum ShareText {
  /// The share, 0.01 for one percent; nil for what is no finite number.
  public static func value(_ text: some StringProtocol) -> Double? {
    let bare = String(text.filter { $0 != " " })
    let value = bare.hasSuffix("%") ? Double(bare.dropLast()).map { $0 / 100 } : Double(bare)
    return value.flatMap { $0.isFinite ? $0 : nil }
  }

  /// What `max-perplexity-increase` may be: above 0 and at most 10 (1000 %).
  public static func target(_ text: some StringProtocol) -> Double? {
    value(text).flatMap { $0 > 0 && $0 <= 10 ? $0 : nil }
  }
}
