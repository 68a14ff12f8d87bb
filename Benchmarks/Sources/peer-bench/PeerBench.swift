// peer-bench: what one exchange with an expert host costs, against a bare-socket echo of the same bytes in the same run.
//
// Two processes on loopback: this one is the gateway, a copy of itself the host. A round measures each of the ways in
// turn, so that whatever else the machine does falls on all of them. Printed are p50 and p99 of each over all rounds and
// the ratio of the p50s to the echo's; the last line is the requirement.
//
//   peer-bench [--shared] [ROUNDS [EXCHANGES]]        default 40 rounds of 500 exchanges
//
// Each process is bound to a core of its own; with --shared the system places them as it likes.

import ExpertExec
import Foundation
import SiftCluster
import SiftCore

@main
struct PeerBench {
  static func main() async throws {
    var arguments = Array(CommandLine.arguments.dropFirst())
    let isShared = arguments.first == "--shared"
    if isShared { arguments.removeFirst() }
    // Before any thread is made: they inherit it.
    if !isShared { Core.bind(arguments.first == "--host" ? 0 : 1) }
    if arguments.first == "--host" {
      try await HostProcess.run(folder: arguments[1])
      return
    }
    let rounds = arguments.first.flatMap { Int($0) } ?? 40
    let exchanges = arguments.dropFirst().first.flatMap { Int($0) } ?? 500
    try measure(rounds: rounds, exchanges: exchanges, isShared: isShared)
  }

  static func measure(rounds: Int, exchanges: Int, isShared: Bool) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "peer-bench-\(getpid())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try CertificateFolder(path: folder).fill(nodes: [("gateway", []), ("host", [])], now: Date(), days: 1)
    let host = try HostChild(folder: folder, isShared: isShared)
    defer { host.end() }
    let ways: [any Way] = [
      try EchoWay(port: host.echoPort, bytes: 4096),
      try VisitWay("visit, bf16, 4 KiB up and 4 KiB down", host, folder, .bf16, width: 2048, port: host.bf16Port),
      try VisitWay("visit, f32, 4 KiB up and 8 KiB down", host, folder, .f32, width: 1024, port: host.f32Port),
    ]
    var times = [[Double]](repeating: [], count: ways.count)
    for round in 0...rounds {
      for (index, way) in ways.enumerated() {
        for _ in 0..<exchanges {
          let start = ContinuousClock.now
          guard way.exchange() else { throw BenchFailure("an exchange of \(way.name) failed") }
          // The first round warms up.
          if round > 0 { times[index].append((ContinuousClock.now - start).seconds * 1e6) }
        }
      }
    }
    report(ways.map(\.name), times)
    for way in ways { way.end() }
  }

  static func report(_ names: [String], _ times: [[Double]]) {
    let medians = times.map { quantile($0, 0.5) }
    print("exchange                                     p50 µs   p99 µs   p50 / echo")
    for (index, name) in names.enumerated() {
      let padded = name.padding(toLength: 42, withPad: " ", startingAt: 0)
      print(
        padded, fixed(medians[index]), fixed(quantile(times[index], 0.99)), "   " + fixed(medians[index] / medians[0]))
    }
    let ratio = medians[1] / medians[0]
    print(
      "4 KiB over mutual TLS / bare echo: \(fixed(ratio).trimmingCharacters(in: .whitespaces)) (required: at most 2)")
  }

  static func quantile(_ values: [Double], _ share: Double) -> Double {
    let sorted = values.sorted()
    return sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
  }

  static func fixed(_ value: Double) -> String {
    String(repeating: " ", count: max(0, 8 - String(format: "%.2f", value).count)) + String(format: "%.2f", value)
  }
}

struct BenchFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// One way to exchange 4 KiB.
protocol Way {
  var name: String { get }
  func exchange() -> Bool
  func end()
}
