// siftctl compare: two policies on one daemon, in measured joules.

import ArgumentParser
import Foundation
import SiftTools

struct CompareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare two policies on a running daemon, in joules per token with an interval.",
    discussion: """
      Asks the same prompts under both policies in blocks, one request at a time, in the order ABBA or BAAB, drawn. The
      first pairs of blocks tell how many are needed for the wanted precision; then nobody looks until they are done.
      Quality is measured in the same run: give a text with --text, because cheaper may mean worse. Every block is kept:
      Ctrl-C loses nothing, --resume goes on. docs/energy-comparison.md says what the figures prove.
      """)

  @OptionGroup var daemon: DaemonOption

  @Argument(help: ArgumentHelp("The policy to compare with: NAME or NAME:BUDGET.", valueName: "A"))
  var first = "topk"

  @Argument(help: ArgumentHelp("The policy to compare: NAME or NAME:BUDGET.", valueName: "B"))
  var second = "siftmoe"

  @Option(help: ArgumentHelp("A file of prompts, one a line; four of siftctl's own without it.", valueName: "file"))
  var prompts: String?

  @Option(help: ArgumentHelp("A text whose log-loss is measured under both policies.", valueName: "file"))
  var text: String?

  @Option(help: ArgumentHelp("Tokens to generate for each answer.", valueName: "n"))
  var maxTokens = 32

  @Option(help: ArgumentHelp("Wanted half of the 95 % interval.", valueName: "percent"))
  var precision = 2.0

  @Option(help: ArgumentHelp("Least requests of a block.", valueName: "n"))
  var blockRequests = 20

  @Option(help: ArgumentHelp("Least seconds of a block.", valueName: "s"))
  var blockSeconds = 10.0

  @Option(help: ArgumentHelp("Pairs from whose spread the number of pairs is planned.", valueName: "n"))
  var pilot = 6

  @Option(help: ArgumentHelp("Most pairs of blocks.", valueName: "n"))
  var mostPairs = 40

  @Option(help: ArgumentHelp("Fixes the order of the blocks.", valueName: "number"))
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp("Where blocks are kept; siftctl/compare.jsonl in $XDG_STATE_HOME without it.", valueName: "file")
  )
  var keep: String?

  @Flag(help: "Go on with the comparison that was kept; everything but the daemon comes from it.")
  var resume = false

  @Flag(help: "Print the findings as JSON.")
  var json = false

  @Flag(help: "Print them as Markdown.")
  var markdown = false

  @Option(help: ArgumentHelp("Write them as an HTML page with plots as well; needs gnuplot.", valueName: "file"))
  var html: String?

  func validate() throws {
    guard !(json && markdown) else { throw ValidationError("--json and --markdown exclude one another") }
    guard maxTokens > 0, blockRequests > 0, blockSeconds >= 0 else {
      throw ValidationError("--max-tokens and --block-requests must be above 0, --block-seconds 0 or more")
    }
    guard precision > 0, precision <= 50 else { throw ValidationError("--precision must be above 0 and at most 50") }
    guard pilot >= 3, mostPairs >= pilot, mostPairs <= 10_000 else {
      throw ValidationError("--pilot must be 3 or more, --most-pairs from --pilot to 10000")
    }
  }

  func run() async throws {
    if html != nil { try await ComparisonPlots.check() }
    let file = keep.map { ComparisonFile(path: $0) } ?? .standard(environment: ProcessInfo.processInfo.environment)
    let address = try daemon.parsed()
    let settings = resume ? nil : try settings()
    let kept = resume ? try file.read() : nil
    let bar = ProgressBar(label: "compare", unit: "requests", total: 1_000_000)
    let finished: ComparisonRecord?
    do {
      finished = try await StopSignals.run {
        try await ControlClient.with(address) { client in
          var runner = ComparisonRunner(try await LiveDaemon(client), file: file)
          runner.onRequest = { done, total in bar.advance(to: done, of: total) }
          if let kept { return try await runner.resume(kept) }
          guard let settings else { throw ToolFailure(.usage, "nothing to compare") }
          return try await runner.run(settings)
        }
      }
      bar.finish()
    } catch let failure as ToolFailure {
      bar.finish()
      guard let rest = try? file.read(), !rest.pairs.isEmpty, failure.status != .cannotWrite else { throw failure }
      throw ToolFailure(failure.status, "\(failure.message); what was measured is kept: siftctl compare --resume")
    }
    try await report(try finished ?? file.read())
    if finished == nil {
      throw ToolFailure(
        .failure, "stopped; what was measured is kept in \(file.path): siftctl compare --resume goes on")
    }
  }

  private func settings() throws -> ComparisonSettings {
    var settings = ComparisonSettings(
      policies: [try PolicySetting(first), try PolicySetting(second)],
      prompts: try prompts.map { path throws(ToolFailure) in try ComparisonInput.prompts(path) } ?? DemoPrompts.all,
      maxTokens: maxTokens, blockRequests: blockRequests, blockSeconds: blockSeconds,
      stop: StopRule(precision: precision / 100, pilot: pilot, most: mostPairs), seed: seed)
    if let text { settings.pieces = try ComparisonInput.pieces(text, most: mostPairs) }
    return settings
  }

  private func report(_ record: ComparisonRecord) async throws {
    let findings = ComparisonFindings(record)
    if json {
      try StandardOutput.write(try PrettyJSON.of(findings))
    } else {
      try StandardOutput.write(markdown ? ComparisonText.markdown(findings) : ComparisonText.table(findings))
    }
    guard let html else { return }
    let page = ComparisonPage.html(findings, plots: try await ComparisonPlots.draw(ComparisonPlots.scripts(record)))
    do {
      try Data(page.utf8).write(to: URL(fileURLWithPath: html))
    } catch {
      throw ToolFailure(.cannotWrite, "\(html): cannot be written: \(error.localizedDescription)")
    }
  }
}
