// The kernel's text, read tolerantly where drivers differ and strictly where a wrong number would follow.

/// Parsers of attribute text. One value a file, ASCII (Documentation/filesystems/sysfs.rst).
public enum SysfsText {
  /// A decimal integer with an optional sign, between optional white space (a trailing newline or CRLF, as some drivers
  /// write). `-0` is 0.
  /// - Returns: nil for empty text, anything after the digits, or a value that an `Int64` cannot hold.
  public static func integer(_ text: some Sequence<UInt8>) -> Int64? {
    var state = IntegerReader()
    for byte in text where !state.take(byte) { return nil }
    return state.value
  }

  /// The text without the white space and NULs around it, decoded as UTF-8.
  public static func trimmed(_ text: [UInt8]) -> String {
    let from = text.firstIndex { !isBlank($0) } ?? text.endIndex
    let to = text.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? from
    return String(decoding: text[from..<to], as: UTF8.self)
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) || byte == 0 }
}

/// One pass over the bytes of a number, without allocation: blanks, a sign, digits, blanks.
private struct IntegerReader {
  private enum Place { case before, signed, digits, after }
  private var place = Place.before
  private var negative = false
  /// Kept negative, because `Int64.min` has no positive twin.
  private var magnitude: Int64 = 0

  /// - Returns: false when the text cannot be a number any more.
  mutating func take(_ byte: UInt8) -> Bool {
    switch (place, byte) {
    case (.before, 0x2B), (.before, 0x2D):
      negative = byte == 0x2D
      place = .signed
      return true
    case (.before, 0x30...0x39), (.signed, 0x30...0x39), (.digits, 0x30...0x39):
      place = .digits
      return append(Int64(byte - 0x30))
    case (.before, _), (.after, _):
      return SysfsText.isBlank(byte)
    case (.digits, _):
      place = .after
      return SysfsText.isBlank(byte)
    case (.signed, _):
      return false
    }
  }

  private mutating func append(_ digit: Int64) -> Bool {
    let (scaled, tooWide) = magnitude.multipliedReportingOverflow(by: 10)
    let (sum, tooFar) = scaled.subtractingReportingOverflow(digit)
    magnitude = sum
    return !tooWide && !tooFar
  }

  var value: Int64? {
    guard place == .digits || place == .after else { return nil }
    if negative { return magnitude }
    return magnitude == .min ? nil : -magnitude
  }
}
