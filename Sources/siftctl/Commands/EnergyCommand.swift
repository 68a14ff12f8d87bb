// siftctl energy: what requests and rails took, by policy, hour or day.

import ArgumentParser
import EnergyLedger
import SiftTools

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

struct EnergyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "energy",
    abstract: "Show the joules of requests and rails, from the energy ledger.",
    discussion: """
      Asks the daemon that keeps the ledger, or reads its file with --ledger. Without options: today, by policy.
      Joules of requests hold their share of idle power; "above idle" is what they added, "±" the standard uncertainty.
      Of each rail, requests + idle + unattributed is its energy.
      """)

  @OptionGroup var daemon: DaemonOption

  @Option(help: ArgumentHelp("policy, hour or day.", valueName: "what"))
  var by = LedgerQuery.Grouping.policy

  @Option(help: ArgumentHelp("So many days up to now, today included.", valueName: "n"))
  var days = 1

  @Option(help: ArgumentHelp("From this local day, or \"day hour:minute\".", valueName: "time"))
  var from: String?

  @Option(help: ArgumentHelp("Up to this one, which is left out.", valueName: "time"))
  var to: String?

  @Option(help: ArgumentHelp("Read this ledger instead of asking a daemon.", valueName: "file"))
  var ledger: String?

  @Flag(help: "Print JSON; times are in seconds since 1970.")
  var json = false

  @Flag(help: "Print comma-separated values: requests, an empty line, rails.")
  var csv = false

  func validate() throws {
    guard !(json && csv) else { throw ValidationError("--json and --csv exclude one another") }
    guard (1...36_500).contains(days) else { throw ValidationError("--days must be from 1 to 36500") }
  }

  func run() async throws {
    let now = Double(time(nil))
    let offset = LocalTime.utcOffset(at: now)
    let span = try EnergyTool.span(from: from, to: to, days: days, now: now, utcOffset: offset)
    let query = LedgerQuery(from: span.from, to: span.to, by: by, utcOffset: offset)
    let source: LedgerSource = try ledger.map { .file($0) } ?? .daemon(try daemon.parsed())
    let report = try await EnergyTool.ask(query, of: source)
    if json {
      try StandardOutput.write(try PrettyJSON.of(report))
    } else {
      try StandardOutput.write(csv ? EnergyText.csv(report) : EnergyText.table(report, utcOffset: offset))
    }
  }
}

extension LedgerQuery.Grouping: ExpressibleByArgument {}
