// siftctl status: what a daemon does, whom it reaches, and what its policies cost so far.

import ArgumentParser
import SiftTools

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show a daemon's load, peers and energy.")

  @OptionGroup var daemon: DaemonOption

  @Flag(help: "Print the daemon's report as JSON.")
  var json = false

  func run() async throws {
    let report = try await ControlClient.with(try daemon.parsed(), patience: .seconds(10)) { try await $0.status() }
    try StandardOutput.write(json ? try PrettyJSON.of(report) : StatusText.of(report))
  }
}
