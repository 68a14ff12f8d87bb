// What must hold of every exact answer, whatever the twin says.

import SiftPolicy
import SiftTestKit
import Testing

@Suite struct TokenPropertyTests {
  static let count = 1_500

  /// Larger than the exhaustive twin could take.
  static func problem(_ random: inout SeededGenerator) -> TokenProblem {
    .random(using: &random, routedMax: 8, placesMax: 4, style: .real, assignmentsMax: 1 << 36)
  }

  @Test func moreBudgetNeverCostsMore() {
    var random = SeededGenerator(seed: 11)
    let selector = TokenSelector()
    for _ in 0..<Self.count {
      var problem = Self.problem(&random)
      var energy = Double.infinity
      for step in 0..<6 {
        problem.errorBudget = Double(step * step) * 0.2
        let answer = selector.solve(problem)
        guard answer.feasible else {
          #expect(energy == .infinity, "feasible with less budget, not with more")
          continue
        }
        #expect(!Tolerance.isBelow(energy, answer.energy))
        energy = answer.energy
      }
    }
  }

  @Test func scalingAllEnergiesScalesTheAnswer() {
    var random = SeededGenerator(seed: 12)
    let selector = TokenSelector()
    for _ in 0..<Self.count {
      let problem = Self.problem(&random)
      var scaled = problem
      // A power of two, so that nothing rounds and the very same choices must come out.
      scaled.wakeEnergy *= 1024
      for place in scaled.places.indices {
        scaled.places[place].radioEnergy *= 1024
        scaled.places[place].computeEnergy *= 1024
      }
      let (answer, other) = (selector.solve(problem), selector.solve(scaled))
      #expect(other.choices == answer.choices)
      #expect(other.energy == answer.energy * 1024 && other.error == answer.error)
    }
  }

  @Test func permutingPlacesPermutesTheAnswer() {
    var random = SeededGenerator(seed: 13)
    let selector = TokenSelector()
    for _ in 0..<Self.count {
      let problem = Self.problem(&random)
      var permuted = problem
      permuted.places.replaceSubrange(1..., with: problem.places[1...].shuffled(using: &random))
      let (answer, other) = (selector.solve(problem), selector.solve(permuted))
      #expect(answer.feasible == other.feasible)
      #expect(TokenSelectorTests.isSame(answer.leastError, other.leastError))
      guard answer.feasible || answer.leastError != nil else { continue }
      #expect(TokenSelectorTests.isSame(answer.energy, other.energy))
      #expect(TokenSelectorTests.isSame(answer.error, other.error))
    }
  }

  @Test func withoutErrorBudgetAndWithTimeTheAnswerIsTopK() {
    var random = SeededGenerator(seed: 14)
    let selector = TokenSelector()
    for _ in 0..<Self.count {
      var problem = Self.problem(&random)
      let experts = problem.distance.experts
      let apart = (0..<experts * experts).map {
        $0 / experts == $0 % experts ? 0.0 : .random(in: 0.1...2, using: &random)
      }
      problem.distance = DistanceMatrix(
        experts: experts, replacing: apart, skipping: (0..<experts).map { _ in .random(in: 0.1...2, using: &random) })
      for rank in problem.routed.indices { problem.routed[rank].weight += 0.01 }
      for place in problem.places.indices { problem.places[place].isReachable = true }
      problem.places[0].experts = Array(0..<experts / 2)
      problem.places.append(ExpertPlace(experts: Array(experts / 2..<experts), radioEnergy: 3, airtime: 1))
      problem.errorBudget = 0
      problem.latencyLimit = .infinity
      let answer = selector.solve(problem)
      #expect(answer.feasible && answer.error == 0)
      #expect(answer.choices.map(\.target) == problem.routed.map(\.expert))
    }
  }

  @Test func identicalExpertsOnADearerPlaceAreNeverChosen() {
    var random = SeededGenerator(seed: 15)
    let selector = TokenSelector()
    for _ in 0..<Self.count {
      var problem = Self.problem(&random)
      problem.latencyLimit = .infinity
      guard var dearer = problem.places.last, problem.places.count > 1 else { continue }
      dearer.radioEnergy += 0.5
      problem.places.append(dearer)
      let answer = selector.solve(problem)
      #expect(answer.feasible == false || answer.choices.allSatisfy { $0.place < problem.places.count - 1 })
    }
  }

  @Test func anUnreachablePlaceIsNeverChosen() {
    var random = SeededGenerator(seed: 16)
    let selector = TokenSelector()
    var lost = 0
    for _ in 0..<Self.count {
      let problem = Self.problem(&random)
      let answer = selector.solve(problem)
      for choice in answer.choices where !choice.isSkip { #expect(problem.places[choice.place].isReachable) }
      if problem.places.contains(where: { !$0.isReachable }) { lost += 1 }
    }
    #expect(lost > 100)
  }

  @Test func twoEqualPlacesAreBothUsedWhereOneWouldBeTooSlow() {
    let place = ExpertPlace(experts: [0, 1], radioEnergy: 1, airtime: 0.1, computeTime: 1)
    var problem = TokenProblem(
      routed: [RoutedExpert(expert: 0, weight: 0.6), RoutedExpert(expert: 1, weight: 0.4)],
      distance: DistanceMatrix(experts: 2, replacing: [0, 1, 1, 0], skipping: [1, 1]),
      places: [ExpertPlace(experts: []), place, place], errorBudget: 0, latencyLimit: 1.5)
    #expect(Set(TokenSelector().solve(problem).choices.map(\.place)) == [1, 2])
    problem.latencyLimit = 2.5
    #expect(TokenSelector().solve(problem).choices.map(\.place) == [1, 1])
  }
}
