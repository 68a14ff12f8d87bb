// siftd: the daemon's executable. Reads its arguments and configuration and hands over.

import ArgumentParser
import Glibc
import HostIO
import Logging
import SiftCore
import SiftDaemon

@main
struct Siftd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "siftd", abstract: "Serves a Mixture-of-Experts model whose experts are spread over several nodes.",
    discussion: """
      SIGTERM and SIGINT drain and stop, SIGHUP reloads the configuration.
      Exit status: 0 stopped, 64 bad command line, 66 model, 69 address in use, 70 defect, 78 configuration.
      """, version: SiftVersion.current)

  @Option(name: .long, help: "Configuration file.")
  var config = "/etc/siftd/siftd.toml"

  @Flag(name: .long, help: "Check the configuration file and stop.")
  var check = false

  @Flag(name: .long, help: "Print a configuration file with every key and its default, and stop.")
  var printDefaults = false

  @Flag(name: .long, help: "Print the table of keys as Markdown, and stop.")
  var printKeys = false

  func run() async throws {
    if printDefaults { return print(ConfigurationTables.defaults(), terminator: "") }
    if printKeys { return print(ConfigurationTables.markdown(), terminator: "") }
    do {
      let configuration = try Configuration(file: config)
      if check { return print("\(config): good") }
      let sink = Recorder.sink(
        for: configuration[Keys.journal.to], isJournalPresent: SystemJournal.isPresent, isTerminal: isatty(2) == 1)
      let recorder = Recorder(sink: sink, level: Recorder.priority(named: configuration[Keys.journal.level]))
      LoggingSystem.bootstrap { recorder.logHandler($0) }
      try await Daemon(
        configuration: configuration, file: config, recorder: recorder, inherited: ListeningSocket.inherited()
      ).run()
    } catch let errors as ConfigurationErrors {
      Self.stop(.configuration, errors.description)
    } catch let failure as DaemonFailure {
      Self.stop(failure.status, failure.description)
    }
  }

  /// Says why on standard error and ends the process.
  private static func stop(_ status: SiftDaemon.ExitStatus, _ reason: String) -> Never {
    for line in reason.split(separator: "\n") {
      StandardErrorJournal().write(JournalRecord(priority: .error, message: "siftd: \(line)"))
    }
    Glibc.exit(status.rawValue)
  }
}
