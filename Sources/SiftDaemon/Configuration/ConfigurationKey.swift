// A key of siftd.toml as data: type, unit, range, default, whether it changes live, and one line of documentation.

/// A type that a key can have.
public protocol ConfigurationValue: Sendable, Equatable {
  /// What the type is called in messages and tables.
  static var typeName: String { get }
  /// - Returns: nil when `node` is of another type.
  init?(node: TOMLNode)
  /// The value as TOML.
  var literal: String { get }
}

extension Bool: ConfigurationValue {
  public static var typeName: String { "true or false" }
  public init?(node: TOMLNode) {
    guard case .boolean(let value) = node else { return nil }
    self = value
  }
  public var literal: String { self ? "true" : "false" }
}

extension Int: ConfigurationValue {
  public static var typeName: String { "integer" }
  public init?(node: TOMLNode) {
    guard case .integer(let value) = node else { return nil }
    self = value
  }
  public var literal: String { String(self) }
}

extension Double: ConfigurationValue {
  public static var typeName: String { "number" }
  /// An integer is a number too: people write `5` for 5.0.
  public init?(node: TOMLNode) {
    switch node {
    case .double(let value): self = value
    case .integer(let value): self = Double(value)
    default: return nil
    }
  }
  public var literal: String { String(self) }
}

extension String: ConfigurationValue {
  public static var typeName: String { "string" }
  public init?(node: TOMLNode) {
    guard case .string(let value) = node else { return nil }
    self = value
  }
  public var literal: String {
    var quoted = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\u{0}"..<" ", "\u{7F}":
        let digits = String(scalar.value, radix: 16, uppercase: true)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

extension [String]: ConfigurationValue {
  public static var typeName: String { "list of strings" }
  public init?(node: TOMLNode) {
    guard case .array(let elements) = node else { return nil }
    var strings: [String] = []
    for element in elements {
      guard let string = String(node: element) else { return nil }
      strings.append(string)
    }
    self = strings
  }
  public var literal: String { "[" + map(\.literal).joined(separator: ", ") + "]" }
}

/// The values a key may take, in words and as a check.
public struct ConfigurationRange<Value: ConfigurationValue>: Sendable {
  /// For tables and messages; empty when everything of the type is fine.
  public let text: String
  let allows: @Sendable (Value) -> Bool

  public static func any(_ text: String = "") -> Self { Self(text: text) { _ in true } }
  public static func where_(_ text: String, _ allows: @escaping @Sendable (Value) -> Bool) -> Self {
    Self(text: text, allows: allows)
  }
}

extension ConfigurationRange where Value: Comparable {
  public static func within(_ range: ClosedRange<Value>) -> Self {
    Self(text: "\(range.lowerBound.literal) to \(range.upperBound.literal)") { range.contains($0) }
  }
}

extension ConfigurationRange where Value == String {
  public static func oneOf(_ words: [String]) -> Self {
    Self(text: words.map(\.literal).joined(separator: ", ")) { words.contains($0) }
  }
}

/// One key with its type.
public struct Key<Value: ConfigurationValue>: Sendable {
  /// `section.name`.
  public let path: String
  public let unit: String
  public let range: ConfigurationRange<Value>
  public let `default`: Value
  public let isLive: Bool
  public let documentation: String

  /// - Parameters:
  ///   - unit: empty for none; also the last part of the name where there is one.
  ///   - isLive: whether SIGHUP changes it without a restart.
  init(
    _ path: String, default: Value, unit: String = "", range: ConfigurationRange<Value> = .any(), live: Bool = false,
    _ documentation: String
  ) {
    self.path = path
    self.unit = unit
    self.range = range
    self.default = `default`
    self.isLive = live
    self.documentation = documentation
  }
}

/// A key without its type: what tables, parsing and reload work with.
public protocol AnyConfigurationKey: Sendable {
  var path: String { get }
  var unit: String { get }
  var isLive: Bool { get }
  var documentation: String { get }
  var typeName: String { get }
  var rangeText: String { get }
  var defaultLiteral: String { get }
  /// Reads a value. - Throws: what is wrong with it, in words.
  func read(_ node: TOMLNode) throws(ConfigurationValueError) -> any ConfigurationValue
}

extension AnyConfigurationKey {
  /// The part of the path before the first dot.
  public var section: String { String(path.prefix { $0 != "." }) }
  /// The part of the path after the first dot.
  public var name: String { String(path.drop { $0 != "." }.dropFirst()) }
}

extension Key: AnyConfigurationKey {
  public var typeName: String { Value.typeName }
  public var rangeText: String { range.text }
  public var defaultLiteral: String { `default`.literal }

  public func read(_ node: TOMLNode) throws(ConfigurationValueError) -> any ConfigurationValue {
    guard let value = Value(node: node) else {
      throw ConfigurationValueError(message: "wants \(article) \(Value.typeName), got \(node.words)")
    }
    guard range.allows(value) else {
      throw ConfigurationValueError(message: "must be \(range.text), got \(value.literal)")
    }
    return value
  }

  private var article: String { Value.typeName == "integer" ? "an" : Value.typeName == Bool.typeName ? "either" : "a" }
}

/// What is wrong with one value.
public struct ConfigurationValueError: Error, Hashable {
  public let message: String
}
