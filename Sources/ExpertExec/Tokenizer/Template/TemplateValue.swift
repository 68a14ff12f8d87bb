// Values of the template language, with Python's ideas of truth, equality and order where templates can tell.

/// A value.
enum TemplateValue: Sendable {
  case undefined
  case none
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case text(TemplateText)
  case list([TemplateValue])
  case map([(key: TemplateText, value: TemplateValue)])
  /// The index of a namespace among those of a rendering: what templates change from within loops.
  case namespace(Int)

  static func text(_ string: String) -> TemplateValue { .text(TemplateText(string)) }

  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .integer(let value): value != 0
    case .number(let value): value != 0
    case .text(let value): !value.bytes.isEmpty
    case .list(let value): !value.isEmpty
    case .map(let value): !value.isEmpty
    case .namespace: true
    }
  }

  /// For error lines.
  var kind: String {
    switch self {
    case .undefined: "an undefined value"
    case .none: "none"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .number: "a number"
    case .text: "a string"
    case .list: "a list"
    case .map: "a mapping"
    case .namespace: "a namespace"
    }
  }

  /// An integer, booleans counting as 0 and 1.
  var asInteger: Int? {
    switch self {
    case .integer(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  var asNumber: Double? {
    if case .number(let value) = self { return value }
    return asInteger.map(Double.init)
  }

  /// What `{{ … }}` writes; nil for what has no plain form.
  var printed: TemplateText? {
    switch self {
    case .undefined: TemplateText("")
    case .none: TemplateText("None")
    case .bool(let value): TemplateText(value ? "True" : "False")
    case .integer(let value): TemplateText(String(value))
    case .number(let value): TemplateText(String(value))
    case .text(let value): value
    case .list, .map, .namespace: nil
    }
  }

  func equals(_ other: TemplateValue) -> Bool {
    switch (self, other) {
    case (.undefined, .undefined), (.none, .none): true
    case (.text(let a), .text(let b)): a == b
    case (.list(let a), .list(let b)): a.elementsEqual(b) { $0.equals($1) }
    case (.map(let a), .map(let b)):
      a.count == b.count && a.allSatisfy { member in other.member(member.key)?.equals(member.value) ?? false }
    case (.namespace(let a), .namespace(let b)): a == b
    default:
      if let a = asInteger, let b = other.asInteger { a == b } else { asNumber != nil && asNumber == other.asNumber }
    }
  }

  /// `self < other`; nil when they have no order.
  func isLess(than other: TemplateValue) -> Bool? {
    if case .text(let a) = self, case .text(let b) = other { return a.bytes.lexicographicallyPrecedes(b.bytes) }
    if let a = asInteger, let b = other.asInteger { return a < b }
    guard let a = asNumber, let b = other.asNumber else { return nil }
    return a < b
  }

  /// The value of a key of a mapping.
  func member(_ key: TemplateText) -> TemplateValue? {
    guard case .map(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }
}

extension TemplateValue {
  /// Values out of JSON, none of them quoted.
  init(_ json: JSONValue) {
    switch json {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .number(value)
    case .string(let value): self = .text(TemplateText(value))
    case .array(let values): self = .list(values.map(TemplateValue.init))
    case .object(let object): self = .map(object.members.map { (TemplateText($0.key), TemplateValue($0.value)) })
    }
  }

  /// As JSON, spaced as Python's json.dumps does and without escaping what is not ASCII; nil for what JSON has no form
  /// for.
  var json: TemplateText? {
    var text = TemplateText("")
    return writeJSON(to: &text) ? text : nil
  }

  private func writeJSON(to text: inout TemplateText) -> Bool {
    switch self {
    case .undefined, .namespace: return false
    case .none: text.append(TemplateText("null"))
    case .bool(let value): text.append(TemplateText(value ? "true" : "false"))
    case .integer(let value): text.append(TemplateText(String(value)))
    case .number(let value): text.append(TemplateText(String(value)))
    case .text(let value): text.append(value.transformed(Self.quotedJSON))
    case .list(let values):
      text.append(TemplateText("["))
      for (index, value) in values.enumerated() {
        if index > 0 { text.append(TemplateText(", ")) }
        guard value.writeJSON(to: &text) else { return false }
      }
      text.append(TemplateText("]"))
    case .map(let members):
      text.append(TemplateText("{"))
      for (index, member) in members.enumerated() {
        if index > 0 { text.append(TemplateText(", ")) }
        text.append(member.key.transformed(Self.quotedJSON))
        text.append(TemplateText(": "))
        guard member.value.writeJSON(to: &text) else { return false }
      }
      text.append(TemplateText("}"))
    }
    return true
  }

  private static func quotedJSON(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case "\u{8}": quoted += "\\b"
      case "\u{C}": quoted += "\\f"
      case "\u{0}"..."\u{1F}":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
