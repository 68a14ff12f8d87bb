// The policies by name: what each promises.

import SiftPolicy
import SiftTestKit
import Testing

@Suite struct ExpertPolicyTests {
  static func problems(_ seed: UInt64, _ count: Int = 1_000) -> [TokenProblem] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { index in
      .random(
        using: &random, routedMax: 6, placesMax: 4, style: index % 2 == 0 ? .real : .whole, assignmentsMax: 1 << 36)
    }
  }

  @Test(arguments: PolicyName.allCases)
  func everyAnswerIsAddedUpRightAndNamesWhatItBreaks(_ name: PolicyName) {
    let policy = ExpertPolicy(name)
    for problem in Self.problems(21) {
      let answer = policy.decide(problem)
      let check = FeasibilityCheck(problem, answer.choices)
      guard check.fault == nil else {
        #expect(!answer.feasible || !name.isExact)
        continue
      }
      #expect(TokenSelectorTests.isSame(check.energy, answer.energy))
      #expect(TokenSelectorTests.isSame(check.error, answer.error))
      #expect(TokenSelectorTests.isSame(check.latency, answer.latency))
      #expect(answer.violates == check.broken && answer.feasible == check.broken.isEmpty)
    }
  }

  @Test func noPolicyBeatsTheExactOneWithinTheLimits() {
    let exact = ExpertPolicy(.siftmoe)
    for name in PolicyName.allCases {
      let policy = ExpertPolicy(name)
      var kept = 0
      for problem in Self.problems(22) {
        let answer = policy.decide(problem)
        guard answer.feasible, FeasibilityCheck(problem, answer.choices).fault == nil else { continue }
        kept += 1
        let best = exact.decide(problem)
        #expect(best.feasible && !Tolerance.isBelow(answer.energy, best.energy))
      }
      #expect(kept > 50, "\(name) kept the limits only \(kept) times")
    }
  }

  @Test func topkServesEveryHostedExpertByItself() {
    let policy = ExpertPolicy(.topk)
    for problem in Self.problems(23) {
      let answer = policy.decide(problem)
      for (routed, choice) in zip(problem.routed, answer.choices) where problem.isHosted(routed.expert) {
        #expect(choice.target == routed.expert)
      }
    }
  }

  @Test func localOnlyNeverUsesARadioAndNearestOnlyWhenTheBudgetIsSpent() {
    let local = ExpertPolicy(.localOnly)
    let nearest = ExpertPolicy(.nearest)
    var rerouted = 0
    for problem in Self.problems(24) {
      let stayed = local.decide(problem)
      #expect(stayed.choices.allSatisfy { $0.place == 0 })
      let near = nearest.decide(problem)
      if Tolerance.permits(stayed.error, limit: problem.errorBudget) {
        #expect(near.choices.allSatisfy { $0.place == 0 })
      } else if near.choices.contains(where: { $0.place > 0 }) {
        rerouted += 1
      }
    }
    #expect(rerouted > 100)
  }

  @Test func anExpertThatCannotBeReachedIsReplacedByTheNearestLocalOne() {
    let problem = TokenProblem(
      routed: [RoutedExpert(expert: 2, weight: 0.5)],
      distance: DistanceMatrix(
        experts: 3, replacing: [0, 1, 1, 1, 0, 1, 0.6, 0.4, 0], skipping: [1, 1, 0.9]),
      places: [ExpertPlace(experts: [0, 1]), ExpertPlace(experts: [2], radioEnergy: 1, isReachable: false)],
      errorBudget: 0.1)
    let answer = ExpertPolicy(.topk).decide(problem)
    #expect(answer.choices == [TokenChoice(target: 1, place: 0)])
    #expect(answer.error == 0.2 && answer.violates == .error && !answer.feasible)
  }

  /// Every subset of experts by brute force: the least energy among those that keep the weight.
  @Test func desKeepsTheWeightAtTheLeastEnergy() {
    let policy = ExpertPolicy(.des)
    var compared = 0
    for var problem in Self.problems(25, 600) {
      problem.errorBudget = min(problem.errorBudget, 1) / 2
      let answer = policy.decide(problem)
      let total = problem.routed.reduce(0) { $0 + $1.weight }
      func kept(_ choices: [TokenChoice]) -> Double {
        zip(problem.routed, choices).reduce(0) { $0 + ($1.1.isSkip ? 0 : $1.0.weight) }
      }
      #expect(zip(problem.routed, answer.choices).allSatisfy { $1.isSkip || $1.target == $0.expert })
      // The same question to the exhaustive twin: skipping costs the weight, nothing else is limited.
      var twin = problem
      let experts = problem.distance.experts
      twin.distance = DistanceMatrix(
        experts: experts, replacing: (0..<experts * experts).map { $0 / experts == $0 % experts ? 0 : .infinity },
        skipping: Array(repeating: 1, count: experts))
      twin.allowSkip = true
      twin.allowReplace = false
      twin.latencyLimit = .infinity
      twin.errorBudget = problem.errorBudget * total
      let best = ExhaustiveSelector().solve(twin)
      guard best.feasible else { continue }
      compared += 1
      #expect(TokenSelectorTests.isSame(best.energy, answer.energy))
      #expect(Tolerance.permits((1 - problem.errorBudget) * total, limit: kept(answer.choices)))
    }
    #expect(compared > 200)
  }

  @Test func adaptiveKeepsTheHeaviestAndNoMoreThanItNeeds() {
    let policy = ExpertPolicy(.adaptive)
    for var problem in Self.problems(26) {
      problem.errorBudget = min(problem.errorBudget, 1) / 2
      for place in problem.places.indices { problem.places[place].isReachable = true }
      problem.places[0].experts = Array(0..<problem.distance.experts)
      let answer = policy.decide(problem)
      let total = problem.routed.reduce(0) { $0 + $1.weight }
      let kept = zip(problem.routed, answer.choices).filter { !$1.isSkip }.map(\.0.weight)
      let dropped = zip(problem.routed, answer.choices).filter { $1.isSkip }.map(\.0.weight)
      #expect(Tolerance.permits(dropped.reduce(0, +), limit: problem.errorBudget * total + 1e-12))
      #expect((dropped.max() ?? 0) <= (kept.min() ?? .infinity))
      // Without its lightest it would keep too little.
      if let lightest = kept.min(), problem.errorBudget > 0 {
        #expect(dropped.reduce(0, +) + lightest > problem.errorBudget * total * (1 - 1e-9))
      }
    }
  }

  @Test func wdmoeDropsTheSlowLightExpertAndNeverTheHeaviest() {
    let problem = TokenProblem(
      routed: [
        RoutedExpert(expert: 0, weight: 0.5), RoutedExpert(expert: 1, weight: 0.3),
        RoutedExpert(expert: 2, weight: 0.2),
      ],
      distance: DistanceMatrix(experts: 3, replacing: [0, 1, 1, 1, 0, 1, 1, 1, 0], skipping: [1, 1, 1]),
      places: [
        ExpertPlace(experts: [1], computeTime: 1), ExpertPlace(experts: [0], airtime: 8, computeTime: 1),
        ExpertPlace(experts: [2], airtime: 9, computeTime: 1),
      ], errorBudget: 0.9)
    // Shares of weight over shares of latency (of 20): 0.5/0.45, 0.3/0.05, 0.2/0.5.
    #expect(ExpertPolicy(.wdmoe).decide(problem).choices.map(\.isSkip) == [false, false, true])
    var strict = problem
    strict.errorBudget = 100
    #expect(ExpertPolicy(.wdmoe).decide(strict).choices.map(\.isSkip) == [false, true, true])
  }

  @Test func randomSkipsRemoteExpertsAtItsRateAndRepeatsBySeed() {
    let problem = TokenProblem(
      routed: [RoutedExpert(expert: 0, weight: 0.5), RoutedExpert(expert: 1, weight: 0.5)],
      distance: DistanceMatrix(experts: 2, replacing: [0, 1, 1, 0], skipping: [1, 1]),
      places: [ExpertPlace(experts: [0]), ExpertPlace(experts: [1])], errorBudget: 0.3)
    func skips(_ seed: UInt64) -> [Bool] {
      let policy = ExpertPolicy(.random, seed: seed)
      return (0..<10_000).map { _ in
        let choices = policy.decide(problem).choices
        #expect(!choices[0].isSkip)
        return choices[1].isSkip
      }
    }
    let first = skips(1)
    #expect(first == skips(1) && first != skips(2))
    #expect(abs(Double(first.count { $0 }) / 10_000 - 0.3) < 0.02)
  }
}
