// Tidy results: one row an observation, one column a variable; as CSV and as JSON.

/// A cell of a table.
package enum StudyCell: Hashable, Sendable {
  case text(String)
  case number(Double)
  case count(Int)
  /// Not known: empty in CSV, null in JSON.
  case none

  /// A number that may be missing.
  static func maybe(_ number: Double?) -> StudyCell {
    guard let number, number.isFinite else { return .none }
    return .number(number)
  }

  var csv: String {
    switch self {
    case .text(let text):
      text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
        ? "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" : text
    case .number(let number): number.isFinite ? "\(number)" : ""
    case .count(let count): "\(count)"
    case .none: ""
    }
  }
}

/// Named columns and rows of cells.
package struct StudyTable: Sendable, Hashable {
  package let name: String
  package let columns: [String]
  package private(set) var rows: [[StudyCell]] = []

  package init(_ name: String, _ columns: [String]) {
    self.name = name
    self.columns = columns
  }

  /// - Precondition: as many cells as columns.
  package mutating func add(_ cells: [StudyCell]) {
    precondition(cells.count == columns.count, "\(cells.count) cells for \(columns.count) columns")
    rows.append(cells)
  }

  package var csv: String {
    ([columns.joined(separator: ",")] + rows.map { $0.map(\.csv).joined(separator: ",") })
      .joined(separator: "\n") + "\n"
  }

  /// An array of objects, one a row.
  package func json() throws(ToolFailure) -> String {
    try PrettyJSON.of(rows.map { row in StudyRow(cells: Array(zip(columns, row))) })
  }
}

/// One row as a JSON object.
private struct StudyRow: Encodable {
  let cells: [(String, StudyCell)]

  struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for (name, cell) in cells {
      let key = Key(stringValue: name)
      switch cell {
      case .text(let text): try container.encode(text, forKey: key)
      case .number(let number): try container.encode(number.isFinite ? number : nil, forKey: key)
      case .count(let count): try container.encode(count, forKey: key)
      case .none: try container.encodeNil(forKey: key)
      }
    }
  }
}
