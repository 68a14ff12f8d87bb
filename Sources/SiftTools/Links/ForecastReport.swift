// How good the forecasts of goodput and outage are on recorded links, as text.

import LinkMonitor

/// The work of `siftctl links forecast`.
public enum ForecastReport {
  /// Bounds below which a second is an outage, in bit/s.
  public static let thresholds: [Double] = [1e6, 2e6, 5e6, 10e6, 20e6]

  /// - Throws: `ToolFailure` for a file that is no such trace.
  public static func of(_ path: String) throws(ToolFailure) -> String {
    let text = String(decoding: try InputFile.read(path), as: UTF8.self)
    let rows: [ForecastTrace.Row]
    do throws(ForecastTrace.Problem) {
      rows = try ForecastTrace.rows(text)
    } catch {
      throw ToolFailure(.badData, "\(path): \(error)")
    }
    return goodput(GoodputScore(rows)) + "\n" + outages(rows)
  }

  private static func goodput(_ score: GoodputScore) -> String {
    var table = Table([("goodput one second ahead", .left), ("mean |ln error|", .right), ("against it", .right)])
    func add(_ name: String, _ error: Double) {
      table.add([name, FigureText.fixed(error, 4), FigureText.change(score.forecast / error)])
    }
    table.add(["forecast", FigureText.fixed(score.forecast, 4), ""])
    add("last value", score.lastValue)
    for mean in score.movingMeans { add("moving mean, weight \(FigureText.fixed(mean.weight, 1))", mean.error) }
    var links = Table([("link", .left), ("seconds", .right), ("forecast", .right), ("last value", .right)])
    for link in score.links {
      links.add([link.name, "\(link.count)", FigureText.fixed(link.forecast, 4), FigureText.fixed(link.lastValue, 4)])
    }
    return table.rendered() + "\n" + links.rendered()
  }

  private static func outages(_ rows: [ForecastTrace.Row]) -> String {
    var summary = Table([
      ("outage below", .left), ("seconds", .right), ("Brier score", .right), ("climatology", .right),
      ("calibration error", .right),
    ])
    var columns: [(head: String, side: Table.Side)] = [(head: "reliability: forecast", side: .left)]
    for threshold in thresholds {
      columns.append((head: "below " + FigureText.prefixed(threshold, "bit/s"), side: .right))
    }
    var diagram = Table(columns)
    let scores = thresholds.map { OutageScore(rows, below: $0) }
    for (threshold, score) in zip(thresholds, scores) {
      summary.add([
        FigureText.prefixed(threshold, "bit/s"), "\(score.count)", FigureText.fixed(score.brier, 4),
        FigureText.fixed(score.climatology, 4), FigureText.fixed(score.calibrationError, 4),
      ])
    }
    for bin in 0..<10 {
      diagram.add(
        ["\(bin * 10) to \(bin * 10 + 10) %"]
          + scores.map { score in
            let bar = score.bins[bin]
            guard bar.count > 0 else { return "–" }
            return
              "\(FigureText.fixed(bar.forecast * 100, 0)) → \(FigureText.fixed(bar.came * 100, 0)) % of \(bar.count)"
          })
    }
    return summary.rendered() + "\n" + diagram.rendered()
  }
}
