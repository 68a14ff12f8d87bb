// Checks of values that keys share: addresses, and sets of experts written as ranges.

import HostIO

/// Addresses as they stand in the file.
enum Address {
  /// `ADDRESS:PORT` in numbers, or empty.
  static func isValid(_ text: String) -> Bool { text.isEmpty || ListenAddress(internet: text) != nil }

  /// `HOST:PORT` where the host may be a name; `[…]` around IPv6.
  static func isHostAndPort(_ text: String) -> Bool { hostAndPort(text) != nil }

  static func hostAndPort(_ text: String) -> (host: String, port: Int)? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
      return nil
    }
    var host = String(text[..<colon])
    if host.hasPrefix("[") && host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    guard !host.isEmpty, !host.contains(where: { $0 == " " || $0 == "/" || $0 == "[" || $0 == "]" }) else { return nil }
    return (host, Int(port))
  }
}

/// Sets of experts written as `["0-7", "12"]`, `["all"]` or `["none"]`.
public enum ExpertRanges {
  /// Largest number of an expert that is accepted.
  static let limit = 65_535

  static func isValid(_ words: [String]) -> Bool { words == ["all"] || words == ["none"] || ranges(words) != nil }

  /// The experts of `0 ..< count` that `words` name, in rising order; nil when `words` is malformed.
  public static func experts(_ words: [String], of count: Int) -> [Int]? {
    if words == ["all"] { return Array(0..<count) }
    if words == ["none"] { return [] }
    guard let ranges = ranges(words) else { return nil }
    return (0..<count).filter { expert in ranges.contains { $0.contains(expert) } }
  }

  private static func ranges(_ words: [String]) -> [ClosedRange<Int>]? {
    var ranges: [ClosedRange<Int>] = []
    for word in words {
      let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
        (0...limit).contains(first), (first...limit).contains(last)
      else { return nil }
      ranges.append(first...last)
    }
    return ranges.isEmpty ? nil : ranges
  }
}
