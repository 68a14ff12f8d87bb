// siftctl demo: a whole cluster on this machine.

import ArgumentParser
import Foundation
import SiftTools

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Run a gateway and two expert hosts on this machine and compare two policies.",
    discussion: """
      Makes throw-away certificates, starts three siftd on loopback with the model split over them, sends four prompts
      under both policies, prints texts and figures, and keeps serving until it is stopped with Ctrl-C. `make run` does
      this with the reference model.
      """)

  @Option(help: ArgumentHelp("Folder of the model.", valueName: "folder"))
  var model = "Models/sift-reference-moe"

  @Option(help: ArgumentHelp("Folder for certificates, configurations and logs.", valueName: "folder"))
  var folder = ".run"

  @Option(help: ArgumentHelp("The policy to compare with: NAME or NAME:BUDGET.", valueName: "policy"))
  var first = "topk"

  @Option(help: ArgumentHelp("The policy to compare: NAME or NAME:BUDGET.", valueName: "policy"))
  var second = "siftmoe:0.05"

  @Option(help: ArgumentHelp("How often every prompt is asked under each policy.", valueName: "n"))
  var rounds = 3

  @Option(help: ArgumentHelp("Tokens to generate for each answer.", valueName: "n"))
  var maxTokens = 64

  @Option(help: ArgumentHelp("The siftd to run; the one beside siftctl without it.", valueName: "program"))
  var siftd: String?

  @Flag(help: "Stop after the report.")
  var once = false

  func validate() throws {
    guard rounds > 0, maxTokens > 0 else { throw ValidationError("--rounds and --max-tokens must be above 0") }
  }

  func run() async throws {
    let tool = DemoTool(
      model: model, folder: folder, program: siftd ?? Self.beside,
      policies: [try PolicySetting(first), try PolicySetting(second)], rounds: rounds, maxTokens: maxTokens
    ) { text in try? StandardOutput.write(text) }
    let once = once
    let isDone: Bool? = try await StopSignals.run {
      try await tool.run { cluster in
        guard !once else { return }
        try StandardOutput.write(DemoTool.invitation(cluster.layout))
        try await cluster.untilOneEnds()
      }
      return true
    }
    if isDone == nil { try StandardOutput.write("\nstopped\n") }
  }

  /// siftd in the folder of this program.
  private static var beside: String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("siftd").path
  }
}
