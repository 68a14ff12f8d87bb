// siftctl links: what is known of the channel to each station and peer; recordings of it; how good its forecasts are.

import ArgumentParser
import LinkMonitor
import SiftCore
import SiftTools

struct LinksCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "links",
    abstract: "Show, record and replay the links of this machine.",
    discussion: """
      Asks the running daemon, or reads the machine itself when none runs: every station that its radios talk to, and the
      way to each peer that is named (docs/formats/links.md). Signals count as fresh when a frame was received within the
      last second, so the machine's links are watched for a moment. Needs no privilege.
      """,
    subcommands: [Show.self, Record.self, Forecast.self], defaultSubcommand: Show.self)
}

/// What both showing and recording need to know.
private struct LinksOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Ask the daemon at this address.", valueName: "path or host:port"))
  var socket: String?

  @Option(help: ArgumentHelp("A peer to find the way to, on this machine; may be repeated.", valueName: "name=address"))
  var peer: [String] = []

  @Option(
    help: ArgumentHelp(
      "Whose radio power: \(RadioPowerModel.published.keys.sorted().joined(separator: ", ")).", valueName: "name"))
  var radio: String = "ar9280"

  @Option(help: ArgumentHelp("The visit that is priced, up and down together.", valueName: "bytes"))
  var bytes = VisitDemand.standard.bytes

  @Option(help: ArgumentHelp("Its deadline, in milliseconds, for the outage.", valueName: "ms"))
  var deadline = VisitDemand.standard.deadline.seconds * 1000

  @Flag(help: "Ask the wireless extensions of this machine alone, as on a kernel without nl80211.")
  var wext = false

  func source(replay: String?) throws -> LinksSource {
    guard let model = RadioPowerModel.published[radio] else {
      throw ToolFailure(
        .usage,
        "--radio \(radio): no such model, use \(RadioPowerModel.published.keys.sorted().joined(separator: ", "))")
    }
    guard bytes > 0, bytes <= 1 << 30 else { throw ToolFailure(.usage, "--bytes: expected 1 to 2^30, got \(bytes)") }
    guard deadline.isFinite, deadline > 0, deadline <= 60_000 else {
      throw ToolFailure(.usage, "--deadline: expected milliseconds above 0 and up to 60000, got \(deadline)")
    }
    return LinksSource(
      try place(replay), peers: try peer.map(monitored), wext: wext, model: model,
      demand: VisitDemand(bytes: bytes, deadline: .seconds(deadline / 1000)))
  }

  private func place(_ replay: String?) throws -> LinksSource.Place {
    if let replay {
      guard socket == nil, peer.isEmpty, !wext else {
        throw ToolFailure(.usage, "--replay reads a file: --socket, --peer and --wext do not go with it")
      }
      return .recording(try LinksRecordingFile.read(replay))
    }
    if let socket {
      guard peer.isEmpty, !wext else {
        throw ToolFailure(.usage, "--socket asks a daemon: --peer and --wext do not go with it")
      }
      return .daemon(try DaemonAddress(socket), fallback: false)
    }
    // Peers and the wireless extensions are asked of this machine; a daemon knows its own.
    return peer.isEmpty && !wext ? .daemon(.standard, fallback: true) : .machine
  }

  private func monitored(_ text: String) throws -> MonitoredPeer {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2, let address = NetworkAddress(parts[1]) else {
      throw ToolFailure(.usage, "--peer \(text): expected NAME=ADDRESS with an IPv4 or IPv6 address")
    }
    return MonitoredPeer(name: parts[0], address: address)
  }
}

extension LinksCommand {
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Show the links, once or live (the default).")

    @OptionGroup fileprivate var options: LinksOptions

    @Flag(help: "Print JSON; with --watch one object a line.")
    var json = false

    @Flag(help: "Go on, drawing over what stood there before, until Ctrl-C.")
    var watch = false

    @Option(help: ArgumentHelp("Read this recording instead of the machine.", valueName: "file"))
    var replay: String?

    @Option(
      help: ArgumentHelp("How long to watch the machine before showing it once, in seconds.", valueName: "seconds"))
    var watchFor: Double = 0.6

    @Option(help: ArgumentHelp("Time between two drawings, in seconds.", valueName: "seconds"))
    var interval: Double = 0.5

    func run() async throws {
      guard watchFor.isFinite, watchFor >= 0, watchFor <= 3600 else {
        throw ToolFailure(.usage, "--watch-for: expected 0 to 3600 seconds, got \(watchFor)")
      }
      guard interval.isFinite, interval >= 0.05, interval <= 3600 else {
        throw ToolFailure(.usage, "--interval: expected 0.05 to 3600 seconds, got \(interval)")
      }
      let source = try options.source(replay: replay)
      if watch { return try await follow(source) }
      let (report, remarks) = try await source.once(watching: .seconds(watchFor))
      try StandardOutput.write(json ? try PrettyJSON.of(report) : LinksText.of(report, remarks: remarks))
    }

    private func follow(_ source: LinksSource) async throws {
      let (json, interval) = (json, interval)
      _ = try await StopSignals.run {
        var screen = LinksScreen(width: StandardOutput.isTerminal ? StandardError.columns : 240)
        try await source.follow(every: .seconds(interval)) { seconds, report, remarks in
          let text =
            json
            ? try LinksRecordingFile.line(LinkRecordingLine(time: seconds, links: report.links))
            : StandardOutput.isTerminal
              ? screen.frame(report, remarks: remarks) : LinksText.of(report, remarks: remarks)
          try StandardOutput.write(text)
          return true
        }
      }
    }
  }

  struct Record: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "record", abstract: "Write the links to a file, line by line, until Ctrl-C.",
      discussion: "The file can be given to --replay, and to links.replay of a daemon's configuration.")

    @OptionGroup fileprivate var options: LinksOptions

    @Argument(help: "The file to write.")
    var file: String

    @Option(help: ArgumentHelp("How long, in seconds; until Ctrl-C if not given.", valueName: "seconds"))
    var seconds: Double?

    @Option(help: ArgumentHelp("Time between two lines, in seconds.", valueName: "seconds"))
    var interval: Double = 0.05

    func run() async throws {
      guard interval.isFinite, interval >= 0.01, interval <= 3600 else {
        throw ToolFailure(.usage, "--interval: expected 0.01 to 3600 seconds, got \(interval)")
      }
      if let seconds, !(seconds > 0 && seconds <= 1e7) {
        throw ToolFailure(.usage, "--seconds: expected more than 0 and up to 10000000, got \(seconds)")
      }
      let source = try options.source(replay: nil)
      let (file, length, interval) = (file, seconds, interval)
      let bar = ProgressBar(label: "record", unit: "s", total: Int(length ?? 0))
      defer { bar.finish() }
      _ = try await StopSignals.run {
        let recorder = try LinksRecorder(file)
        try await source.follow(every: .seconds(interval)) { seconds, report, _ in
          try recorder.append(LinkRecordingLine(time: seconds, links: report.links))
          bar.advance(to: Int(seconds))
          return length.map { seconds < $0 } ?? true
        }
      }
    }
  }

  struct Forecast: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "forecast", abstract: "Judge the forecasts of goodput and outage on recorded seconds.",
      discussion: """
        The file has a line of heads and the columns time_s, link, rssi_dbm, phy_rate_mbps, goodput_mbps and traffic_on. \
        Every second is forecast from the seconds before it alone.
        """)

    @Argument(help: "The file, with commas between fields.")
    var file: String

    func run() throws { try StandardOutput.write(try ForecastReport.of(file)) }
  }
}
