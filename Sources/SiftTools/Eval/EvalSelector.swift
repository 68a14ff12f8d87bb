// Decides as in a pretended cluster: choices and costs as if experts lay elsewhere, execution here.

import ExpertExec
import SiftCore
import SiftPolicy

/// Sums over the tokens and layers of an evaluation.
struct EvalBooks: Sendable, Hashable {
  var decisions = 0
  var infeasible = 0
  var errorSum = 0.0
  /// Σ over choices of the squared booked error: the mean square of the layer's error if errors are uncorrelated
  /// (docs/theory, B3).
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

/// Applies a policy to every token and layer by itself, as if it were alone in its step.
final class EvalSelector: ExpertSelecting {
  private(set) var books = EvalBooks()
  private let policy: ExpertPolicy
  private var problems: [TokenProblem?]
  private var answer = TokenAnswer()
  private let perToken: Int

  /// - Parameter distances: `[layer]`; nil for a dense layer.
  init(
    _ name: PolicyName, scenario: Scenario, distances: [DistanceMatrix?], perToken: Int, errorBudget: Double
  ) {
    policy = ExpertPolicy(name, routed: perToken, places: scenario.places.count)
    self.perToken = perToken
    problems = distances.enumerated().map { layer, matrix in
      guard let matrix else { return nil }
      var places = scenario.places
      for place in places.indices { places[place].experts = scenario.experts[place][layer] }
      return TokenProblem(
        routed: Array(repeating: RoutedExpert(expert: 0, weight: 0), count: perToken), distance: matrix,
        places: places, wakeEnergy: scenario.wakeEnergy, wakeTime: scenario.wakeTime, errorBudget: errorBudget,
        latencyLimit: scenario.latencyLimit)
    }
  }

  func beginStep(rows: [SequenceID]) {}
  func settle(layer: Int, plan: LayerPlan, fellBack: [Bool]) {}

  func decide(layer: Int, routed: RoutedTokens, plan: inout LayerPlan) {
    guard var problem = problems[layer] else { return }
    problems[layer] = nil
    for row in 0..<routed.rows {
      for rank in 0..<perToken {
        let at = row * perToken + rank
        problem.routed[rank] = RoutedExpert(expert: Int(routed.experts[at]), weight: Double(routed.weights[at]))
      }
      policy.decide(problem, into: &answer)
      book(problem)
      for rank in 0..<perToken {
        let choice = answer.choices[rank]
        // Executed here, wherever it pretends to lie.
        plan.choices[row * perToken + rank] = ExpertChoice(
          target: choice.isSkip ? ExpertChoice.skip : Int32(choice.target), node: 0,
          weight: Float(problem.routed[rank].weight))
      }
    }
    problems[layer] = problem
  }

  private func book(_ problem: TokenProblem) {
    let sums = DecisionSums(problem, answer.choices)
    books.decisions += 1
    if !answer.feasible { books.infeasible += 1 }
    books.errorSum += sums.error
    books.joules += sums.energy
    books.seconds += sums.latency
    books.visits += sums.visits
    if sums.visits > 0 { books.layersWithVisit += 1 }
    for rank in 0..<perToken {
      let choice = answer.choices[rank]
      let routed = problem.routed[rank]
      let distance =
        choice.isSkip
        ? problem.distance.skipping[routed.expert] : problem.distance.replacing(routed.expert, by: choice.target)
      let error = routed.weight == 0 ? 0 : routed.weight * distance
      books.squareSum += error * error
      if choice.isSkip {
        books.skipped += 1
      } else if choice.target != routed.expert {
        books.replaced += 1
      } else if choice.place == 0 {
        books.local += 1
      } else {
        books.remote += 1
      }
    }
  }
}
