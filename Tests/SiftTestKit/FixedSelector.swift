// A selector whose decisions a test writes down.

import ExpertExec
import SiftCore

/// Decides every choice by a function of the routed expert: Top-K on a placement, a replacement, whatever a test needs.
public final class FixedSelector: ExpertSelecting {
  /// What stands in for the expert routed at (layer, row, rank), and its weight by the router.
  public typealias Rule = (_ layer: Int, _ row: Int, _ expert: Int32, _ weight: Float) -> ExpertChoice
  private let rule: Rule
  private let patience: Duration
  /// Rows of every step.
  public private(set) var steps: [[SequenceID]] = []
  /// (layer, places that fell back) of every layer that was settled.
  public private(set) var settled: [(layer: Int, fellBack: [Int])] = []

  public init(patience: Duration = .seconds(10), rule: @escaping Rule) {
    self.patience = patience
    self.rule = rule
  }

  /// Top-K: each expert itself, on the node that `placement(layer, expert)` names (0 = here).
  public static func topK(placement: @escaping (Int, Int32) -> Int32) -> FixedSelector {
    FixedSelector { layer, _, expert, weight in
      ExpertChoice(target: expert, node: placement(layer, expert), weight: weight)
    }
  }

  public func beginStep(rows: [SequenceID]) { steps.append(rows) }

  public func decide(layer: Int, routed: RoutedTokens, plan: inout LayerPlan) {
    plan.patience = patience
    for place in 0..<routed.rows * routed.perToken {
      plan.choices[place] = rule(layer, place / routed.perToken, routed.experts[place], routed.weights[place])
    }
  }

  public func settle(layer: Int, plan: LayerPlan, fellBack: [Bool]) {
    settled.append((layer, (0..<plan.rows * plan.perToken).filter { fellBack[$0] }))
  }
}
