// siftctl compare: the same prompts under two policies.

import ArgumentParser
import Foundation
import SiftTools

struct CompareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare two policies on the same prompts, in joules per token.",
    discussion: """
      Asks a running daemon every prompt under both policies, one request at a time, in pairs whose order is drawn.
      Prints tokens/s, node visits and bytes per token, mean error, joules per token with a 95 % t interval, and a
      verdict: the ratio of paired joules per token with its interval. Everything per token is per generated token, the
      prompt's share included.
      """)

  @OptionGroup var daemon: DaemonOption

  @Option(help: ArgumentHelp("The policy to compare with: NAME or NAME:BUDGET.", valueName: "policy"))
  var first = "topk"

  @Option(help: ArgumentHelp("The policy to compare: NAME or NAME:BUDGET.", valueName: "policy"))
  var second = "siftmoe"

  @Option(help: ArgumentHelp("A file of prompts, one a line; four of siftctl's own without it.", valueName: "file"))
  var prompts: String?

  @Option(help: ArgumentHelp("How often every prompt is asked under each policy.", valueName: "n"))
  var rounds = 3

  @Option(help: ArgumentHelp("Tokens to generate for each answer.", valueName: "n"))
  var maxTokens = 64

  @Option(help: ArgumentHelp("Fixes the order of the requests.", valueName: "number"))
  var seed: UInt64 = 1

  @Flag(help: "Print the figures as JSON, without the texts.")
  var json = false

  func validate() throws {
    guard rounds > 0, maxTokens > 0 else { throw ValidationError("--rounds and --max-tokens must be above 0") }
  }

  func run() async throws {
    let tool = CompareTool(
      policies: [try PolicySetting(first), try PolicySetting(second)], prompts: try readPrompts(), rounds: rounds,
      maxTokens: maxTokens, seed: seed)
    let (report, _) = try await ControlClient.with(try daemon.parsed()) { try await tool.run($0) }
    try StandardOutput.write(json ? try PrettyJSON.of(report) : report.rendered())
  }

  private func readPrompts() throws(ToolFailure) -> [String] {
    guard let prompts else { return DemoPrompts.all }
    guard let text = try? String(contentsOfFile: prompts, encoding: .utf8) else {
      throw ToolFailure(.noInput, "\(prompts): cannot be read as UTF-8 text")
    }
    let lines = text.split(separator: "\n").map(String.init).filter { !$0.allSatisfy(\.isWhitespace) }
    guard !lines.isEmpty else { throw ToolFailure(.badData, "\(prompts): has no prompt; write one a line") }
    return lines
  }
}
