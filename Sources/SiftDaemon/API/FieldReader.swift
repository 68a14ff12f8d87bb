// Fields of a JSON object, each read once with its type and range; what nobody asked for is seen at the end.

/// Reads one object. Errors name the field by its path.
struct FieldReader {
  private var fields: [String: JSONValue]
  /// Path of the object: empty for the body, `sift.` for the object in it.
  private let prefix: String

  init(_ value: JSONValue, prefix: String = "") throws(APIError) {
    guard case .object(let fields) = value else {
      let what = prefix.isEmpty ? "the body" : "'\(prefix.dropLast())'"
      throw .badRequest(
        "\(what) must be a JSON object, got \(value.words)", parameter: prefix.isEmpty ? nil : String(prefix.dropLast())
      )
    }
    self.fields = fields
    self.prefix = prefix
  }

  /// Takes a field out. Null counts as absent, as OpenAI's clients send it.
  mutating func take(_ name: String) -> JSONValue? {
    let value = fields.removeValue(forKey: name)
    return value == .null ? nil : value
  }

  /// Names of fields that were not taken, in alphabetical order.
  var rest: [String] { fields.filter { $0.value != .null }.keys.sorted() }

  mutating func string(_ name: String) throws(APIError) -> String? {
    guard let value = take(name) else { return nil }
    guard case .string(let text) = value else { throw wrong(name, "must be a string, got \(value.words)") }
    return text
  }

  mutating func boolean(_ name: String) throws(APIError) -> Bool? {
    guard let value = take(name) else { return nil }
    guard case .boolean(let flag) = value else { throw wrong(name, "must be true or false, got \(value.words)") }
    return flag
  }

  mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
    guard let value = take(name) else { return nil }
    guard case .integer(let number) = value else { throw wrong(name, "must be an integer, got \(value.words)") }
    guard range.contains(number) else { throw wrong(name, "must be \(Self.words(range)), got \(number)") }
    return number
  }

  mutating func number(_ name: String, in range: ClosedRange<Double>) throws(APIError) -> Double? {
    guard let value = take(name) else { return nil }
    let number: Double
    switch value {
    case .integer(let whole): number = Double(whole)
    case .number(let fraction): number = fraction
    default: throw wrong(name, "must be a number, got \(value.words)")
    }
    guard range.contains(number) else {
      throw wrong(name, "must be between \(range.lowerBound) and \(range.upperBound), got \(number)")
    }
    return number
  }

  func wrong(_ name: String, _ message: String, code: String? = nil) -> APIError {
    .badRequest("'\(prefix)\(name)' \(message)", parameter: prefix + name, code: code)
  }

  private static func words(_ range: ClosedRange<Int>) -> String {
    range.upperBound == Int.max ? "\(range.lowerBound) or more" : "between \(range.lowerBound) and \(range.upperBound)"
  }
}
