// One line of an external meter: a flat JSON object with a power or an energy in it.

/// Reads `{"power_w": 5.2}` or `{"energy_j": 1234.5}`; other fields may stand beside them. Energy is taken before power:
/// a counter misses nothing between two lines.
package enum ExternalSample {
  /// nil when the line is no flat JSON object, or holds neither figure as a finite number.
  package static func value(of line: [UInt8]) -> RailValue? {
    var scanner = FlatObject(line)
    guard let fields = scanner.fields() else { return nil }
    if let joules = fields["energy_j"] {
      guard joules >= 0, joules < 9e12 else { return nil }
      return .microjoules(Int64((joules * 1e6).rounded()))
    }
    return fields["power_w"].map { .watts($0) }
  }
}

/// A JSON object whose values are numbers, strings or words; strings may hold escapes, which are kept as they stand.
private struct FlatObject {
  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Its numeric fields; nil when it is no such object.
  mutating func fields() -> [String: Double]? {
    var fields: [String: Double] = [:]
    guard take("{") else { return nil }
    if take("}") { return isAtEnd ? fields : nil }
    repeat {
      guard let name = string(), take(":") else { return nil }
      skipBlanks()
      if at < bytes.count, bytes[at] == UInt8(ascii: "\"") {
        guard string() != nil else { return nil }
      } else {
        guard let word = word() else { return nil }
        if let number = Double(word), number.isFinite { fields[name] = number }
      }
    } while take(",")
    guard take("}"), isAtEnd else { return nil }
    return fields
  }

  private var isAtEnd: Bool { bytes[at...].allSatisfy(Self.isBlank) }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }

  private mutating func skipBlanks() { while at < bytes.count, Self.isBlank(bytes[at]) { at += 1 } }

  private mutating func take(_ sign: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard at < bytes.count, bytes[at] == UInt8(ascii: sign) else { return false }
    at += 1
    return true
  }

  private mutating func string() -> String? {
    guard take("\"") else { return nil }
    let from = at
    while at < bytes.count, bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
    guard at < bytes.count else { return nil }
    at += 1
    return String(decoding: bytes[from..<(at - 1)], as: UTF8.self)
  }

  /// A number, `true`, `false` or `null`.
  private mutating func word() -> String? {
    let from = at
    while at < bytes.count, !Self.isBlank(bytes[at]), bytes[at] != UInt8(ascii: ","), bytes[at] != UInt8(ascii: "}") {
      guard bytes[at] != UInt8(ascii: "{"), bytes[at] != UInt8(ascii: "[") else { return nil }
      at += 1
    }
    let word = String(decoding: bytes[from..<at], as: UTF8.self)
    return ["true", "false", "null"].contains(word) || Double(word) != nil ? word : nil
  }
}
