// Between the engine and a player: routed experts in, choices out, everything executed at the gateway.

import ExpertExec
import SiftCore
import SiftPolicy

/// Decides row by row: the rows of a step are consecutive tokens of one text.
final class StudySelector: ExpertSelecting {
  let player: StudyPlayer
  private var base = 0
  private var rows = 0
  private var routed: [RoutedExpert]

  init(_ player: StudyPlayer, perToken: Int) {
    self.player = player
    routed = Array(repeating: RoutedExpert(expert: 0, weight: 0), count: perToken)
  }

  func beginStep(rows ids: [SequenceID]) {
    base += rows
    rows = ids.count
    player.books.tokens += rows
  }

  func settle(layer: Int, plan: LayerPlan, fellBack: [Bool]) {}

  func decide(layer: Int, routed all: RoutedTokens, plan: inout LayerPlan) {
    guard player.decides(layer) else { return }
    for row in 0..<all.rows {
      let range = row * routed.count..<(row + 1) * routed.count
      for (rank, at) in range.enumerated() {
        routed[rank] = RoutedExpert(expert: Int(all.experts[at]), weight: Double(all.weights[at]))
      }
      let choices = player.play(token: base + row, layer: layer, routed: routed)
      for (rank, at) in range.enumerated() {
        plan.choices[at] = ExpertChoice(
          target: choices[rank].isSkip ? ExpertChoice.skip : Int32(choices[rank].target), node: 0,
          weight: Float(player.carried(routed[rank].weight, routed[rank].expert, choices[rank])))
      }
    }
  }
}

/// Hands on to the selector of the run at work: one session serves all runs.
final class SelectorRelay: ExpertSelecting {
  var selector: (any ExpertSelecting)?
  func beginStep(rows: [SequenceID]) { selector?.beginStep(rows: rows) }
  func decide(layer: Int, routed: RoutedTokens, plan: inout LayerPlan) {
    selector?.decide(layer: layer, routed: routed, plan: &plan)
  }
  func settle(layer: Int, plan: LayerPlan, fellBack: [Bool]) {
    selector?.settle(layer: layer, plan: plan, fellBack: fellBack)
  }
}

/// Keeps what the router said while the model runs as it is: routing for studies that need no forward pass.
final class RoutingTrace: ExpertSelecting {
  /// `[layer][token, rank]`.
  private(set) var layers: [[RoutedExpert]]
  private(set) var tokens = 0
  let perToken: Int
  private var rows = 0

  init(layers: Int, perToken: Int) {
    self.layers = Array(repeating: [], count: layers)
    self.perToken = perToken
  }

  func beginStep(rows ids: [SequenceID]) { tokens += ids.count }
  func settle(layer: Int, plan: LayerPlan, fellBack: [Bool]) {}

  func decide(layer: Int, routed: RoutedTokens, plan: inout LayerPlan) {
    for at in 0..<routed.rows * perToken {
      layers[layer].append(RoutedExpert(expert: Int(routed.experts[at]), weight: Double(routed.weights[at])))
      plan.choices[at] = ExpertChoice(target: routed.experts[at], node: 0, weight: routed.weights[at])
    }
  }

  /// The routed experts of a token in a layer.
  func routed(_ token: Int, layer: Int) -> [RoutedExpert] {
    Array(layers[layer][token * perToken..<(token + 1) * perToken])
  }
}
