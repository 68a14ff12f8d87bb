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
        #expect(!answer.feasible || name != .siftmoe)
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
}
