// Counters of the daemon, and the Prometheus text made of them.

import SiftCore
import Synchronization

/// Names, types and meanings of all metrics: the table that /metrics and docs/metrics.md come from.
public enum MetricTable {
  public struct Entry: Sendable {
    public let name: String
    /// Prometheus type.
    public let type: String
    public let labels: String
    public let help: String
  }

  public static let entries: [Entry] = daemon + LinkGauges.entries

  private static let daemon: [Entry] = [
    Entry(
      name: "siftd_info", type: "gauge", labels: "version, node, role, model, hash",
      help: "Always 1; the labels say what runs."),
    Entry(
      name: "siftd_requests_total", type: "counter", labels: "policy, outcome", help: "Requests whose books are closed."
    ),
    Entry(
      name: "siftd_http_errors_total", type: "counter", labels: "status", help: "Requests refused, by HTTP status."),
    Entry(name: "siftd_tokens_in_total", type: "counter", labels: "policy", help: "Prompt tokens."),
    Entry(name: "siftd_tokens_out_total", type: "counter", labels: "policy", help: "Generated tokens."),
    Entry(
      name: "siftd_energy_joules_total", type: "counter", labels: "policy, standing",
      help: "Energy of requests on this node, idle share included, in joules."),
    Entry(
      name: "siftd_energy_dynamic_joules_total", type: "counter", labels: "policy, standing",
      help: "Energy of requests on this node above idle, in joules."),
    Entry(
      name: "siftd_request_rail_joules_total", type: "counter", labels: "rail, policy, standing",
      help:
        "Energy above idle that requests took from a rail of this node, in joules; only rails in the total may be added up."
    ),
    Entry(
      name: "siftd_energy_peers_joules_total", type: "counter", labels: "policy, standing",
      help: "Energy that peers say they spent on requests, in joules."),
    Entry(
      name: "siftd_radio_joules_total", type: "counter", labels: "policy, standing",
      help:
        "Radio energy, in joules: above idle of the radio's rail where there is one, else of the visits by the radio model."
    ),
    Entry(
      name: "siftd_rail_joules_total", type: "counter", labels: "rail, in, standing",
      help:
        "Energy that a rail told since the start, gaps left out, in joules; only rails in the total may be added up."),
    Entry(
      name: "siftd_rail_covered_seconds_total", type: "counter", labels: "rail",
      help: "Time that those joules cover; divided by the time since the start it is the coverage."),
    Entry(
      name: "siftd_rail_failures_total", type: "counter", labels: "rail",
      help: "Readings that failed or were not believed."),
    Entry(
      name: "siftd_rail_watts", type: "gauge", labels: "rail", help: "Latest power of a rail; absent in a gap."),
    Entry(
      name: "siftd_idle_watts", type: "gauge", labels: "",
      help: "Power of the whole with nothing to do, as its rails showed it; absent until known."),
    Entry(
      name: "siftd_experts_total", type: "counter", labels: "policy, how",
      help: "Routed experts by what became of them: local, remote, replaced, skipped; late ones are counted again."),
    Entry(name: "siftd_visits_total", type: "counter", labels: "policy", help: "Exchanges with other nodes."),
    Entry(
      name: "siftd_visits_late_total", type: "counter", labels: "policy",
      help: "Those that were not back in time: deadlines that were missed."),
    Entry(name: "siftd_bytes_total", type: "counter", labels: "policy, direction", help: "Payload bytes of visits."),
    Entry(name: "siftd_decisions_total", type: "counter", labels: "policy", help: "Decided (token, layer) pairs."),
    Entry(
      name: "siftd_booked_error_total", type: "counter", labels: "policy",
      help: "Booked error summed over decisions; divided by decisions it is the mean error."),
    Entry(
      name: "siftd_booked_square_error_total", type: "counter", labels: "policy",
      help: "Booked mean square error summed over decisions: what the loss of quality follows."),
    Entry(name: "siftd_request_seconds", type: "histogram", labels: "", help: "From a request's arrival to its end."),
    Entry(
      name: "siftd_first_token_seconds", type: "histogram", labels: "",
      help: "From a request's arrival to its first token."),
    Entry(name: "siftd_steps_total", type: "counter", labels: "", help: "Steps of the engine."),
    Entry(
      name: "siftd_step_rows_total", type: "counter", labels: "",
      help: "Tokens in those steps; divided by steps it tells how much requests share."),
    Entry(name: "siftd_core_seconds_total", type: "counter", labels: "", help: "Processor time spent in steps."),
    Entry(name: "siftd_sequences_running", type: "gauge", labels: "", help: "Sequences being decoded."),
    Entry(name: "siftd_sequences_waiting", type: "gauge", labels: "", help: "Sequences waiting for a place."),
    Entry(name: "siftd_peer_up", type: "gauge", labels: "peer", help: "1 while the peer is connected."),
    Entry(
      name: "siftd_peer_round_trip_seconds", type: "gauge", labels: "peer",
      help: "Measured round trip of exchanges with the peer, its computing left out."),
    Entry(name: "siftd_host_gateways", type: "gauge", labels: "", help: "Gateways this node executes experts for."),
    Entry(name: "siftd_host_visits_total", type: "counter", labels: "", help: "Visits executed for other nodes."),
    Entry(name: "siftd_host_rows_total", type: "counter", labels: "", help: "Tokens in those visits."),
    Entry(name: "siftd_host_busy_seconds_total", type: "counter", labels: "", help: "Time spent executing them."),
    Entry(
      name: "siftd_host_energy_joules_total", type: "counter", labels: "standing",
      help: "Energy of executing them, in joules."),
    Entry(
      name: "siftd_ledger_entries_total", type: "counter", labels: "state",
      help: "Entries of the energy ledger: written, or lost because the disk would not take them."),
    Entry(
      name: "siftd_peer_troubles_total", type: "counter", labels: "peer",
      help: "Requests in which the peer was late, lost or out of reach."),
  ]

  /// docs/metrics.md's table.
  public static func markdown() -> String {
    entries.reduce("| name | type | labels | meaning |\n|---|---|---|---|\n") {
      $0 + "| `\($1.name)` | \($1.type) | \($1.labels) | \($1.help) |\n"
    }
  }
}

/// Counts. Any thread.
public final class Metrics: Sendable {
  private struct Counts {
    var values: [String: [String: Double]] = [:]
    var requestSeconds = Histogram()
    var firstTokenSeconds = Histogram()
  }
  private let counts = Mutex(Counts())

  /// A figure that somebody else keeps: name, labels, value.
  public typealias Gauge = (name: String, labels: [(String, String)], value: Double)

  public init() {}

  public func countError(status: Int) { add("siftd_http_errors_total", [("status", "\(status)")], 1) }

  /// Books a request whose books are closed.
  public func count(_ request: GenerationRequest, _ summary: GenerationSummary) {
    let tally = summary.tally
    let policy = ("policy", request.sift.policy)
    let standing = ("standing", summary.energy.standing.rawValue)
    add("siftd_requests_total", [policy, ("outcome", summary.outcome.word)], 1)
    add("siftd_tokens_in_total", [policy], Double(summary.tokensIn))
    add("siftd_tokens_out_total", [policy], Double(summary.tokensOut))
    add("siftd_energy_joules_total", [policy, standing], summary.energy.total)
    if let dynamic = summary.energy.dynamic { add("siftd_energy_dynamic_joules_total", [policy, standing], dynamic) }
    for share in summary.energy.rails {
      add(
        "siftd_request_rail_joules_total", [("rail", share.rail), policy, ("standing", share.standing.rawValue)],
        share.joules)
    }
    if let peers = tally.peerStanding {
      add("siftd_energy_peers_joules_total", [policy, ("standing", peers.rawValue)], tally.peerJoules)
    }
    add(
      "siftd_radio_joules_total", [policy, ("standing", summary.energy.radioStanding.rawValue)], summary.radioJoules)
    for (how, count) in [
      ("local", tally.expertsLocal), ("remote", tally.expertsRemote), ("replaced", tally.expertsReplaced),
      ("skipped", tally.expertsSkipped), ("late", tally.expertsLate),
    ] { add("siftd_experts_total", [policy, ("how", how)], Double(count)) }
    add("siftd_visits_total", [policy], Double(tally.visits))
    add("siftd_visits_late_total", [policy], Double(tally.visitsLate))
    add("siftd_bytes_total", [policy, ("direction", "up")], Double(tally.bytesUp))
    add("siftd_bytes_total", [policy, ("direction", "down")], Double(tally.bytesDown))
    add("siftd_decisions_total", [policy], Double(tally.decisions))
    add("siftd_booked_error_total", [policy], tally.errorSum)
    add("siftd_booked_square_error_total", [policy], tally.squareSum)
    for peer in summary.peersInTrouble { add("siftd_peer_troubles_total", [("peer", peer)], 1) }
    counts.withLock {
      $0.requestSeconds.add(summary.latency.seconds)
      if let first = summary.firstToken { $0.firstTokenSeconds.add(first.seconds) }
    }
  }

  /// Sum of a counter over all label values that hold `label`.
  public func total(_ name: String, where label: String = "") -> Double {
    counts.withLock { ($0.values[name] ?? [:]).filter { label.isEmpty || $0.key.contains(label) }.values.reduce(0, +) }
  }

  private func add(_ name: String, _ labels: [(String, String)], _ amount: Double) {
    guard amount.isFinite, amount >= 0 else { return }
    let key = PrometheusText.labels(labels)
    counts.withLock { $0.values[name, default: [:]][key, default: 0] += amount }
  }

  /// The page.
  /// - Parameter gauges: figures that others keep: name, labels, value.
  public func text(gauges: [Gauge]) -> String {
    var counts = counts.withLock { $0 }
    for gauge in gauges { counts.values[gauge.name, default: [:]][PrometheusText.labels(gauge.labels)] = gauge.value }
    var text = ""
    for entry in MetricTable.entries {
      let lines: [String]
      switch entry.name {
      case "siftd_request_seconds": lines = counts.requestSeconds.lines(entry.name)
      case "siftd_first_token_seconds": lines = counts.firstTokenSeconds.lines(entry.name)
      default:
        lines = (counts.values[entry.name] ?? [:]).sorted { $0.key < $1.key }.map {
          "\(entry.name)\($0.key) \(PrometheusText.number($0.value))"
        }
      }
      guard !lines.isEmpty else { continue }
      text += "# HELP \(entry.name) \(entry.help)\n# TYPE \(entry.name) \(entry.type)\n"
      text += lines.joined(separator: "\n") + "\n"
    }
    return text
  }
}

/// A Prometheus histogram.
struct Histogram: Sendable {
  static let bounds: [Double] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
  private var counts = [Int](repeating: 0, count: bounds.count)
  private var count = 0
  private var sum = 0.0

  mutating func add(_ value: Double) {
    count += 1
    sum += value
    for (index, bound) in Self.bounds.enumerated() where value <= bound { counts[index] += 1 }
  }

  func lines(_ name: String) -> [String] {
    let buckets = zip(Self.bounds, counts).map { "\(name)_bucket{le=\"\(PrometheusText.number($0))\"} \($1)" }
    return buckets + [
      "\(name)_bucket{le=\"+Inf\"} \(count)", "\(name)_sum \(PrometheusText.number(sum))", "\(name)_count \(count)",
    ]
  }
}

/// The text format (prometheus.io/docs/instrumenting/exposition_formats).
enum PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// `{a="b",c="d"}`, empty for none.
  static func labels(_ labels: [(String, String)]) -> String {
    guard !labels.isEmpty else { return "" }
    return "{" + labels.map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",") + "}"
  }

  static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
  }

  private static func escaped(_ value: String) -> String {
    var text = ""
    for character in value.unicodeScalars {
      switch character {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(character)
      }
    }
    return text
  }
}
