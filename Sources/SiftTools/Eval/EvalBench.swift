// The opened model, texts and scenario of an evaluation.

import ExpertExec
import SiftCore
import SiftPolicy

/// Runs policies over texts as if experts lay where a scenario says.
final class EvalBench {
  let model: LoadedModel
  let names: [String]
  let texts: [[Int32]]
  let window: Int
  private let scenario: Scenario
  private let isAllLocal: Bool
  private let calibration: Calibration?
  private let figure: Calibration.Figure
  /// The routing of some of the texts, read when a setting is looked for.
  private var routing: RoutingSample?

  init(_ tool: EvalTool) throws(ToolFailure) {
    guard tool.window >= 2 else { throw ToolFailure(.usage, "--window: must be at least 2, not \(tool.window)") }
    guard !tool.texts.isEmpty else { throw ToolFailure(.usage, "--text: a file is needed") }
    model = try LoadedModel(folder: tool.model, threads: tool.threads)
    guard tool.window <= model.engine.description.contextLength else {
      throw ToolFailure(
        .usage, "--window: \(tool.window) exceeds the model's context of \(model.engine.description.contextLength)")
    }
    window = tool.window
    figure = tool.figure
    scenario = try Self.scenario(tool, model)
    isAllLocal = tool.scenario == nil
    // Top-K wants no calibration: its error is 0 whatever the distances are.
    let needs = tool.policy != .topk || tool.calibration != nil || tool.perplexityIncrease != nil
    calibration = needs ? try model.calibration(tool.calibration) : nil
    names = tool.texts.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
    var texts: [[Int32]] = []
    for path in tool.texts { texts.append(model.encode(try SampleText.read(path, part: tool.part))) }
    self.texts = texts
    if let index = texts.firstIndex(where: { $0.count < 2 }) {
      throw ToolFailure(.badData, "\(tool.texts[index]): has fewer than two tokens, nothing is predicted")
    }
  }

  private static func scenario(_ tool: EvalTool, _ model: LoadedModel) throws(ToolFailure) -> Scenario {
    guard let path = tool.scenario else { return .allLocal(experts: model.experts) }
    let bytes = try InputFile.read(path)
    do { return try Scenario(json: bytes, experts: model.experts) } catch {
      throw ToolFailure(.badData, "\(path): \(error)")
    }
  }

  private var layers: Int { model.experts.count { $0 > 0 } }

  func measures(_ policy: PolicyName) -> LayerMeasures {
    LayerMeasures(policy, model, calibration, figure: figure)
  }

  // MARK: Settings

  /// The setting that an error budget stands for. `siftmoe`'s is the root mean square error of a layer, which a price
  /// keeps; it is looked for on the routing of the texts.
  func knob(_ policy: PolicyName, errorBudget: Double) throws(ToolFailure) -> PolicyKnob {
    guard policy == .siftmoe, errorBudget > 0 else { return .fixed(policy, errorBudget: errorBudget) }
    return try knob(policy, error: errorBudget * errorBudget * Double(layers))
  }

  /// The setting with which the calibrated curve foretells this increase of perplexity: the one that books, on these
  /// texts in this scenario, the mean square error that the curve names. What is right in the texts is not looked at.
  func knob(_ policy: PolicyName, forIncrease increase: Double) throws(ToolFailure) -> PolicyKnob {
    guard let curve = calibration?.curve else {
      throw ToolFailure(.badData, "the calibration has no curve from error to quality; make it anew without --no-curve")
    }
    guard let error = curve.error(forPerplexityIncrease: increase) else {
      throw ToolFailure(
        .usage,
        "--max-perplexity-increase: the calibrated curve ends at \(FigureText.fixed(curve.perplexityIncreaseMax * 100, 1)) %"
      )
    }
    return try knob(policy, error: error)
  }

  private func knob(_ policy: PolicyName, error target: Double) throws(ToolFailure) -> PolicyKnob {
    let sample = try routingSample()
    let measures = measures(policy)
    let isPriced = policy == .siftmoe
    func knob(_ x: Double) -> PolicyKnob { isPriced ? .priced(x) : .fixed(policy, errorBudget: x) }
    let energy = scenario.places.reduce(scenario.wakeEnergy) { $0 + $1.radioEnergy + $1.computeEnergy }
    let start = isPriced ? max(1e-12, energy) / target : (target / Double(max(1, layers))).squareRoot()
    let found = try KnobSearch.find(target: target, start: start, isRising: !isPriced) { x in
      sample.error(TokenDecider(knob(x), scenario, measures, perToken: model.perToken))
    }
    return knob(found)
  }

  private func routingSample() throws(ToolFailure) -> RoutingSample {
    if let routing { return routing }
    let sample = try RoutingSample(model, texts, window: window, label: "routing")
    routing = sample
    return sample
  }

  // MARK: Runs

  func run(_ policy: PolicyName, errorBudget: Double, label: String) throws(ToolFailure) -> EvalReport {
    try run(try knob(policy, errorBudget: errorBudget), errorBudget: errorBudget, label: label)
  }

  func run(target: Double, _ policy: PolicyName, label: String) throws(ToolFailure) -> EvalReport {
    let knob = try knob(policy, forIncrease: target)
    let error = calibration?.curve?.error(forPerplexityIncrease: target) ?? 0
    let budget = knob.policy == .siftmoe ? (error / Double(max(1, layers))).squareRoot() : knob.errorBudget
    return try run(knob, errorBudget: budget, label: label)
  }

  func selector(_ knob: PolicyKnob) -> EvalSelector {
    EvalSelector(
      TokenDecider(knob, scenario, measures(knob.policy), perToken: model.perToken), perToken: model.perToken)
  }

  private func run(_ knob: PolicyKnob, errorBudget: Double, label: String) throws(ToolFailure) -> EvalReport {
    // Top-K with everything local needs no decisions.
    let selector = knob.policy == .topk && isAllLocal ? nil : selector(knob)
    let bar = ProgressBar(label: label, unit: "tokens", total: texts.reduce(0) { $0 + $1.count })
    defer { bar.finish() }
    var quality = TextEvaluation()
    do {
      let session = try makeSession(selector)
      for text in texts {
        let before = quality.tokens
        let part = try session.evaluate(tokens: text, window: window) { done in
          bar.advance(to: before + done)
          return true
        }
        quality.add(part)
      }
    } catch {
      throw ToolFailure(.failure, error)
    }
    return EvalReport(
      policy: knob.policy, errorBudget: errorBudget, price: knob.price, layers: layers, quality: quality,
      books: selector?.books
        ?? Self.allLocal(tokens: quality.predicted, layers: layers, perToken: model.perToken))
  }

  /// Logits of one step take no more than this, in bytes.
  private static let logitBytesMax = 1 << 26

  private func makeSession(_ selector: EvalSelector?) throws(SessionError) -> InferenceSession {
    let rows = min(window, max(1, Self.logitBytesMax / (4 * model.engine.description.vocabulary)))
    return try InferenceSession(
      engine: model.engine, options: SessionOptions(maxRows: rows, maxLogitRows: rows, cacheTokens: window),
      selector: selector)
  }

  /// The books of Top-K with everything local and free.
  private static func allLocal(tokens: Int, layers: Int, perToken: Int) -> EvalBooks {
    var books = EvalBooks()
    books.decisions = tokens * layers
    books.local = tokens * layers * perToken
    return books
  }
}
