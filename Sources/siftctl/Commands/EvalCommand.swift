// siftctl eval: quality and cost of a policy on a text.

import ArgumentParser
import ExpertExec
import SiftCore
import SiftTools

struct EvalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Measure quality and cost of a policy on a text.",
    discussion: """
      Predicts every token of the text from those before it in its window and adds up log-loss, accuracy and what the \
      policy's decisions would cost in the scenario (docs/formats/eval.md). Costs are modelled. Without a scenario \
      everything is local and free.
      """)

  @Option(help: "The model's folder.")
  var model: String

  @Option(name: .customLong("text"), parsing: .upToNextOption, help: "Text files (UTF-8); figures are over all.")
  var texts: [String]

  @Option(help: ArgumentHelp("The policy.", valueName: "name"))
  var policy = "topk"

  @Option(help: ArgumentHelp("Error a layer may make for a token.", valueName: "x"))
  var errorBudget: Double?

  @Option(
    help: ArgumentHelp(
      "Instead of an error budget: the perplexity that may be lost, as 0.01 or 1%.", valueName: "p"))
  var maxPerplexityIncrease: String?

  @Option(help: ArgumentHelp("Where experts would lie and what that costs, as JSON.", valueName: "file"))
  var scenario: String?

  @Option(help: "Tokens of a window.")
  var window = 512

  @Option(help: ArgumentHelp("The calibration; the model's own if not given.", valueName: "file"))
  var calibration: String?

  @Option(help: "Which figure of a distance counts: mean, quantile or rms.")
  var distance = "mean"

  @Flag(help: "Use only the second half of every text, which calibration never saw.")
  var secondHalf = false

  @Option(help: ArgumentHelp("Evaluate these error budgets and print a table.", valueName: "x,y,…"))
  var sweep: String?

  @Flag(help: "Compare with Top-K token by token; takes several targets, as 1%,2%,5%, and prints a table.")
  var paired = false

  @Option(help: "Threads; all processors if not given.")
  var threads: Int?

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    var tool = EvalTool(model: model, texts: texts)
    tool.scenario = scenario
    tool.window = window
    tool.calibration = calibration
    tool.threads = threads
    guard let figure = Calibration.Figure(rawValue: distance) else {
      throw ToolFailure(.usage, "--distance: \"\(distance)\" is none of mean, quantile, rms")
    }
    tool.figure = figure
    tool.part = secondHalf ? .secondHalf : .whole
    tool.policy = try SelectTool.policy(policy)
    tool.errorBudget = try Self.budget(errorBudget ?? 0, "--error-budget")
    if paired { return try pair(&tool) }
    if let maxPerplexityIncrease { tool.perplexityIncrease = try Self.share(maxPerplexityIncrease) }
    if maxPerplexityIncrease != nil && (errorBudget != nil || sweep != nil) {
      throw ToolFailure(
        .usage, "--max-perplexity-increase stands instead of --error-budget and --sweep, not beside them")
    }
    if let sweep {
      let reports = try tool.sweep(try Self.budgets(sweep))
      let output = json ? reports.map(\.json).joined(separator: "\n") : EvalReport.sweepTable(reports)
      return try StandardOutput.write(output + "\n")
    }
    let report = try tool.run()
    if maxPerplexityIncrease != nil {
      StandardError.write("siftctl: the error budget for this target is \(report.errorBudget)\n")
    }
    try StandardOutput.write((json ? report.json : report.text) + "\n")
  }

  private func pair(_ tool: inout EvalTool) throws {
    guard let list = maxPerplexityIncrease, errorBudget == nil, sweep == nil else {
      throw ToolFailure(.usage, "--paired goes with --max-perplexity-increase 1%,2%,… and no other budget")
    }
    let targets = try list.split(separator: ",").map { try Self.share(String($0)) }
    guard let first = targets.first else { throw ToolFailure(.usage, "--max-perplexity-increase: names no target") }
    tool.perplexityIncrease = first
    let report = try tool.paired(targets)
    try StandardOutput.write((json ? try report.json() : report.table) + "\n")
  }

  static func budget(_ value: Double, _ option: String) throws(ToolFailure) -> Double {
    guard value >= 0, value.isFinite else {
      throw ToolFailure(.usage, "\(option): must be a number of at least 0, not \(value)")
    }
    return value
  }

  /// A share written as such or in percent.
  static func share(_ text: String) throws(ToolFailure) -> Double {
    guard let value = ShareText.target(text) else {
      throw ToolFailure(.usage, "--max-perplexity-increase: \"\(text)\" must be above 0 and at most 10 (1000 %)")
    }
    return value
  }

  static func budgets(_ list: String) throws(ToolFailure) -> [Double] {
    var budgets: [Double] = []
    for item in list.split(separator: ",") {
      guard let value = Double(item.trimmingPrefix { $0 == " " }) else {
        throw ToolFailure(.usage, "--sweep: \"\(item)\" is no number")
      }
      budgets.append(try budget(value, "--sweep"))
    }
    guard !budgets.isEmpty else { throw ToolFailure(.usage, "--sweep: at least one budget is needed") }
    return budgets
  }
}
