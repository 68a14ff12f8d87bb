// siftctl study: simulated studies with the daemon's own policy code.

import ArgumentParser
import SiftTools

struct StudyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Compare policies over simulated and recorded channels.",
    discussion: """
      quality: what each policy saves against Top-K at equal perplexity, over slow, fast and (with --channel) recorded \
      channels. sweeps: energy against error budget, bandwidth, deadline, nodes, mean SNR, Doppler x age. paper: the \
      three shapes and the radio of arXiv 2603.23888. all: one after another.

      The model's real routing and calibration are used, on the second halves of the texts, which calibration never saw. \
      Results are tables (CSV, JSON), plots (SVG, PNG; gnuplot draws them) and report.md. The same seeds give the same \
      figures.
      """)

  @Argument(help: "quality, sweeps, paper or all.")
  var kind: String

  @Option(help: "The model's folder.")
  var model: String

  @Option(name: .customLong("text"), parsing: .upToNextOption, help: "Text files (UTF-8).")
  var texts: [String]

  @Option(help: ArgumentHelp("A recorded channel (CSV with time_s, link, goodput_mbps).", valueName: "file"))
  var channel: String?

  @Option(help: ArgumentHelp("The calibration; the model's own if not given.", valueName: "file"))
  var calibration: String?

  @Option(help: "Seeds; intervals are over them.")
  var seeds = 4

  @Option(help: "One seed reads every so many-th window of 512 tokens.")
  var stride = 4

  @Option(help: ArgumentHelp("Only these policies.", valueName: "a,b,…"))
  var policies: String?

  @Option(help: "Threads; all processors if not given.")
  var threads: Int?

  @Option(name: .shortAndLong, help: "The folder to write into.")
  var output: String

  func run() async throws {
    var kinds = StudyKind.allCases
    if kind != "all" {
      guard let one = StudyKind(rawValue: kind) else {
        throw ToolFailure(.usage, "\"\(kind)\" is none of quality, sweeps, paper, all")
      }
      kinds = [one]
    }
    var tool = StudyTool(kinds: kinds, model: model, texts: texts, output: output)
    tool.recording = channel
    tool.calibration = calibration
    tool.seeds = seeds
    tool.stride = stride
    tool.policies = policies.map { $0.split(separator: ",").map(String.init) } ?? []
    tool.threads = threads
    tool.command = "siftctl " + CommandLine.arguments.dropFirst().joined(separator: " ")
    for name in try await tool.run() { StandardError.write("\(output)/\(name)\n") }
  }
}
