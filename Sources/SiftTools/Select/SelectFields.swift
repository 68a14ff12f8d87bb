// Reading the fields of a JSON problem or scenario: every figure is checked, every complaint names the field.

import ExpertExec

/// One JSON object with its path in the file, such as `nodes[2]`.
struct FieldReader {
  let object: JSONObject
  /// Empty at the top.
  let path: String

  /// Numbers beyond this are taken for mistakes; sums of them stay finite.
  static let largest = 1e100

  /// The top of a JSON text.
  init(json bytes: some Collection<UInt8>) throws(FieldError) {
    let value: JSONValue
    do {
      value = try JSONParser.parse(bytes)
    } catch {
      throw FieldError("", "is not JSON: \(error.problem) (byte \(error.offset))")
    }
    try self.init(value, path: "")
  }

  init(_ value: JSONValue, path: String) throws(FieldError) {
    guard let object = value.object else { throw FieldError(path, "must be an object, not \(value.kind)") }
    self.object = object
    self.path = path
  }

  func name(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  func value(_ key: String) throws(FieldError) -> JSONValue {
    guard let value = object[key] else { throw FieldError(name(key), "is missing") }
    return value
  }

  /// Names of the keys that nobody reads.
  func unknown(_ known: Set<String>) -> [String] {
    object.members.map(\.key).filter { !known.contains($0) }.map(name)
  }

  func bool(_ key: String) throws(FieldError) -> Bool {
    let value = try value(key)
    guard let bool = value.bool else { throw FieldError(name(key), "must be true or false, not \(value.kind)") }
    return bool
  }

  func string(_ key: String) throws(FieldError) -> String {
    let value = try value(key)
    guard let string = value.string else { throw FieldError(name(key), "must be a string, not \(value.kind)") }
    return string
  }

  func integer(_ key: String, in range: ClosedRange<Int>) throws(FieldError) -> Int {
    try Self.integer(value(key), name(key), in: range)
  }

  /// A number from 0 to `largest`; `absent` when the key is not there.
  func amount(_ key: String, absent: Double? = nil) throws(FieldError) -> Double {
    if let absent, object[key] == nil { return absent }
    return try Self.amount(value(key), name(key))
  }

  func amounts(_ key: String, count: Int) throws(FieldError) -> [Double] {
    try Self.amounts(value(key), name(key), count: count)
  }

  func array(_ key: String) throws(FieldError) -> [JSONValue] { try Self.array(value(key), name(key)) }

  /// Distinct ids below `bound`.
  func ids(_ key: String, below bound: Int) throws(FieldError) -> [Int] {
    try Self.ids(value(key), name(key), below: bound)
  }

  static func array(_ value: JSONValue, _ name: String) throws(FieldError) -> [JSONValue] {
    guard let array = value.array else { throw FieldError(name, "must be an array, not \(value.kind)") }
    return array
  }

  static func integer(_ value: JSONValue, _ name: String, in range: ClosedRange<Int>) throws(FieldError) -> Int {
    guard let integer = value.integer else { throw FieldError(name, "must be an integer, not \(value.kind)") }
    guard range.contains(integer) else {
      throw FieldError(name, "must be from \(range.lowerBound) to \(range.upperBound), not \(integer)")
    }
    return integer
  }

  static func amount(_ value: JSONValue, _ name: String) throws(FieldError) -> Double {
    guard let amount = value.double else { throw FieldError(name, "must be a number, not \(value.kind)") }
    guard amount >= 0, amount <= largest else {
      throw FieldError(name, "must be a number from 0 to \(largest), not \(amount)")
    }
    return amount
  }

  static func amounts(_ value: JSONValue, _ name: String, count: Int) throws(FieldError) -> [Double] {
    let array = try array(value, name)
    guard array.count == count else { throw FieldError(name, "must have \(count) entries, not \(array.count)") }
    var amounts: [Double] = []
    amounts.reserveCapacity(count)
    for (index, entry) in array.enumerated() { amounts.append(try amount(entry, "\(name)[\(index)]")) }
    return amounts
  }

  static func ids(_ value: JSONValue, _ name: String, below bound: Int) throws(FieldError) -> [Int] {
    var ids: [Int] = []
    var seen = Set<Int>()
    for (index, entry) in try array(value, name).enumerated() {
      let field = "\(name)[\(index)]"
      let id = try integer(entry, field, in: 0...(bound - 1))
      guard seen.insert(id).inserted else { throw FieldError(field, "expert \(id) is listed twice") }
      ids.append(id)
    }
    return ids
  }
}

/// What is wrong with which field.
public struct FieldError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Path in the file, such as `nodes[1].radio_j`; empty for the whole.
  public let field: String
  public let problem: String

  init(_ field: String, _ problem: String) {
    self.field = field
    self.problem = problem
  }
  public var description: String { field.isEmpty ? "the text \(problem)" : "\(field): \(problem)" }
}
