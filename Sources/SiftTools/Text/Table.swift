// Tables for people: columns that line up. Pure text in, text out.

/// A table of text. Columns are as wide as their widest cell; two blanks stand between them.
public struct Table: Hashable, Sendable {
  /// On which side a column's cells stand.
  public enum Side: Hashable, Sendable { case left, right }

  /// The heads and sides, `[column]`.
  public let columns: [(head: String, side: Side)]
  /// The cells, `[row, column]`.
  public private(set) var rows: [[String]] = []

  /// - Parameter columns: heads with the side of their cells; numbers belong on the right.
  public init(_ columns: [(head: String, side: Side)]) { self.columns = columns }

  /// Adds a row. Missing cells are empty; more cells than columns are a mistake of the caller.
  public mutating func add(_ cells: [String]) {
    precondition(cells.count <= columns.count, "\(cells.count) cells for \(columns.count) columns")
    rows.append(cells + Array(repeating: "", count: columns.count - cells.count))
  }

  /// The table with its heads, a newline at the end of each line and no blanks before it.
  public func rendered(indent: Int = 0) -> String {
    let widths = columns.indices.map { column in
      max(columns[column].head.count, rows.map { $0[column].count }.max() ?? 0)
    }
    let margin = String(repeating: " ", count: indent)
    return ([columns.map(\.head)] + rows).map { row in
      margin + Self.line(row, widths: widths, sides: columns.map(\.side)) + "\n"
    }.joined()
  }

  private static func line(_ cells: [String], widths: [Int], sides: [Side]) -> String {
    let padded = cells.indices.map { column in
      let blanks = String(repeating: " ", count: widths[column] - cells[column].count)
      return sides[column] == .left ? cells[column] + blanks : blanks + cells[column]
    }
    let line = padded.joined(separator: "  ")
    return String(line.reversed().drop { $0 == " " }.reversed())
  }

  public static func == (a: Table, b: Table) -> Bool { a.rendered() == b.rendered() }
  public func hash(into hasher: inout Hasher) { hasher.combine(rendered()) }
}
