// config.json: typed reading of its keys in the old and the new spellings. Every refusal names the key.

/// The object in config.json, read key by key.
package struct ModelConfiguration: Sendable {
  /// The file, for errors.
  package let path: String
  private let object: JSONObject

  package static let fileLimit = 4 << 20

  package init(_ folder: ModelFolder) throws(ModelError) {
    self.init(path: folder.file("config.json"), object: try folder.object("config.json", limit: Self.fileLimit))
  }

  package init(path: String, object: JSONObject) {
    self.path = path
    self.object = object
  }

  package func refuse(_ key: String, _ problem: String) -> ModelError {
    .configuration(path: path, key: key, problem: problem)
  }

  package func unsupported(_ key: String, _ problem: String) -> ModelError {
    .unsupported(path: path, key: key, problem: problem)
  }

  /// The value of the first of `keys` that is there and not null, with the key it was found under.
  package func value(_ keys: String...) -> (key: String, value: JSONValue)? { first(keys) }

  private func first(_ keys: [String]) -> (key: String, value: JSONValue)? {
    for key in keys {
      if let value = object[key], !value.isNull { return (key, value) }
    }
    return nil
  }

  /// An integer within `range`. - Parameter fallback: what a missing key means; nil when it must be there.
  package func integer(_ keys: String..., in range: ClosedRange<Int>, fallback: Int? = nil) throws(ModelError) -> Int {
    guard let (key, value) = first(keys) else {
      if let fallback { return fallback }
      throw refuse(keys[0], "missing")
    }
    guard let integer = value.integer else { throw refuse(key, "expected an integer, got \(value.kind)") }
    guard range.contains(integer) else {
      throw refuse(key, "\(integer) is not within \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  /// A finite number above 0.
  package func positive(_ keys: String..., fallback: Double? = nil) throws(ModelError) -> Double {
    guard let (key, value) = first(keys) else {
      if let fallback { return fallback }
      throw refuse(keys[0], "missing")
    }
    guard let number = value.double else { throw refuse(key, "expected a number, got \(value.kind)") }
    guard number.isFinite, number > 0 else { throw refuse(key, "\(number) is not above 0") }
    return number
  }

  package func flag(_ key: String, fallback: Bool) throws(ModelError) -> Bool {
    guard let (_, value) = first([key]) else { return fallback }
    guard let flag = value.bool else { throw refuse(key, "expected true or false, got \(value.kind)") }
    return flag
  }

  package func string(_ keys: String...) throws(ModelError) -> String? {
    guard let (key, value) = first(keys) else { return nil }
    guard let text = value.string else { throw refuse(key, "expected a string, got \(value.kind)") }
    return text
  }

  /// A list of integers within `range`; empty when the key is missing. A single integer is a list of one.
  package func integers(_ key: String, in range: Range<Int>) throws(ModelError) -> [Int] {
    guard let (_, value) = first([key]) else { return [] }
    guard let elements = value.integer.map({ [JSONValue.integer($0)] }) ?? value.array else {
      throw refuse(key, "expected an integer or a list of integers, got \(value.kind)")
    }
    var integers: [Int] = []
    for element in elements {
      guard let integer = element.integer, range.contains(integer) else {
        throw refuse(key, "expected integers from 0 to \(range.upperBound - 1)")
      }
      integers.append(integer)
    }
    return integers
  }

  /// Base of the rotary embedding. Old files have `rope_theta` and `rope_scaling`, new ones `rope_parameters`; both may
  /// be there and must then agree. Any scaling is refused: it would change the numbers.
  package func ropeBase() throws(ModelError) -> Double {
    for key in ["rope_scaling", "rope_parameters"] {
      guard let (_, value) = first([key]) else { continue }
      guard let rope = value.object else { throw refuse(key, "expected an object, got \(value.kind)") }
      if let nested = rope.members.first(where: { $0.value.object != nil }) {
        throw unsupported("\(key).\(nested.key)", "a rotary embedding of its own for some layers")
      }
      let type = rope["rope_type"] ?? rope["type"] ?? .string("default")
      guard type.string == "default" else { throw unsupported("\(key).rope_type", "\(type.string ?? type.kind)") }
      if let part = rope["partial_rotary_factor"], part.double != 1 {
        throw unsupported("\(key).partial_rotary_factor", "a rotary embedding of part of a head")
      }
    }
    if let (key, part) = first(["partial_rotary_factor"]), part.double != 1 {
      throw unsupported(key, "a rotary embedding of part of a head")
    }
    let nested = ModelConfiguration(
      path: path, object: first(["rope_parameters"])?.value.object ?? JSONObject())
    let old = first(["rope_theta"]) == nil ? nil : try positive("rope_theta")
    let new = nested.first(["rope_theta"]) == nil ? nil : try nested.positive("rope_theta")
    if let old, let new, old != new {
      throw refuse("rope_theta", "\(old) contradicts rope_parameters.rope_theta \(new)")
    }
    return old ?? new ?? 10_000
  }
}
