// The live table: drawn over itself, with a history of every signal.

import LinkMonitor

/// Remembers signals and draws frames. Pure: reports in, text out.
public struct LinksScreen: Sendable {
  private var history: [String: [Double?]] = [:]
  private var drawnLines = 0
  /// Columns of the terminal.
  private let width: Int
  private static let bars: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  private static let kept = 40

  public init(width: Int) { self.width = max(20, width) }

  /// Takes a report in and gives the text that replaces the frame before: the cursor goes up to where that began and
  /// everything below is cleared. No line is longer than the terminal is wide.
  public mutating func frame(_ report: LinksReport, remarks: [String]) -> String {
    for row in report.links { remember(row) }
    var columns = LinksText.columns
    columns.append((head: "signal of late", side: .left))
    var table = Table(columns)
    for row in report.links { table.add(LinksText.cells(row) + [sparkline(row)]) }
    let text =
      report.links.isEmpty
      ? LinksText.of(report, remarks: remarks) : table.rendered() + remarks.map { "Note: \($0)\n" }.joined()
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { $0.prefix(width - 1) }
    let back = drawnLines > 0 ? "\u{1B}[\(drawnLines)A\r\u{1B}[J" : ""
    drawnLines = lines.count
    return back + lines.joined(separator: "\n") + "\n"
  }

  private static func key(_ row: LinkRow) -> String {
    [row.interface, row.peer, row.peerName].map { $0 ?? "" }.joined(separator: " ")
  }

  private mutating func remember(_ row: LinkRow) {
    var levels = history[Self.key(row)] ?? []
    // A repeated signal is no sample: its place stays empty.
    levels.append(row.isFresh ? row.signal : nil)
    if levels.count > Self.kept { levels.removeFirst() }
    history[Self.key(row)] = levels
  }

  /// The signals of late as bars over their own range, which is at least 10 dB, and that range; blanks where nothing was heard.
  private func sparkline(_ row: LinkRow) -> String {
    let levels = history[Self.key(row)] ?? []
    guard let low = levels.compactMap({ $0 }).min(), let high = levels.compactMap({ $0 }).max() else { return "" }
    let middle = (low + high) / 2
    let half = max(5, (high - low) / 2)
    let bars = levels.map { level -> Character in
      guard let level else { return " " }
      let place = Int((level - (middle - half)) / (2 * half) * 8)
      return Self.bars[min(7, max(0, place))]
    }
    let range = low == high ? FigureText.fixed(low, 0) : FigureText.fixed(low, 0) + "…" + FigureText.fixed(high, 0)
    return String(bars) + " " + range
  }
}
