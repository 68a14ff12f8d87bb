// What the ledger answered, for people and for spreadsheets. Pure text.

import EnergyLedger

/// Renders a ledger's report.
public enum EnergyText {
  /// Two tables: requests, and whose each rail's joules were.
  /// - Parameter utcOffset: seconds that local time is ahead of UTC.
  public static func table(_ report: LedgerReport, utcOffset: Int) -> String {
    var text =
      "\(LocalTime.text(report.from, utcOffset: utcOffset)) to \(LocalTime.text(report.to, utcOffset: utcOffset))\n\n"
    if report.rows.isEmpty && report.rails.isEmpty { return text + "The ledger has nothing of this time.\n" }
    if report.rows.isEmpty { text += "No request ended in this time.\n" } else { text += requests(report, utcOffset) }
    if !report.rails.isEmpty { text += "\n" + rails(report.rails) }
    return text
  }

  private static func requests(_ report: LedgerReport, _ utcOffset: Int) -> String {
    var table = Table([
      (report.by.rawValue, .left), ("requests", .right), ("failed", .right), ("tokens out", .right),
      ("gateway", .right), ("±", .right), ("above idle", .right), ("peers", .right), ("per token", .right),
      ("standing", .left),
    ])
    for row in report.rows {
      table.add([
        key(row, report.by, utcOffset), "\(row.requests)", "\(row.failed)", "\(row.tokensOut)",
        joules(row.joules), joules(row.uncertaintyJoules), joules(row.dynamicJoules), joules(row.peerJoules),
        joules(row.joulesPerToken), row.standing.rawValue,
      ])
    }
    return table.rendered()
  }

  private static func rails(_ rows: [LedgerRailRow]) -> String {
    var table = Table([
      ("rail", .left), ("energy", .right), ("requests", .right), ("idle", .right), ("unattributed", .right),
      ("covered", .right), ("standing", .left),
    ])
    for row in rows {
      table.add([
        row.rail, joules(row.joules), joules(row.requests), joules(row.idle), joules(row.unattributed),
        FigureText.fixed(row.coverage * 100, 1) + " %", row.standing.rawValue,
      ])
    }
    return table.rendered()
  }

  private static func joules(_ figure: Double?) -> String { figure.map { FigureText.prefixed($0, "J") } ?? "–" }

  private static func key(_ row: LedgerRow, _ by: LedgerQuery.Grouping, _ utcOffset: Int) -> String {
    guard by != .policy, let start = Double(row.key) else { return row.key }
    return LocalTime.text(start, utcOffset: utcOffset)
  }

  /// One line a row, heads first; what is not known is empty. Rails have a table of their own after an empty line.
  public static func csv(_ report: LedgerReport) -> String {
    var text =
      "\(report.by.rawValue),requests,failed,tokens_in,tokens_out,energy_j,energy_uncertainty_j,energy_dynamic_j,"
      + "energy_peers_j,radio_j,standing,seconds\n"
    for row in report.rows {
      text += line([
        row.key, "\(row.requests)", "\(row.failed)", "\(row.tokensIn)", "\(row.tokensOut)", "\(row.joules)",
        number(row.uncertaintyJoules), number(row.dynamicJoules), "\(row.peerJoules)", "\(row.radioJoules)",
        row.standing.rawValue, "\(row.seconds)",
      ])
    }
    text += "\nrail,energy_j,requests_j,idle_j,unattributed_j,seconds,coverage,standing\n"
    for row in report.rails {
      text += line([
        row.rail, "\(row.joules)", "\(row.requests)", number(row.idle), "\(row.unattributed)", "\(row.seconds)",
        "\(row.coverage)", row.standing.rawValue,
      ])
    }
    return text
  }

  private static func number(_ figure: Double?) -> String { figure.map { "\($0)" } ?? "" }

  /// RFC 4180: a cell with a comma, a quote or a line break stands in quotes.
  private static func line(_ cells: [String]) -> String {
    cells.map { cell in
      guard cell.contains(where: { ",\"\r\n".contains($0) }) else { return cell }
      return "\"" + cell.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }.joined(separator: ",") + "\n"
  }
}
