// `siftctl eval` without its command line: quality and cost of a policy on a text (docs/formats).

import ExpertExec
import SiftCore
import SiftPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What is evaluated.
public struct EvalTool: Sendable {
  public var model: String
  /// Each is tokenised and cut by itself; the figures are over all.
  public var texts: [String]
  public var part: TextPart = .whole
  public var policy: PolicyName = .topk
  public var errorBudget = 0.0
  /// Instead of an error budget: the increase of perplexity that is allowed, as a share (0.01 = 1 %).
  public var perplexityIncrease: Double?
  /// nil: everything is local and free.
  public var scenario: String?
  /// nil: the model's own.
  public var calibration: String?
  /// Which figure of the calibrated distances counts as the error.
  public var figure: Calibration.Figure = .mean
  public var window = 512
  public var threads: Int?

  public init(model: String, texts: [String]) {
    self.model = model
    self.texts = texts
  }

  /// Evaluates one policy.
  public func run() throws(ToolFailure) -> EvalReport {
    let bench = try EvalBench(self)
    var budget = errorBudget
    if let perplexityIncrease { budget = try bench.budget(forIncrease: perplexityIncrease, policy) }
    return try bench.run(policy, errorBudget: budget, label: "eval")
  }

  /// Evaluates the policy once for each budget, with one opened model.
  /// - Returns: reports in the order of `budgets`.
  public func sweep(_ budgets: [Double]) throws(ToolFailure) -> [EvalReport] {
    let bench = try EvalBench(self)
    var reports: [EvalReport] = []
    for (index, budget) in budgets.enumerated() {
      reports.append(try bench.run(policy, errorBudget: budget, label: "eval \(index + 1) of \(budgets.count)"))
    }
    return reports
  }
}

/// The opened model, texts and scenario of an evaluation.
final class EvalBench {
  private let model: LoadedModel
  private let texts: [[Int32]]
  private let scenario: Scenario
  private let isAllLocal: Bool
  private let calibration: Calibration?
  private let distances: [DistanceMatrix?]
  private let window: Int

  init(
    model: LoadedModel, texts: [[Int32]], scenario: Scenario, calibration: Calibration, window: Int
  ) {
    self.model = model
    self.texts = texts
    self.scenario = scenario
    self.calibration = calibration
    self.window = window
    isAllLocal = false
    distances = Self.distances(calibration, .mean, model)
  }

  init(_ tool: EvalTool) throws(ToolFailure) {
    guard tool.window >= 2 else { throw ToolFailure(.usage, "--window: must be at least 2, not \(tool.window)") }
    guard !tool.texts.isEmpty else { throw ToolFailure(.usage, "--text: a file is needed") }
    model = try LoadedModel(folder: tool.model, threads: tool.threads)
    guard tool.window <= model.engine.description.contextLength else {
      throw ToolFailure(
        .usage, "--window: \(tool.window) exceeds the model's context of \(model.engine.description.contextLength)")
    }
    window = tool.window
    scenario = try Self.scenario(tool, model)
    isAllLocal = tool.scenario == nil
    // Top-K wants no calibration: its error is 0 whatever the distances are.
    let needs = tool.policy != .topk || tool.calibration != nil || tool.perplexityIncrease != nil
    calibration = needs ? try model.calibration(tool.calibration) : nil
    distances = Self.distances(calibration, tool.figure, model)
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

  private static func distances(
    _ calibration: Calibration?, _ figure: Calibration.Figure, _ model: LoadedModel
  ) -> [DistanceMatrix?] {
    return model.experts.enumerated().map { layer, experts in
      guard experts > 0 else { return nil }
      guard let table = calibration?.layers[layer]?.distances(figure) else {
        return DistanceMatrix(
          experts: experts,
          replacing: (0..<experts * experts).map { $0 / experts == $0 % experts ? 0 : .infinity },
          skipping: Array(repeating: .infinity, count: experts))
      }
      return DistanceMatrix(
        experts: experts, replacing: table.replacing.map(Double.init), skipping: table.skipping.map(Double.init))
    }
  }

  /// Evaluates one policy on all texts.
  func run(_ policy: PolicyName, errorBudget: Double, label: String) throws(ToolFailure) -> EvalReport {
    try run(texts, policy, errorBudget: errorBudget, label: label)
  }

  /// The error budget with which the calibrated curve foretells this increase of perplexity: the budget that makes the
  /// mean square error, in this scenario and on the beginnings of these texts, the one that the curve names. What is
  /// right in the texts is not looked at.
  func budget(forIncrease increase: Double, _ policy: PolicyName) throws(ToolFailure) -> Double {
    guard let calibration, let last = calibration.curve.last else {
      throw ToolFailure(.badData, "the calibration has no curve from error to quality; make it anew without --no-curve")
    }
    guard let square = calibration.meanSquare(forLossIncrease: log(1 + increase)) else {
      throw ToolFailure(
        .usage, "--max-perplexity-increase: the calibrated curve ends at \(exp(Double(last.lossIncrease)) - 1)")
    }
    let sample = texts.map { Array($0.prefix(max(2, Self.sampleTokens / texts.count))) }
    var low = 0.0
    var high = max(2 * square.squareRoot(), 1e-3)
    while try run(sample, policy, errorBudget: high, label: "budget").errorSquareMean < square && high < 100 {
      high *= 2
    }
    for _ in 0..<Self.bisections {
      let middle = (low + high) / 2
      if try run(sample, policy, errorBudget: middle, label: "budget").errorSquareMean < square {
        low = middle
      } else {
        high = middle
      }
    }
    return (low + high) / 2
  }

  /// Tokens on which a budget is looked for, and how often the interval is halved.
  private static let sampleTokens = 2048
  private static let bisections = 8

  private func run(
    _ texts: [[Int32]], _ policy: PolicyName, errorBudget: Double, label: String
  ) throws(ToolFailure) -> EvalReport {
    // Top-K with everything local needs no decisions.
    let selector =
      policy == .topk && isAllLocal
      ? nil
      : EvalSelector(
        policy, scenario: scenario, distances: distances, perToken: model.perToken, errorBudget: errorBudget)
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
    let layers = model.experts.count { $0 > 0 }
    return EvalReport(
      policy: policy, errorBudget: errorBudget, layers: layers, quality: quality,
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
