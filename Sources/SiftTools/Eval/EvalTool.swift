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
    if let perplexityIncrease { return try bench.run(target: perplexityIncrease, policy, label: "eval") }
    return try bench.run(policy, errorBudget: errorBudget, label: "eval")
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

  /// Reads the texts exactly and once for each target side by side, and compares token by token.
  /// - Parameter targets: increases of perplexity, as shares.
  public func paired(_ targets: [Double]) throws(ToolFailure) -> PairedReport {
    try EvalBench(self).paired(policy, targets: targets)
  }
}
