// A comparison's findings as a terminal's table and as Markdown. Pure text.

/// Renders findings.
public enum ComparisonText {
  /// Rows of figures: head, first policy, second policy.
  static func rows(_ findings: ComparisonFindings) -> [[String]] {
    let sides = [findings.first, findings.second]
    let row = { (head: String, figure: (PolicyFigures) -> String) in [head] + sides.map(figure) }
    let joules = { (figure: Double?) in figure.map { FigureText.prefixed($0, "J") } ?? "–" }
    var rows = [
      row("energy per token (\(findings.standing))") { joules($0.joulesPerToken) },
      row("  above idle") { joules($0.dynamicJoulesPerToken) },
      row("tokens/s") { FigureText.fixed($0.tokensPerSecond, 1) },
      row("tokens an answer") { FigureText.fixed($0.tokensPerRequest, 1) },
      row("requests") { "\($0.requests)" },
      row("failed") { "\($0.failures)" },
      row("node visits per token") { FigureText.fixed($0.visitsPerToken, 2) },
      row("bytes per token") { FigureText.bytes($0.bytesPerToken) },
      row("mean error") { FigureText.fixed($0.errorMean, 4) },
      row("root mean square error") { $0.errorRMS.map { FigureText.fixed($0, 4) } ?? "–" },
      row("experts late or lost") { "\($0.late)" },
    ]
    if findings.perplexity != nil {
      rows.append(row("perplexity") { $0.perplexity.map { FigureText.fixed($0, 3) } ?? "–" })
    }
    if sides.contains(where: { $0.temperature != nil }) {
      rows.append(row("temperature") { $0.temperature.map { FigureText.fixed($0, 1) + " °C" } ?? "–" })
    }
    return rows
  }

  /// Rows of ratios: what, second ÷ first, interval, pairs.
  static func ratios(_ findings: ComparisonFindings) -> [[String]] {
    [
      ("energy per token", findings.energy), ("  above idle", findings.dynamicEnergy),
      ("time per token", findings.time), ("perplexity", findings.perplexity),
    ].compactMap { name, ratio in
      guard let ratio else { return nil }
      let isKnown = ratio.ratio.low > 0 && ratio.ratio.high.isFinite
      return [
        name, FigureText.change(ratio.ratio.value),
        isKnown ? "\(FigureText.change(ratio.ratio.low)) to \(FigureText.change(ratio.ratio.high))" : "–",
        "\(ratio.pairs)",
      ]
    }
  }

  static func ratioHeads(_ findings: ComparisonFindings) -> [String] {
    ["\(findings.second.policy) against \(findings.first.policy)", "change", "95 % interval", "pairs"]
  }

  /// For a terminal.
  public static func table(_ findings: ComparisonFindings) -> String {
    var figures = Table([("", .left), (findings.first.policy, .right), (findings.second.policy, .right)])
    for row in rows(findings) { figures.add(row) }
    let heads = ratioHeads(findings)
    var changes = Table([(heads[0], .left)] + heads.dropFirst().map { ($0, .right) })
    for row in ratios(findings) { changes.add(row) }
    var text = figures.rendered() + "\n" + changes.rendered() + "\n" + findings.verdict + "\n"
    for remark in findings.remarks { text += "  • \(remark)\n" }
    return text
  }

  /// For a document.
  public static func markdown(_ findings: ComparisonFindings) -> String {
    var text = "# \(findings.second.policy) against \(findings.first.policy)\n\n\(findings.verdict)\n\n"
    text += markdownTable(["", findings.first.policy, findings.second.policy], rows(findings)) + "\n"
    text += markdownTable(ratioHeads(findings), ratios(findings)) + "\n"
    for remark in findings.remarks { text += "* \(remark)\n" }
    if !findings.remarks.isEmpty { text += "\n" }
    return text + "\(provenance(findings))\n"
  }

  private static func markdownTable(_ heads: [String], _ rows: [[String]]) -> String {
    let line = { (cells: [String]) in
      "| "
        + cells.map { $0.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|") }.joined(
          separator: " | ") + " |\n"
    }
    return line(heads) + "|---|" + String(repeating: "---:|", count: heads.count - 1) + "\n" + rows.map(line).joined()
  }

  /// How the figures came to be.
  static func provenance(_ findings: ComparisonFindings) -> String {
    let rails = findings.node.rails.isEmpty ? "a power model" : findings.node.rails.joined(separator: ", ")
    return
      "Node \(findings.node.node), model \(findings.node.model) (\(findings.node.modelHash.prefix(12))), joules from "
      + "\(rails). Blocks in the order ABBA or BAAB, drawn; mean of ln(B/A) over pairs with its t interval; the number of "
      + "pairs was planned from the first \(findings.stop.pilot) for ± "
      + "\(FigureText.fixed(findings.stop.precision * 100, 1)) % (at most \(findings.stop.most))."
  }
}
