// JSON as plain values, so that every field of a body can be checked with a message that names it.

import FoundationEssentials

/// A JSON value.
indirect enum JSONValue: Sendable, Equatable {
  case null
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// What it is, for messages.
  var words: String {
    switch self {
    case .null: "null"
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// Parses a body.
  /// - Throws: `APIError` 400 for invalid UTF-8 and invalid JSON.
  static func parse(_ bytes: [UInt8]) throws(APIError) -> JSONValue {
    guard !bytes.isEmpty else { throw .badRequest("the body is empty; a JSON object is expected") }
    if let at = firstInvalidUTF8(bytes) { throw .badRequest("the body is not valid UTF-8 (byte \(at))") }
    do {
      return try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
    } catch {
      throw .badRequest("the body is not valid JSON\(reason(error))")
    }
  }

  private static func reason(_ error: any Error) -> String {
    guard case DecodingError.dataCorrupted(let context)? = error as? DecodingError else { return "" }
    guard let under = context.underlyingError else { return ": \(context.debugDescription)" }
    let text = "\(under)".split(separator: "\n").joined(separator: " ")
    return ": \(text.prefix(200))"
  }

  /// Index of the first byte that belongs to no UTF-8 sequence.
  private static func firstInvalidUTF8(_ bytes: [UInt8]) -> Int? {
    if String(validating: bytes, as: UTF8.self) != nil { return nil }
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var at = 0
    while case .scalarValue(let scalar) = decoder.decode(&iterator) { at += String(scalar).utf8.count }
    return at
  }
}

extension JSONValue: Decodable {
  init(from decoder: any Decoder) throws {
    let single = try decoder.singleValueContainer()
    if single.decodeNil() {
      self = .null
    } else if let value = try? single.decode(String.self) {
      self = .string(value)
    } else if let value = try? single.decode(Bool.self) {
      self = .boolean(value)
    } else if let value = try? single.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? single.decode(Double.self) {
      self = .number(value)
    } else if let value = try? single.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try single.decode([String: JSONValue].self))
    }
  }
}
