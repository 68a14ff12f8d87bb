// What must hold for batches whatever the figures.

import SiftPolicy
import SiftTestKit
import Testing

@Suite struct BatchPropertyTests {
  private static let efforts: [BatchSelector.Effort] = [.step, .thorough]

  private static func isSame(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * max(abs(a), abs(b)) }

  @Test func `more budget never costs more`() {
    var (compared, falls) = (0, 0)
    for (seed, problem, _) in Batches.enumerated.prefix(150) {
      compareBudgets(problem, "small \(seed)", &compared, &falls)
    }
    for seed in UInt64(1)...40 { compareBudgets(middleBatch(seed: seed), "middle \(seed)", &compared, &falls) }
    #expect(compared > 300 && falls > 100)
  }

  /// Thorough answers fall with the budget, and no bound passes the answer to a smaller one.
  private func compareBudgets(_ base: BatchProblem, _ name: String, _ compared: inout Int, _ falls: inout Int) {
    var problem = base
    var before: BatchAnswer?
    for factor in [0.4, 0.7, 1, 1.4, 2] {
      problem.errorBudget = base.errorBudget * factor
      let answer = BatchSelector().solve(problem)
      let quick = BatchSelector(effort: .step).solve(problem)
      if let before, before.feasible {
        #expect(answer.feasible && answer.energy <= before.energy * (1 + 1e-9), "\(name), \(factor)")
        #expect(quick.lowerBound <= before.energy * (1 + 1e-9), "\(name), \(factor)")
        compared += 1
        if answer.energy < before.energy { falls += 1 }
      }
      before = answer
    }
  }

  @Test(arguments: efforts) func `scaling all energies scales answer and bound`(_ effort: BatchSelector.Effort) {
    for seed in UInt64(1)...80 {
      for factor in [8.0, 1000, 3e-5] {
        let problem = middleBatch(seed: seed)
        var scaled = problem
        scaled.wakeEnergy *= factor
        for at in scaled.places.indices {
          scaled.places[at].radioEnergy = scaled.places[at].radioEnergy.map { $0 * factor }
          scaled.places[at].computeEnergy *= factor
          scaled.places[at].loadEnergy *= factor
        }
        let (answer, other) = (
          BatchSelector(effort: effort).solve(problem), BatchSelector(effort: effort).solve(scaled)
        )
        #expect(answer.feasible == other.feasible)
        guard answer.feasible else { continue }
        #expect(Self.isSame(answer.energy * factor, other.energy), "seed \(seed), \(factor)")
        #expect(Self.isSame(answer.lowerBound * factor, other.lowerBound), "seed \(seed), \(factor)")
      }
    }
  }

  @Test(arguments: efforts) func `scaling all times with their limit changes no energy`(_ effort: BatchSelector.Effort)
  {
    for seed in UInt64(1)...80 {
      for factor in [0.25, 700] {
        let problem = middleBatch(seed: seed)
        var scaled = problem
        scaled.wakeTime *= factor
        scaled.latencyLimit *= factor
        for at in scaled.places.indices {
          scaled.places[at].airtime = scaled.places[at].airtime.map { $0 * factor }
          scaled.places[at].computeTime *= factor
          scaled.places[at].loadTime *= factor
        }
        let (answer, other) = (
          BatchSelector(effort: effort).solve(problem), BatchSelector(effort: effort).solve(scaled)
        )
        #expect(answer.feasible == other.feasible)
        guard answer.feasible else { continue }
        #expect(Self.isSame(answer.energy, other.energy), "seed \(seed), \(factor)")
        #expect(Self.isSame(answer.lowerBound, other.lowerBound), "seed \(seed), \(factor)")
        #expect(Self.isSame(answer.latency * factor, other.latency), "seed \(seed), \(factor)")
      }
    }
  }

  @Test(arguments: efforts) func `permuting nodes permutes the answer`(_ effort: BatchSelector.Effort) {
    var random = SeededGenerator(seed: 41)
    for seed in UInt64(1)...100 {
      let problem = middleBatch(seed: seed)
      let order = [0] + (1..<problem.places.count).shuffled(using: &random)
      var permuted = problem
      permuted.places = order.map {
        var place = problem.places[$0]
        place.experts.shuffle(using: &random)
        return place
      }
      let (answer, other) = (
        BatchSelector(effort: effort).solve(problem), BatchSelector(effort: effort).solve(permuted)
      )
      #expect(answer.energy == other.energy && answer.lowerBound == other.lowerBound, "seed \(seed)")
      let back = other.choices.map {
        $0.map { $0.isSkip ? $0 : TokenChoice(target: $0.target, place: order[$0.place]) }
      }
      #expect(answer.choices == back, "seed \(seed)")
    }
  }

  @Test(arguments: efforts) func `identical experts on a dearer node are never chosen`(_ effort: BatchSelector.Effort) {
    var chosen = 0
    for seed in UInt64(1)...150 {
      var problem = middleBatch(seed: seed)
      problem.latencyLimit = .infinity
      let width = problem.tokens.count + 1
      let cheap = problem.places.count - 1
      // A dear exchange and cheap tokens: going to both never pays.
      problem.places[cheap].radioEnergy = (0..<width).map { $0 == 0 ? 0 : 1e-4 * (2 + Double($0)) }
      var dearer = problem.places[cheap]
      dearer.radioEnergy = dearer.radioEnergy.map { $0 * 1.01 }
      problem.places.insert(dearer, at: 1)
      let answer = BatchSelector(effort: effort).solve(problem)
      #expect(answer.choices.joined().allSatisfy { $0.isSkip || $0.place != 1 }, "seed \(seed)")
      if answer.choices.joined().contains(where: { $0.place == cheap + 1 }) { chosen += 1 }
    }
    #expect(chosen > 40)
  }

  @Test(arguments: efforts) func `an answer does not depend on what the workspace decided before`(
    _ effort: BatchSelector.Effort
  ) {
    let selector = BatchSelector(effort: effort)
    let workspace = BatchWorkspace()
    var answer = BatchAnswer()
    let seeds = (UInt64(1)...60).map { $0 }
    for seed in seeds + seeds.reversed() {
      for problem in [middleBatch(seed: seed), smallBatch(seed: seed)] {
        selector.solve(problem, into: &answer, using: workspace)
        #expect(answer == selector.solve(problem), "seed \(seed)")
      }
    }
  }

  @Test(arguments: efforts) func `a limit of every row is a limit of each token`(_ effort: BatchSelector.Effort) {
    let selector = BatchSelector(effort: effort)
    var differ = 0
    for seed in UInt64(1)...100 {
      var problem = middleBatch(seed: seed)
      let limit = problem.errorBudget * 1.3
      problem.errorMax = limit
      let all = selector.solve(problem)
      problem.errorMax = .infinity
      problem.errorLimits = problem.tokens.map { _ in limit }
      #expect(selector.solve(problem) == all, "seed \(seed)")
      // One strict row among free ones.
      problem.errorLimits = problem.tokens.indices.map { $0 == 2 ? limit / 4 : .infinity }
      let strict = selector.solve(problem)
      guard strict.feasible else { continue }
      #expect(BatchCheck(problem, choices: strict.choices).keepsAllLimits(problem), "seed \(seed)")
      problem.errorLimits = nil
      let free = selector.solve(problem)
      if effort == .thorough { #expect(free.energy <= strict.energy * (1 + 1e-9), "seed \(seed)") }
      if BatchCheck(problem, choices: free.choices).errors[2] > limit / 4 { differ += 1 }
    }
    #expect(differ > 20)
  }
}
