// The state of a daemon as text, against literals.

import Foundation
import SiftDaemon
import SiftTools
import Testing

@Suite("Status text")
struct StatusTextTests {
  private func report(peers: [StatusReport.Peer] = [], totals: [StatusReport.PolicyTotals] = []) -> StatusReport {
    StatusReport(
      version: "1.2.3", node: "attic", role: "gateway", status: "serving tiny", uptime_s: 3725, policy: "siftmoe",
      error_budget: 0.1, latency_ms: 50, model: .init(name: "tiny", hash: "0123456789abcdef", context: 1024),
      load: .init(running: 2, waiting: 1, steps: 100, rows: 150), totals: totals, peers: peers,
      meter: .init(standing: "modelled", rails: [], model: "Raspberry Pi 5", watts: 3.25))
  }

  @Test("Without peers and requests there is one block")
  func head() {
    let expected = """
      siftd 1.2.3  attic, gateway, up 1:02:05
      status       serving tiny
      model        tiny (0123456789ab), context 1024
      policy       siftmoe, error budget 0.1000, 50.0 ms a layer
      load         2 running, 1 waiting, 100 steps, 1.50 tokens a step
      energy       modelled: Raspberry Pi 5, now 3.25 W

      """
    #expect(StatusText.of(report()) == expected)
  }

  @Test("A peer shows what a visit costs, or why it is not there")
  func peers() {
    let text = StatusText.of(
      report(peers: [
        .init(
          name: "a", address: "10.0.0.2:7000", connected: true, experts: 30, round_trip_ms: 1.25, goodput_mbit_s: 87.4,
          visit_j: 0.0008, age_s: 0.5, standing: "derived"),
        .init(name: "b", address: "10.0.0.3:7000", connected: false, experts: 0, last_error: "another model"),
      ]))
    #expect(text.contains("1.25 ms  87 Mbit/s   800 µJ  500 ms  derived\n"))
    #expect(text.contains("b     10.0.0.3:7000  another model        0"))
  }

  @Test("Totals are per token, and a policy that wrote nothing has none")
  func totals() {
    let text = StatusText.of(
      report(totals: [
        .init(
          policy: "topk", requests: 3, tokens_out: 100, visits: 550, bytes: 120_000, error_mean: 0, energy_j: 2.5),
        .init(policy: "siftmoe", requests: 1, tokens_out: 0, visits: 0, bytes: 0, error_mean: 0, energy_j: 0),
      ]))
    let line = "topk            3     100          5.50      1.20 kB      0.0000                  25.0 mJ\n"
    #expect(text.contains(line))
    #expect(text.contains("siftmoe         1       0             –            –"))
  }
}
