// A TOML document as plain values: the one place that knows the TOML library.

import TOMLKit

/// A value of a TOML document.
public indirect enum TOMLNode: Sendable, Equatable {
  case string(String)
  case integer(Int)
  case double(Double)
  case boolean(Bool)
  case array([TOMLNode])
  case table([String: TOMLNode])
  /// Dates and times: no key has such a type.
  case other(String)

  /// What it is, for messages.
  var words: String {
    switch self {
    case .string(let value): "the string \(value.prefix(60).description.literal)"
    case .integer(let value): "the integer \(value)"
    case .double(let value): "the number \(value)"
    case .boolean(let value): "\(value)"
    case .array: "a list"
    case .table: "a table"
    case .other(let kind): "a \(kind)"
    }
  }

  /// Parses a document.
  /// - Throws: `TOMLSyntaxError` with the line.
  static func parse(_ text: String) throws(TOMLSyntaxError) -> [String: TOMLNode] {
    guard !text.utf8.contains(0) else { throw TOMLSyntaxError(line: 1, message: "holds a NUL byte") }
    do {
      return try node(TOMLTable(string: text)).fields
    } catch let error as TOMLParseError {
      throw TOMLSyntaxError(line: error.source.begin.line, message: error.description)
    } catch {
      throw TOMLSyntaxError(line: 1, message: "\(error)")
    }
  }

  private var fields: [String: TOMLNode] {
    guard case .table(let fields) = self else { return [:] }
    return fields
  }

  private static func node(_ value: any TOMLValueConvertible) -> TOMLNode {
    if let table = value.table {
      var fields: [String: TOMLNode] = [:]
      for key in table.keys {
        if let field = table[key] { fields[key] = node(field) }
      }
      return .table(fields)
    }
    if let array = value.array { return .array(array.map { node($0) }) }
    if let string = value.string { return .string(string) }
    // Bool before the numbers, integer before double: the library converts between them.
    if value.type == .bool, let boolean = value.bool { return .boolean(boolean) }
    if value.type == .int, let integer = value.int { return .integer(integer) }
    if value.type == .double, let double = value.double { return .double(double) }
    return .other(value.type.description)
  }
}

/// A document that is not TOML.
public struct TOMLSyntaxError: Error, Hashable {
  public let line: Int
  public let message: String
}
