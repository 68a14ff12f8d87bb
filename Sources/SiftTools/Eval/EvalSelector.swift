// Decides as in a pretended cluster: choices and costs as if experts lay elsewhere, execution here.

import ExpertExec
import SiftCore
import SiftPolicy

/// Sums over the tokens and layers of an evaluation.
struct EvalBooks: Sendable, Hashable {
  var decisions = 0
  var infeasible = 0
  /// Σ w·D.
  var errorSum = 0.0
  /// a_ℓ·Σ w²·D²: the sensitivity-weighted mean square of the layer's error if errors are uncorrelated (docs/theory, B3).
  var squareSum = 0.0
  var joules = 0.0
  var seconds = 0.0
  var visits = 0
  var layersWithVisit = 0
  /// Routed experts by what became of them: each is exactly one of the four.
  var local = 0
  var remote = 0
  var replaced = 0
  var skipped = 0
}

/// Applies a policy to every token and layer by itself, as if it were alone in its step; `xshare` takes the rows of a step
/// as its batch.
final class EvalSelector: ExpertSelecting {
  private(set) var books = EvalBooks()
  private let decider: TokenDecider
  private let perToken: Int
  /// The only layer that is decided; in the others every routed expert is executed. nil: all.
  private let onlyLayer: Int?

  init(_ decider: TokenDecider, perToken: Int, onlyLayer: Int? = nil) {
    self.decider = decider
    self.perToken = perToken
    self.onlyLayer = onlyLayer
  }

  func beginStep(rows: [SequenceID]) {}
  func settle(layer: Int, plan: LayerPlan, fellBack: [Bool]) {}

  func decide(layer: Int, routed: RoutedTokens, plan: inout LayerPlan) {
    if (onlyLayer ?? layer) == layer {
      decider.beginBatch(layer: layer, routed.experts, routed.weights, rows: routed.rows, perToken: perToken)
    }
    for row in 0..<routed.rows {
      let base = row * perToken
      let isDecided =
        (onlyLayer ?? layer) == layer
        && decider.decide(layer: layer, routed.experts, routed.weights, at: base, perToken: perToken)
      for rank in 0..<perToken {
        let expert = routed.experts[base + rank]
        let weight = routed.weights[base + rank]
        let choice = isDecided ? decider.choices[rank] : TokenChoice(target: Int(expert), place: 0)
        let carried =
          choice.isSkip
          ? 0 : decider.measures.deciding[layer]?.carried(Double(weight), Int(expert), by: choice.target)
        // Executed here, wherever it pretends to lie.
        plan.choices[base + rank] = ExpertChoice(
          target: choice.isSkip ? ExpertChoice.skip : Int32(choice.target), node: 0,
          weight: carried.map { Float($0) } ?? weight)
        if isDecided { book(layer, Int(expert), Double(weight), choice) }
      }
      if isDecided { bookCosts(layer) }
    }
  }

  private func book(_ layer: Int, _ expert: Int, _ weight: Double, _ choice: TokenChoice) {
    books.errorSum += decider.measures.linear[layer]?.error(weight, expert, choice) ?? 0
    books.squareSum += decider.measures.squares[layer]?.error(weight, expert, choice) ?? 0
    if choice.isSkip {
      books.skipped += 1
    } else if choice.target != expert {
      books.replaced += 1
    } else if choice.place == 0 {
      books.local += 1
    } else {
      books.remote += 1
    }
  }

  private func bookCosts(_ layer: Int) {
    guard let sums = decider.costs(layer: layer) else { return }
    books.decisions += 1
    if !decider.isFeasible { books.infeasible += 1 }
    books.joules += sums.energy
    books.seconds += sums.latency
    books.visits += sums.visits
    if sums.visits > 0 { books.layersWithVisit += 1 }
  }
}
