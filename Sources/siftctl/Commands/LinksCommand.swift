// siftctl links: what is known of the channel to each station and peer.

import ArgumentParser
import LinkMonitor
import SiftCore
import SiftTools

struct LinksCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "links",
    abstract: "Show the links of this machine.",
    discussion: """
      Lists every station that the radios of this machine talk to, and the way to each peer that is named
      (docs/formats/links.md). Signals count as fresh when a frame was received within the last second, so the links are
      watched for a moment. Needs no privilege.
      """)

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: ArgumentHelp("A peer to find the way to; may be repeated.", valueName: "name=address"))
  var peer: [String] = []

  @Option(help: ArgumentHelp("How long to watch, in seconds.", valueName: "seconds"))
  var watchFor: Double = 0.6

  @Option(
    help: ArgumentHelp(
      "Whose radio power: \(RadioPowerModel.published.keys.sorted().joined(separator: ", ")).", valueName: "name"))
  var radio: String = "ar9280"

  @Flag(help: "Ask the wireless extensions alone, as on a kernel without nl80211.")
  var wext = false

  func run() async throws {
    guard let model = RadioPowerModel.published[radio] else {
      throw ToolFailure(
        .usage,
        "--radio \(radio): no such model, use \(RadioPowerModel.published.keys.sorted().joined(separator: ", "))")
    }
    guard watchFor.isFinite, watchFor >= 0, watchFor <= 3600 else {
      throw ToolFailure(.usage, "--watch-for: expected 0 to 3600 seconds, got \(watchFor)")
    }
    let snapshot = try await watch(peers: try peer.map(monitored))
    let report = LinksReport(snapshot, model: model)
    try StandardOutput.write(json ? try PrettyJSON.of(report) : LinksText.of(report, remarks: snapshot.remarks))
  }

  private func monitored(_ text: String) throws -> MonitoredPeer {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, let address = NetworkAddress(parts[1]) else {
      throw ToolFailure(.usage, "--peer \(text): expected NAME=ADDRESS with an IPv4 or IPv6 address")
    }
    return MonitoredPeer(name: parts[0], address: address)
  }

  /// At least two polls: only the second can tell a new sample from a repeated one.
  private func watch(peers: [MonitoredPeer]) async throws -> LinkSnapshot {
    let clock = ContinuousClock()
    let watcher = LinkWatcher(
      configuration: LinkConfiguration(peers: peers), sources: .system(nl80211: !wext), clock: clock)
    let end = clock.now + .seconds(watchFor)
    repeat {
      watcher.poll()
      try await clock.sleep(for: watcher.configuration.interval)
    } while clock.now < end
    watcher.poll()
    return watcher.latest
  }
}

/// The table for people.
private enum LinksText {
  static func of(_ report: LinksReport, remarks: [String]) -> String {
    let notes = remarks.map { "Note: \($0)\n" }.joined()
    guard !report.links.isEmpty else { return "No station in reach and no peer named.\n" + notes }
    var table = Table([
      ("interface", .left), ("peer", .left), ("way", .left), ("source", .left), ("signal", .right), ("SNR", .right),
      ("rate", .right), ("retries", .right), ("age", .right), ("4 KiB visit", .right),
    ])
    for row in report.links { table.add(cells(row)) }
    return table.rendered() + notes
  }

  private static func cells(_ row: LinksReport.Row) -> [String] {
    let link = row.link
    let name = [link.peerName, link.station?.description].compactMap { $0 }.joined(separator: " ")
    return [
      link.interface ?? "–", name.isEmpty ? "–" : name, link.topology?.rawValue ?? "no route", link.source.rawValue,
      link.signal.map { FigureText.fixed($0.value, 0) + " dBm" } ?? "–",
      link.snr.map { FigureText.fixed($0.value, 0) + " dB" + (link.isNoiseAssumed ? "?" : "") } ?? "–",
      link.sendRate.map { FigureText.prefixed($0, "bit/s") } ?? "–",
      link.retryRatio.map { FigureText.fixed($0 * 100, 1) + " %" } ?? "–",
      link.age.map { FigureText.prefixed($0.seconds, "s") } ?? "–",
      row.price.map { FigureText.prefixed($0.cost.energy(bytes: LinksReport.visitBytes), "J") } ?? "–",
    ]
  }
}
