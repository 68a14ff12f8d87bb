// Gathers what /sift/status and /metrics show of a node.

import EnergyLedger
import EnergyMeter
import LinkMonitor
import SiftCluster
import SiftCore

/// Reads the parts of a running node. Any thread.
struct NodeStatus: Sendable {
  let setup: NodeIdentity
  let live: LiveConfiguration
  let metrics: Metrics
  let meter: RailMeter
  let scheduler: Scheduler?
  let peers: PeerSide?
  let server: ExpertServer?
  let book: EnergyBook?
  let started: ContinuousClock.Instant
  let clock: ContinuousClock

  typealias Gauge = Metrics.Gauge

  func report() -> StatusReport {
    let configuration = live.now
    let figures = scheduler?.figures ?? SchedulerFigures()
    return StatusReport(
      version: SiftVersion.current, node: setup.name, role: setup.role, status: line(figures),
      uptime_s: (clock.now - started).seconds, policy: configuration[Keys.policy.name],
      error_budget: live.requestDefaults.sift.errorBudget, latency_ms: configuration[Keys.policy.latency],
      model: .init(name: setup.model, hash: setup.hash, context: setup.context),
      load: .init(running: figures.running, waiting: figures.waiting, steps: figures.steps, rows: figures.rows),
      totals: totals(), peers: peers?.report(now: clock.now) ?? [], meter: meterReport())
  }

  /// One line for people and for the service manager.
  func line(_ figures: SchedulerFigures) -> String {
    guard scheduler != nil else {
      let gateways = server?.statistics.gateways ?? 0
      return "executing experts of \(setup.model) for \(gateways) gateway\(gateways == 1 ? "" : "s")"
    }
    var text = "serving \(setup.model): \(figures.running) running, \(figures.waiting) waiting"
    if let peers { text += "; \(peers.connected) of \(peers.count) peers connected" }
    return text
  }

  private func totals() -> [StatusReport.PolicyTotals] {
    Keys.policy.name.range.text.split(separator: ", ").map { String($0.dropFirst().dropLast()) }.compactMap { policy in
      let label = "policy=\"\(policy)\""
      let sum = { (name: String) in metrics.total(name, where: label) }
      let requests = sum("siftd_requests_total")
      guard requests > 0 else { return nil }
      let decisions = sum("siftd_decisions_total")
      return StatusReport.PolicyTotals(
        policy: policy, requests: Int(requests), tokens_out: Int(sum("siftd_tokens_out_total")),
        visits: Int(sum("siftd_visits_total")), bytes: Int(sum("siftd_bytes_total")),
        error_mean: decisions > 0 ? sum("siftd_booked_error_total") / decisions : 0,
        energy_j: sum("siftd_energy_joules_total"))
    }
  }

  private func meterReport() -> StatusReport.Meter {
    let snapshot = meter.latest
    guard !snapshot.rails.isEmpty else {
      return StatusReport.Meter(
        standing: Standing.modelled.rawValue, rails: [], model: meter.configuration.model.source)
    }
    let powers = snapshot.rails.map(\.power)
    let watts = powers.contains(nil) ? nil : powers.compactMap { $0?.watts }.reduce(0, +)
    let standing = snapshot.rails.map(\.standing).max() ?? .modelled
    return StatusReport.Meter(standing: standing.rawValue, rails: snapshot.rails.map(\.id), watts: watts)
  }

  func gauges() -> [Gauge] {
    var gauges: [Gauge] = [
      (
        "siftd_info",
        [
          ("version", SiftVersion.current), ("node", setup.name), ("role", setup.role), ("model", setup.model),
          ("hash", setup.hash),
        ], 1
      )
    ]
    if let figures = scheduler?.figures {
      gauges += [
        ("siftd_steps_total", [], Double(figures.steps)), ("siftd_step_rows_total", [], Double(figures.rows)),
        ("siftd_core_seconds_total", [], figures.coreSeconds),
        ("siftd_sequences_running", [], Double(figures.running)),
        ("siftd_sequences_waiting", [], Double(figures.waiting)),
      ]
    }
    if let figures = book?.figures {
      gauges += [
        ("siftd_ledger_entries_total", [("state", "written")], Double(figures.written)),
        ("siftd_ledger_entries_total", [("state", "lost")], Double(figures.lost)),
      ]
    }
    if let statistics = server?.statistics {
      gauges += [
        ("siftd_host_gateways", [], Double(statistics.gateways)),
        ("siftd_host_visits_total", [], Double(statistics.visits)),
        ("siftd_host_rows_total", [], Double(statistics.rows)),
        ("siftd_host_busy_seconds_total", [], statistics.busy.seconds),
      ]
      if let standing = statistics.standing {
        gauges.append(
          ("siftd_host_energy_joules_total", [("standing", standing.rawValue)], statistics.energy.joules))
      }
    }
    return gauges + RailGauges.of(meter.latest) + (peers?.gauges(RadioPowerModel(live.now), now: clock.now) ?? [])
  }

  /// What /sift/links says; no link on a node without peers.
  func links() -> LinksReport {
    peers?.linksReport(RadioPowerModel(live.now), now: clock.now) ?? LinksReport(links: [])
  }
}

/// What a node calls itself and its model.
struct NodeIdentity: Sendable {
  var name: String
  var role: String
  var model: String
  var hash: String
  var context: Int

  init(_ setup: NodeSetup) {
    name = setup.name
    role = setup.configuration[Keys.node.role]
    model = setup.modelName
    hash = setup.engine.hash.description
    context = setup.engine.description.contextLength
  }
}
