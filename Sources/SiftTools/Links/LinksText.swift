// The table of links for people.

import LinkMonitor

public enum LinksText {
  /// One row a link; remarks below.
  public static func of(_ report: LinksReport, remarks: [String]) -> String {
    let notes = remarks.map { "Note: \($0)\n" }.joined()
    guard !report.links.isEmpty else { return "No station in reach and no peer named.\n" + notes }
    var table = Table(columns)
    for row in report.links { table.add(cells(row)) }
    return table.rendered() + notes
  }

  static let columns: [(head: String, side: Table.Side)] = [
    ("interface", .left), ("peer", .left), ("way", .left), ("source", .left), ("signal", .right), ("SNR", .right),
    ("fading", .left), ("rate", .right), ("retries", .right), ("age", .right), ("outage", .right), ("visit", .right),
  ]

  static func cells(_ row: LinkRow) -> [String] {
    let name = [row.peerName, row.peer].compactMap { $0 }.joined(separator: " ")
    return [
      row.interface ?? "–", name.isEmpty ? "–" : name, row.topology ?? "no route", row.source,
      row.signal.map { FigureText.fixed($0, 0) + " dBm" } ?? "–",
      row.snr.map { FigureText.fixed($0, 0) + " dB" + (row.isNoiseAssumed ? "?" : "") } ?? "–",
      fading(row.fading), row.sendRate.map { FigureText.prefixed($0, "bit/s") } ?? "–",
      row.retryRatio.map { FigureText.fixed($0 * 100, 1) + " %" } ?? "–",
      row.age.map { FigureText.prefixed($0, "s") } ?? "–",
      row.outage.probability.map { FigureText.fixed($0 * 100, 1) + " %" } ?? "–",
      row.visit.energy.map { FigureText.prefixed($0, "J") } ?? "–",
    ]
  }

  /// "slow K 3.1 2.0 Hz": what the samples carry, and no more.
  private static func fading(_ fading: LinkRow.Fading) -> String {
    guard fading.kind != "unknown" else { return "–" }
    var words = [fading.kind]
    if fading.kind != "static", let k = fading.k { words.append("K " + FigureText.fixed(k, 1)) }
    if let doppler = fading.doppler { words.append(FigureText.fixed(doppler, 1) + " Hz") }
    return words.joined(separator: " ")
  }
}
