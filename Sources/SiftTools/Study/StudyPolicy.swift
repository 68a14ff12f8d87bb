// The policies of a study: how each sees the channel, and which knob it turns.

import SiftPolicy
import SiftSimulation

/// A policy with the view of the channel that it has, and the settings of its knob that a study tries.
struct StudyPolicy {
  enum Kind: Hashable {
    /// The least expected energy + price × mean-square error; the knob is the price in visits a unit of error.
    case priced
    /// A named rule; the knob is what the rule takes from the error budget.
    case rule(PolicyName)
  }
  let name: String
  let kind: Kind
  let view: ChannelView
  let knobs: [Double]

  /// Prices from dear to cheap: a visit's mean energy buys 1/price of squared error.
  static let prices = [400.0, 150, 80, 45, 25, 14, 8]
  /// Shares and budgets from none to many.
  static let shares = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]

  static let topk = StudyPolicy(name: "topk", kind: .rule(.topk), view: .sample, knobs: [0])

  /// Everybody but `topk`.
  static let all: [StudyPolicy] = [
    StudyPolicy(name: "siftmoe", kind: .priced, view: .forecast, knobs: prices),
    StudyPolicy(name: "siftmoe-slow", kind: .priced, view: .sample, knobs: prices),
    StudyPolicy(name: "siftmoe-mean", kind: .priced, view: .mean, knobs: prices),
    StudyPolicy(
      name: "siftmoe-token", kind: .rule(.siftmoeToken), view: .sample, knobs: [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]),
    StudyPolicy(name: "nearest", kind: .rule(.nearest), view: .sample, knobs: [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4]),
    StudyPolicy(name: "wdmoe", kind: .rule(.wdmoe), view: .sample, knobs: [0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1]),
    StudyPolicy(name: "des", kind: .rule(.des), view: .sample, knobs: shares),
    StudyPolicy(name: "adaptive", kind: .rule(.adaptive), view: .sample, knobs: shares),
    StudyPolicy(
      name: "xshare", kind: .rule(.xshare), view: .sample, knobs: [0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75]),
    StudyPolicy(
      name: "random", kind: .rule(.random), view: .sample, knobs: [0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.25]),
  ]
}

/// The distances of a layer in the two forms that policies take.
struct StudyLayer {
  /// Mean distances: errors add up linearly (docs/theory, B1).
  let linear: LayerErrors
  /// Mean squares of the distances times the layer's sensitivity, replacements scaled: errors add up as uncorrelated
  /// ones do (B3).
  let squared: LayerErrors
}

/// Decides one token after another as a policy would.
final class StudyDecider {
  let policy: StudyPolicy
  /// Joules a unit of error.
  private let price: Double
  private let rule: ExpertPolicy?
  private let selector: FadingSelector?
  private var fading: FadingProblem
  private var errors: LayerErrors
  private var answer = TokenAnswer()
  private var fadingAnswer = FadingAnswer()

  /// - Parameters:
  ///   - problem: with places and wake price; the rest is set for every token.
  ///   - visitEnergy: mean joules of a visit, the unit of a price.
  init(_ policy: StudyPolicy, knob: Double, problem: TokenProblem, visitEnergy: Double, seed: UInt64) {
    self.policy = policy
    errors = LayerErrors(unknown: 1, measure: .linear)
    price = knob * visitEnergy
    fading = FadingProblem(
      token: problem, laws: Array(repeating: .certain, count: problem.places.count), price: price, lateness: 1)
    switch policy.kind {
    case .priced:
      fading.token.errorBudget = .infinity
      rule = nil
      selector = FadingSelector(routed: problem.routed.count, places: problem.places.count, stepsMax: 200_000)
    case .rule(let name):
      fading.token.errorBudget = knob
      rule = ExpertPolicy(name, routed: problem.routed.count, places: problem.places.count, seed: seed)
      selector = nil
    }
  }

  var usesSquares: Bool { policy.kind == .priced }

  /// Sets what is known of the visit to `place`, ≥ 1. A rule has no use for chances: whether a link is more likely dead
  /// than not is all that it is told of `forecast`, and Top-K goes all the same.
  func see(_ place: Int, _ known: VisitKnowledge, forecast: VisitKnowledge) {
    fading.token.places[place].radioEnergy = known.energy
    fading.token.places[place].airtime = known.airtime
    fading.laws[place].outage = known.outage
    fading.token.places[place].isReachable =
      policy.kind == .priced
      ? known.outage < 1 : policy.kind == .rule(.topk) || forecast.outage < 0.5
  }

  /// Sets layer and hosts.
  func enter(_ layer: StudyLayer, experts: [[[Int]]], index: Int) {
    errors = usesSquares ? layer.squared : layer.linear
    fading.token.distance = errors.matrix
    for place in experts.indices { fading.token.places[place].experts = experts[place][index] }
  }

  /// Decides; `weights` are the router's.
  func decide(_ routed: [RoutedExpert]) -> [TokenChoice] {
    for rank in routed.indices {
      fading.token.routed[rank] = errors.routed(routed[rank].expert, weight: routed[rank].weight)
    }
    if let rule {
      rule.decide(fading.token, into: &answer)
      return answer.choices
    }
    selector?.solve(fading, into: &fadingAnswer)
    return fadingAnswer.choices
  }

  /// What the output of a choice is multiplied with. - Parameter weight: the router's.
  func carried(_ weight: Double, _ expert: Int, _ choice: TokenChoice) -> Double {
    choice.isSkip ? weight : errors.carried(weight, expert, by: choice.target)
  }

  /// What is done when the node that should serve `rank` fails.
  func fallback(_ rank: Int) -> TokenChoice { fading.token.standIn(for: rank).choice }
}
