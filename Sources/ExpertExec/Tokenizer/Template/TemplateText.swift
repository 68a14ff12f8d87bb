// Strings of the template language: bytes that remember which of them came out of a message.

/// A string with the ranges of it that are quoted from messages. Compared by bytes, as Python compares strings.
struct TemplateText: Sendable, Hashable {
  private(set) var bytes: [UInt8]
  /// Byte ranges: rising, not empty, not touching.
  private(set) var quoted: [Range<Int>]

  init(_ string: some StringProtocol, isQuoted: Bool = false) {
    bytes = Array(string.utf8)
    quoted = isQuoted && !bytes.isEmpty ? [0..<bytes.count] : []
  }

  static func == (a: TemplateText, b: TemplateText) -> Bool { a.bytes == b.bytes }
  func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

  var string: String { String(decoding: bytes, as: UTF8.self) }
  var count: Int { bytes.count }

  mutating func append(_ other: TemplateText) {
    let offset = bytes.count
    bytes.append(contentsOf: other.bytes)
    for range in other.quoted {
      let moved = range.lowerBound + offset..<range.upperBound + offset
      if let last = quoted.last, last.upperBound == moved.lowerBound {
        quoted[quoted.count - 1] = last.lowerBound..<moved.upperBound
      } else {
        quoted.append(moved)
      }
    }
  }

  /// The part with these bytes.
  subscript(range: Range<Int>) -> TemplateText {
    var part = TemplateText("")
    part.bytes = Array(bytes[range])
    part.quoted = quoted.compactMap {
      let inside = $0.clamped(to: range)
      return inside.isEmpty ? nil : inside.lowerBound - range.lowerBound..<inside.upperBound - range.lowerBound
    }
    return part
  }

  /// Another string made from this one as a whole: quoted altogether when any of this is.
  func transformed(_ change: (String) -> String) -> TemplateText {
    TemplateText(change(string), isQuoted: !quoted.isEmpty)
  }

  /// Where each Unicode scalar begins, and the end.
  var scalarOffsets: [Int] { bytes.indices.filter { bytes[$0] & 0xC0 != 0x80 } + [bytes.count] }

  func starts(with prefix: TemplateText) -> Bool { bytes.starts(with: prefix.bytes) }
  func ends(with suffix: TemplateText) -> Bool { bytes.reversed().starts(with: suffix.bytes.reversed()) }
  func contains(_ other: TemplateText) -> Bool { other.bytes.isEmpty || find(other, from: 0) != nil }

  /// The first occurrence of `other`, which is not empty, at or after byte `start`.
  private func find(_ other: TemplateText, from start: Int) -> Int? {
    guard let first = other.bytes.first, bytes.count >= other.count else { return nil }
    var at = start
    while at + other.count <= bytes.count {
      if bytes[at] == first, bytes[at..<at + other.count].elementsEqual(other.bytes) { return at }
      at += 1
    }
    return nil
  }

  /// The parts between occurrences of `separator`, which is not empty.
  func split(_ separator: TemplateText, limit: Int = .max) -> [TemplateText] {
    var parts: [TemplateText] = []
    var start = 0
    while parts.count < limit, let at = find(separator, from: start) {
      parts.append(self[start..<at])
      start = at + separator.count
    }
    parts.append(self[start..<bytes.count])
    return parts
  }

  /// The parts between runs of white space.
  func splitAtWhiteSpace() -> [TemplateText] {
    let offsets = scalarOffsets
    let scalars = Array(string.unicodeScalars)
    var parts: [TemplateText] = []
    var start: Int?
    for (index, scalar) in scalars.enumerated() {
      if scalar.properties.isWhitespace {
        if let from = start { parts.append(self[from..<offsets[index]]) }
        start = nil
      } else if start == nil {
        start = offsets[index]
      }
    }
    if let from = start { parts.append(self[from..<bytes.count]) }
    return parts
  }

  func replacing(_ old: TemplateText, with new: TemplateText) -> TemplateText {
    let parts = split(old)
    var result = parts[0]
    for part in parts.dropFirst() {
      result.append(new)
      result.append(part)
    }
    return result
  }

  /// Without leading and trailing scalars of `set` (white space when nil).
  func stripped(left: Bool, right: Bool, set: TemplateText?) -> TemplateText {
    let unwanted = set.map { Set($0.string.unicodeScalars) }
    let strips = { (scalar: Unicode.Scalar) in unwanted?.contains(scalar) ?? scalar.properties.isWhitespace }
    let scalars = string.unicodeScalars
    let rest = left ? scalars.drop(while: strips) : scalars[...]
    let start = bytes.count - rest.reduce(0) { $0 + UTF8.width($1) }
    let end =
      right ? bytes.count - rest.reversed().prefix(while: strips).reduce(0) { $0 + UTF8.width($1) } : bytes.count
    return self[start..<max(start, end)]
  }
}
