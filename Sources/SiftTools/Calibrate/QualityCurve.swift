// From the error that layers make to what a reader loses: measured on the sample text, all layers active at once.

import ExpertExec
import SiftPolicy

/// The curve that turns "at most one percent perplexity" into an error budget.
enum QualityCurve {
  /// Error budgets at which the curve is measured.
  static let budgets = [0.1, 0.2, 0.35, 0.5, 0.7, 0.9]

  /// Evaluates the exact policy on the sample with every second expert far away, once for each budget. What costs
  /// quality is the error made, wherever the experts lie, so the points are (mean square error,
  /// increase of log-loss).
  static func measure(
    _ model: LoadedModel, _ samples: [[Int32]], _ calibration: Calibration
  ) throws(ToolFailure) -> [Calibration.CurvePoint] {
    let texts = samples.filter { $0.count >= 2 }
    guard !texts.isEmpty else { return [] }
    let bench = EvalBench(
      model: model, texts: texts, scenario: .halfRemote(experts: model.experts), calibration: calibration,
      window: min(512, model.engine.description.contextLength))
    let steps = budgets.count + 1
    let exact = try bench.run(.topk, errorBudget: 0, label: "curve 1 of \(steps)").logLoss
    var curve = [Calibration.CurvePoint(meanSquare: 0, lossIncrease: 0)]
    for (index, budget) in budgets.enumerated() {
      let report = try bench.run(.siftmoeToken, errorBudget: budget, label: "curve \(index + 2) of \(steps)")
      let last = curve[curve.count - 1]
      let square = Float(report.errorSquareMean)
      guard square > last.meanSquare else { continue }
      // Noise may let the loss fall; the curve never does.
      curve.append(
        Calibration.CurvePoint(
          meanSquare: square, lossIncrease: max(last.lossIncrease, Float(report.logLoss - exact))))
    }
    return curve.count > 1 ? curve : []
  }
}
