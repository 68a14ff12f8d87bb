// Decides one token of one layer as if experts lay where a scenario says, and books what that costs.

import ExpertExec
import SiftCore
import SiftPolicy

/// How a policy is set for an evaluation.
struct PolicyKnob: Sendable, Hashable {
  var policy: PolicyName
  /// The policy's own knob; for `siftmoe` a limit on each decision.
  var errorBudget: Double
  /// λ of `siftmoe`: joules for each unit of the mean square error.
  var price = 0.0

  static func fixed(_ policy: PolicyName, errorBudget: Double) -> PolicyKnob {
    PolicyKnob(policy: policy, errorBudget: errorBudget)
  }
  static func priced(_ price: Double) -> PolicyKnob {
    PolicyKnob(policy: .siftmoe, errorBudget: .infinity, price: price)
  }
}

/// `[layer]`: what errors are decided by and what is booked; nil for a dense layer.
struct LayerMeasures: Sendable {
  /// What the policy decides by.
  var deciding: [LayerErrors?]
  /// Σ w·D.
  var linear: [LayerErrors?]
  /// a_ℓ·Σ w²·D².
  var squares: [LayerErrors?]
}

/// A policy in a scenario. One thread's.
final class TokenDecider {
  /// Parallel to the routed experts of the last decision.
  var choices: [TokenChoice] { isPriced ? priced.choices : answer.choices }
  private(set) var isFeasible = true
  let measures: LayerMeasures
  private let isPriced: Bool
  private let policy: ExpertPolicy
  private let selector: FadingSelector
  private var problems: [FadingProblem?]
  private var answer = TokenAnswer()
  private var priced = FadingAnswer()

  init(_ knob: PolicyKnob, _ scenario: Scenario, _ measures: LayerMeasures, perToken: Int) {
    isPriced = knob.policy == .siftmoe
    self.measures = measures
    policy = ExpertPolicy(knob.policy, routed: perToken, places: scenario.places.count)
    selector = FadingSelector(routed: perToken, places: scenario.places.count)
    problems = measures.deciding.enumerated().map { layer, errors in
      guard let errors else { return nil }
      var places = scenario.places
      for place in places.indices { places[place].experts = scenario.experts[place][layer] }
      let token = TokenProblem(
        routed: Array(repeating: RoutedExpert(expert: 0, weight: 0), count: perToken), distance: errors.matrix,
        places: places, wakeEnergy: scenario.wakeEnergy, wakeTime: scenario.wakeTime, errorBudget: knob.errorBudget,
        latencyLimit: scenario.latencyLimit)
      return FadingProblem(
        token: token, laws: places.map { _ in .certain }, price: knob.price, lateness: 0)
    }
  }

  /// Tells the policy of all rows of a step, for those that decide a batch together; nothing in a dense layer.
  func beginBatch(layer: Int, _ experts: [Int32], _ weights: [Float], rows: Int, perToken: Int) {
    guard var problem = problems[layer], let errors = measures.deciding[layer], !isPriced else { return }
    problems[layer] = nil
    policy.beginBatch(experts: problem.token.distance.experts)
    for row in 0..<rows {
      for rank in 0..<perToken {
        let at = row * perToken + rank
        problem.token.routed[rank] = errors.routed(Int(experts[at]), weight: Double(weights[at]))
      }
      policy.addToken(problem.token)
    }
    policy.endBatch(knob: problem.token.errorBudget)
    problems[layer] = problem
  }

  /// Decides the token whose routed experts stand at `base` in `experts` and `weights`; false in a dense layer.
  func decide(layer: Int, _ experts: [Int32], _ weights: [Float], at base: Int, perToken: Int) -> Bool {
    guard var problem = problems[layer], let errors = measures.deciding[layer] else { return false }
    // Taken out, so that changing it copies nothing.
    problems[layer] = nil
    for rank in 0..<perToken {
      problem.token.routed[rank] = errors.routed(Int(experts[base + rank]), weight: Double(weights[base + rank]))
    }
    if isPriced {
      selector.solve(problem, into: &priced)
      isFeasible = priced.feasible
    } else {
      policy.decide(problem.token, into: &answer)
      isFeasible = answer.feasible
    }
    problems[layer] = problem
    return true
  }

  /// Energy, latency and visits of the last decision, which was about `layer`.
  func costs(layer: Int) -> DecisionSums? { problems[layer].map { DecisionSums($0.token, choices) } }
}
