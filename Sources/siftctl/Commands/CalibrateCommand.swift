// siftctl calibrate: measure a model's expert distances on sample text.

import ArgumentParser
import SiftTools

struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Measure how far apart a model's experts are.",
    discussion: """
      Executes every expert on every token of the sample texts and writes the distances (mean, root mean square, \
      conformal quantile, and in mean squares with the scale of scaled replacement), what an error of each layer does to \
      the answers, and the curve from error to log-loss as one file bound to the model by content hash. A run that is \
      interrupted goes on where it was when it is started again: what it has is kept in OUTPUT.part. Use text that is like what the model will \
      serve, and keep it apart from the text that policies are evaluated on: --first-half here goes with \
      --second-half of `siftctl eval`.
      """)

  @Argument(help: "The model's folder.")
  var model: String

  @Option(name: .customLong("text"), parsing: .upToNextOption, help: "Sample texts (UTF-8).")
  var texts: [String]

  @Flag(help: "Use only the first half of every text, cut at a line.")
  var firstHalf = false

  @Option(help: "Miss rate of the quantile, between 0 and 1.")
  var quantile = 0.1

  @Flag(help: "Leave out the curve from error to quality, which --max-perplexity-increase needs.")
  var noCurve = false

  @Option(help: "Threads; all processors if not given.")
  var threads: Int?

  @Option(name: .shortAndLong, help: "The file to write.")
  var output: String

  func run() throws {
    let tool = CalibrateTool(
      model: model, texts: texts, firstHalf: firstHalf, missRate: quantile, output: output, threads: threads,
      withCurve: !noCurve)
    for line in try tool.run(say: { StandardError.write("siftctl: \($0)\n") }) { StandardError.write(line + "\n") }
  }
}
