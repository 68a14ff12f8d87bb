// A JSON reader for files of unknown origin: integers stay integers, duplicate keys and deep nesting are refused, and
// every refusal says at which byte. Written out because Foundation's readers join canonically equivalent keys of a
// vocabulary, turn integers into doubles and keep no positions.

/// A JSON value. Objects keep their keys in file order.
package enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// A number without fraction or exponent that fits 64 bits.
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

/// The members of a JSON object; no key occurs twice (compared byte by byte).
package struct JSONObject: Sendable {
  package struct Member: Sendable {
    package let key: String
    package let value: JSONValue
  }
  package internal(set) var members: [Member] = []

  /// The value of `key`. Linear: objects that are looked things up in are small; large ones are iterated.
  package subscript(key: String) -> JSONValue? {
    members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }
}

extension JSONValue {
  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
  package var isNull: Bool { if case .null = self { true } else { false } }
  /// A number of either kind.
  package var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
  /// What kind of value this is, for error lines.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// Where and why a text is not JSON.
package struct JSONSyntaxError: Error, Hashable, Sendable {
  /// Bytes from the start.
  package let offset: Int
  package let problem: String
}

/// Reads one JSON text. Time is linear in its length; the depth is limited, so the stack is too.
package struct JSONParser {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let depthLimit: Int
  private var at = 0

  /// - Parameter depthLimit: how deep arrays and objects may nest.
  package static func parse(_ bytes: some Collection<UInt8>, depthLimit: Int = 64) throws(JSONSyntaxError) -> JSONValue
  {
    let outcome: Result<JSONValue, JSONSyntaxError>? = bytes.withContiguousStorageIfAvailable { buffer in
      Result { () throws(JSONSyntaxError) in try parse(buffer: buffer, depthLimit: depthLimit) }
    }
    if let outcome { return try outcome.get() }
    let copy: Result<JSONValue, JSONSyntaxError> = Array(bytes).withUnsafeBufferPointer { buffer in
      Result { () throws(JSONSyntaxError) in try parse(buffer: buffer, depthLimit: depthLimit) }
    }
    return try copy.get()
  }

  private static func parse(buffer: UnsafeBufferPointer<UInt8>, depthLimit: Int) throws(JSONSyntaxError) -> JSONValue {
    var parser = JSONParser(bytes: buffer, depthLimit: depthLimit)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.at == buffer.count else { throw parser.error("text goes on after the value") }
    return value
  }

  private init(bytes: UnsafeBufferPointer<UInt8>, depthLimit: Int) {
    self.bytes = bytes
    self.depthLimit = depthLimit
  }

  private func error(_ problem: String) -> JSONSyntaxError { JSONSyntaxError(offset: at, problem: problem) }
  private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func skipSpace() {
    while at < bytes.count {
      switch bytes[at] {
      case 0x20, 0x09, 0x0A, 0x0D: at += 1
      default: return
      }
    }
  }

  private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
    guard depth <= depthLimit else { throw error("nested deeper than \(depthLimit)") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case nil: throw error("the text ends where a value should be")
    case let byte?:
      if byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { return try number() }
      throw error("unexpected \(Self.name(byte))")
    }
  }

  private static func name(_ byte: UInt8) -> String {
    (0x21...0x7E).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
  }

  private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
    let length = word.utf8CodeUnitCount
    guard bytes.count - at >= length, (0..<length).allSatisfy({ bytes[at + $0] == word.utf8Start[$0] }) else {
      throw error("expected \(word)")
    }
    at += length
    return value
  }

  private mutating func array(depth: Int) throws(JSONSyntaxError) -> [JSONValue] {
    at += 1
    var elements: [JSONValue] = []
    skipSpace()
    if next == UInt8(ascii: "]") {
      at += 1
      return elements
    }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      switch next {
      case UInt8(ascii: ","): at += 1
      case UInt8(ascii: "]"):
        at += 1
        return elements
      default: throw error("expected ',' or ']'")
      }
    }
  }

  private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONObject {
    at += 1
    var object = JSONObject()
    var seen = KeySet()
    skipSpace()
    if next == UInt8(ascii: "}") {
      at += 1
      return object
    }
    while true {
      skipSpace()
      let start = at
      guard next == UInt8(ascii: "\"") else { throw error("expected a key in quotes") }
      let key = try string()
      guard seen.insert(key, among: object.members) else {
        throw JSONSyntaxError(offset: start, problem: "the key \"\(key)\" occurs twice in one object")
      }
      skipSpace()
      guard next == UInt8(ascii: ":") else { throw error("expected ':'") }
      at += 1
      object.members.append(JSONObject.Member(key: key, value: try value(depth: depth + 1)))
      skipSpace()
      switch next {
      case UInt8(ascii: ","): at += 1
      case UInt8(ascii: "}"):
        at += 1
        return object
      default: throw error("expected ',' or '}'")
      }
    }
  }
}

extension JSONParser {
  private mutating func number() throws(JSONSyntaxError) -> JSONValue {
    let start = at
    var isInteger = true
    if next == UInt8(ascii: "-") { at += 1 }
    let first = next
    let digits = skipDigits()
    guard digits > 0 else { throw error("expected a digit") }
    if first == UInt8(ascii: "0"), digits > 1 { throw error("a number does not begin with 0") }
    if next == UInt8(ascii: ".") {
      isInteger = false
      at += 1
      guard skipDigits() > 0 else { throw error("expected a digit after the point") }
    }
    if let byte = next, byte | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      at += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { at += 1 }
      guard skipDigits() > 0 else { throw error("expected a digit in the exponent") }
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw JSONSyntaxError(offset: start, problem: "the number \(text.prefix(24)) is out of range")
    }
    return .number(value)
  }

  private mutating func skipDigits() -> Int {
    let start = at
    while at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) { at += 1 }
    return at - start
  }

  private mutating func string() throws(JSONSyntaxError) -> String {
    at += 1
    let start = at
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "\""):
        defer { at += 1 }
        return try utf8(start..<at)
      case UInt8(ascii: "\\"): return try escapedString(from: start)
      case 0..<0x20: throw error("a control character stands unescaped in a string")
      default: at += 1
      }
    }
    throw error("the text ends inside a string")
  }

  private func utf8(_ range: Range<Int>) throws(JSONSyntaxError) -> String {
    guard let text = String(validating: bytes[range], as: UTF8.self) else {
      throw JSONSyntaxError(offset: range.lowerBound, problem: "a string is not valid UTF-8")
    }
    return text
  }

  /// The rest of a string from its first backslash on (`at`), after the plain text from `start`.
  private mutating func escapedString(from start: Int) throws(JSONSyntaxError) -> String {
    var text = Array(bytes[start..<at])
    while at < bytes.count {
      let byte = bytes[at]
      switch byte {
      case UInt8(ascii: "\""):
        guard let result = String(validating: text, as: UTF8.self) else {
          throw JSONSyntaxError(offset: start, problem: "a string is not valid UTF-8")
        }
        at += 1
        return result
      case UInt8(ascii: "\\"):
        at += 1
        text.append(contentsOf: String(try escape()).utf8)
      case 0..<0x20: throw error("a control character stands unescaped in a string")
      default:
        text.append(byte)
        at += 1
      }
    }
    throw error("the text ends inside a string")
  }

  private mutating func escape() throws(JSONSyntaxError) -> Unicode.Scalar {
    guard let byte = next else { throw error("the text ends inside an escape") }
    at += 1
    switch byte {
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw error("\\\(Self.name(byte)) is no escape")
    }
  }

  /// Four digits after `\u`, and the second half of a surrogate pair where the first asks for one.
  private mutating func unicodeEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
    let first = try fourDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, next == UInt8(ascii: "\\"), at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "u") else {
      throw error("half of a surrogate pair stands alone")
    }
    at += 2
    let second = try fourDigits()
    guard (0xDC00...0xDFFF).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw error("half of a surrogate pair stands alone") }
    return scalar
  }

  private mutating func fourDigits() throws(JSONSyntaxError) -> UInt32 {
    guard bytes.count - at >= 4 else { throw error("the text ends inside an escape") }
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[at])).hexDigitValue, bytes[at] < 0x80 else {
        throw error("expected four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      at += 1
    }
    return value
  }
}

/// Finds keys that occur twice: by comparison in small objects, by hash (seeded a process, so that nobody can aim for
/// collisions) in large ones.
private struct KeySet {
  private var first: [Int: Int] = [:]

  /// - Returns: false when `key` is already among `members`.
  mutating func insert(_ key: String, among members: [JSONObject.Member]) -> Bool {
    let same = { (member: JSONObject.Member) in member.key.utf8.elementsEqual(key.utf8) }
    if members.count < 16 { return !members.contains(where: same) }
    if first.isEmpty { for (at, member) in members.enumerated() { first[Self.hash(member.key)] = at } }
    let hash = Self.hash(key)
    if let earlier = first[hash] {
      // The same hash: the same key, or a coincidence that the slow look settles.
      return !same(members[earlier]) && !members.contains(where: same)
    }
    first[hash] = members.count
    return true
  }

  private static func hash(_ key: String) -> Int {
    var hasher = Hasher()
    var copy = key
    copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    return hasher.finalize()
  }
}
