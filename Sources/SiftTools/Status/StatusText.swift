// The state of a daemon as people read it. Pure text from the report that the daemon gives.

import SiftDaemon

/// Renders a status report.
public enum StatusText {
  /// Who it is, what it does, its peers, and what each policy cost so far.
  public static func of(_ report: StatusReport) -> String {
    var text = head(report)
    if !report.peers.isEmpty { text += "\n" + peers(report.peers) }
    if !report.totals.isEmpty { text += "\n" + totals(report.totals, standing: report.meter.standing) }
    return text
  }

  private static func head(_ report: StatusReport) -> String {
    let load = report.load
    let perStep = load.steps > 0 ? ", \(FigureText.fixed(Double(load.rows) / Double(load.steps), 2)) tokens a step" : ""
    let meter = report.meter
    let rails = meter.rails.isEmpty ? meter.model ?? "no rail" : meter.rails.joined(separator: ", ")
    let watts = meter.watts.map { ", now \(FigureText.prefixed($0, "W"))" } ?? ""
    let lines = [
      ("siftd \(report.version)", "\(report.node), \(report.role), up \(FigureText.clock(report.uptime_s))"),
      ("status", report.status),
      ("model", "\(report.model.name) (\(report.model.hash.prefix(12))), context \(report.model.context)"),
      (
        "policy",
        "\(report.policy), error budget \(FigureText.fixed(report.error_budget, 4)), "
          + "\(FigureText.fixed(report.latency_ms, 1)) ms a layer"
      ),
      ("load", "\(load.running) running, \(load.waiting) waiting, \(load.steps) steps\(perStep)"),
      ("energy", "\(meter.standing): \(rails)\(watts)"),
    ]
    var table = Table([("", .left), ("", .left)])
    for (name, figure) in lines { table.add([name, figure]) }
    // A table's heads are for figures; here the first column is the head.
    return String(table.rendered().drop { $0 == "\n" })
  }

  private static func peers(_ peers: [StatusReport.Peer]) -> String {
    var table = Table([
      ("peer", .left), ("address", .left), ("state", .left), ("experts", .right), ("round trip", .right),
      ("goodput", .right), ("a visit", .right), ("age", .right), ("standing", .left),
    ])
    for peer in peers {
      table.add([
        peer.name, peer.address, peer.connected ? "connected" : peer.last_error ?? "not connected", "\(peer.experts)",
        peer.round_trip_ms.map { FigureText.prefixed($0 / 1000, "s") } ?? "–",
        peer.goodput_mbit_s.map { FigureText.fixed($0, 0) + " Mbit/s" } ?? "–",
        peer.visit_j.map { FigureText.prefixed($0, "J") } ?? "–",
        peer.age_s.map { FigureText.prefixed($0, "s") } ?? "–", peer.standing ?? "–",
      ])
    }
    return table.rendered()
  }

  private static func totals(_ totals: [StatusReport.PolicyTotals], standing: String) -> String {
    var table = Table([
      ("policy", .left), ("requests", .right), ("tokens", .right), ("visits/token", .right), ("bytes/token", .right),
      ("mean error", .right), ("energy/token (\(standing))", .right),
    ])
    for total in totals {
      let tokens = Double(total.tokens_out)
      table.add([
        total.policy, "\(total.requests)", "\(total.tokens_out)", FigureText.fixed(Double(total.visits) / tokens, 2),
        FigureText.bytes(Double(total.bytes) / tokens), FigureText.fixed(total.error_mean, 4),
        FigureText.prefixed(total.energy_j / tokens, "J"),
      ])
    }
    return table.rendered()
  }
}
