// siftctl generate: write a text, with a model here or with a daemon's.

import ArgumentParser
import Foundation
import SiftTools

struct GenerateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a text.",
    discussion: """
      With --model everything runs in this process, all experts included, and no daemon is needed. Without it a daemon
      is asked. The text goes to standard output as it is written, tokens/s to standard error.

      Example: siftctl generate --model Models/sift-reference-moe 'It was a truth which'
      """)

  @OptionGroup var daemon: DaemonOption

  @Option(help: ArgumentHelp("Folder of a model to run in this process.", valueName: "folder"))
  var model: String?

  @Option(help: ArgumentHelp("Threads that compute, with --model.", valueName: "n"))
  var threads = ProcessInfo.processInfo.activeProcessorCount

  @Option(
    help: ArgumentHelp("Policy of a daemon: NAME or NAME:BUDGET; its own choice without it.", valueName: "policy"))
  var policy: String?

  @Option(help: ArgumentHelp("Most tokens to write.", valueName: "n"))
  var maxTokens = 128

  @Option(help: "0 takes the likeliest token; above that tokens are drawn, the flatter the higher.")
  var temperature = 0.0

  @Option(help: "Draw from the likeliest tokens that have this much probability together, above 0 and up to 1.")
  var topP = 1.0

  @Option(help: ArgumentHelp("Fixes what is drawn.", valueName: "number"))
  var seed: UInt32 = 0

  @Argument(help: "The text to continue; - for standard input.")
  var prompt: String

  func validate() throws {
    guard maxTokens > 0, threads > 0 else { throw ValidationError("--max-tokens and --threads must be above 0") }
    guard temperature >= 0, topP > 0, topP <= 1 else {
      throw ValidationError("--temperature must be 0 or more, --top-p above 0 and up to 1")
    }
    guard model == nil || policy == nil else {
      throw ValidationError("--policy is for a daemon: with --model every routed expert is executed here")
    }
  }

  func run() async throws {
    let tool = GenerateTool(
      prompt: try readPrompt(), maxTokens: maxTokens, temperature: temperature, topP: topP, seed: seed)
    let outcome: GenerateTool.Outcome
    if let model {
      outcome = try tool.offline(model: model, threads: threads) { text throws(ToolFailure) in
        try StandardOutput.write(text)
      }
    } else {
      let setting = try policy.map { text throws(ToolFailure) in try PolicySetting(text) } ?? PolicySetting()
      outcome = try await ControlClient.with(try daemon.parsed()) { client in
        try await tool.remote(client, policy: setting) { try StandardOutput.write($0) }
      }
    }
    try StandardOutput.write("\n")
    StandardError.write(outcome.line + "\n")
  }

  private func readPrompt() throws(ToolFailure) -> String {
    guard prompt == "-" else { return prompt }
    guard let text = String(validating: try InputFile.read("-", limit: 1 << 24), as: UTF8.self) else {
      throw ToolFailure(.badData, "standard input: is not UTF-8")
    }
    return text
  }
}
