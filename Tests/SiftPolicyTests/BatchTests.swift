// Batches against the enumeration of every decision.

import SiftPolicy
import SiftTestKit
import Testing

@Suite struct `Batches` {
  /// Instances whose enumeration stays in reach, each with its optimum.
  static let enumerated: [(seed: UInt64, problem: BatchProblem, best: Double?)] = (UInt64(1)...400).compactMap { seed in
    let problem = smallBatch(seed: seed)
    let options = 1 + problem.places.reduce(0) { $0 + $1.experts.count }
    var count = 1
    for _ in 0..<problem.tokens.count { count *= options * options }
    return count <= 200_000 ? (seed, problem, exhaustiveOptimum(problem)) : nil
  }

  @Test(arguments: selectors) func `where sets of places are too many to list, bounds and feasibility still hold`(
    _ selector: BatchSelector
  ) {
    var solved = 0
    for seed in UInt64(1)...60 {
      let problem = wideBatch(seed: seed)
      let answer = selector.solve(problem)
      guard let best = exhaustiveOptimum(problem) else {
        #expect(!answer.feasible, "seed \(seed)")
        continue
      }
      solved += 1
      #expect(answer.feasible && answer.energy >= best * (1 - 1e-9), "seed \(seed)")
      #expect(answer.energy <= best * 1.5, "seed \(seed): \(answer.energy) J where \(best) would do")
      #expect(answer.lowerBound <= best * (1 + 1e-9), "seed \(seed)")
    }
    #expect(solved > 20)
  }

  /// Both efforts, and both with plans that are made rather than enumerated, as for tokens with many experts.
  static let selectors: [BatchSelector] = [BatchSelector.Effort.thorough, .step].flatMap { effort in
    var made = BatchSelector(effort: effort)
    made.enumerationMax = 0
    return [BatchSelector(effort: effort), made]
  }

  @Test func `thoroughly decided small batches cost the least there is, and that is proved`() {
    var (solved, missed) = (0, 0)
    for (seed, problem, best) in Self.enumerated {
      let answer = BatchSelector().solve(problem)
      guard let best else {
        missed += 1
        #expect(!answer.feasible, "seed \(seed)")
        continue
      }
      solved += 1
      #expect(answer.feasible, "seed \(seed): a solution of \(best) J exists")
      #expect(abs(answer.energy - best) <= best * 1e-9, "seed \(seed): \(answer.energy) J where \(best) would do")
      #expect(answer.gap <= 2e-9, "seed \(seed): bound \(answer.lowerBound) J of \(best)")
    }
    #expect(solved > 100 && missed > 20)
  }

  @Test(arguments: selectors) func `a bound never passes the optimum, and no solution is missed`(
    _ selector: BatchSelector
  ) {
    var costs = 0.0
    var solved = 0
    for (seed, problem, best) in Self.enumerated {
      let answer = selector.solve(problem)
      guard let best else {
        #expect(!answer.feasible, "seed \(seed)")
        continue
      }
      #expect(answer.lowerBound <= best * (1 + 1e-9), "seed \(seed)")
      #expect(answer.feasible, "seed \(seed): a solution of \(best) J exists")
      #expect(answer.energy >= best * (1 - 1e-9), "seed \(seed)")
      if best > 0 {
        costs += answer.energy / best
        solved += 1
      }
    }
    #expect(costs / Double(solved) < 1.05, "\(costs / Double(solved)) of the optimum")
  }

  @Test(arguments: selectors) func `figures are what the choices add up to, and limits are kept`(
    _ selector: BatchSelector
  ) {
    for problem in Self.enumerated.map(\.problem) + (1...60).map({ middleBatch(seed: $0) }) {
      let answer = selector.solve(problem)
      let check = BatchCheck(problem, choices: answer.choices)
      guard answer.feasible else { continue }
      #expect(check.keepsAllLimits(problem))
      #expect(abs(check.energy - answer.energy) <= 1e-12 * check.energy)
      #expect(abs(check.latency - answer.latency) <= 1e-12 * check.latency)
      #expect(abs(check.errorMean - answer.errorMean) <= 1e-12)
      #expect(abs(check.errorWorst - answer.errorWorst) <= 1e-12)
      #expect(answer.lowerBound <= answer.energy)
    }
  }

  @Test func `a step's decision is feasible where a thorough one is, and within its bound`() {
    for seed in UInt64(1)...120 {
      let problem = middleBatch(seed: seed)
      let (quick, thorough) = (BatchSelector(effort: .step).solve(problem), BatchSelector().solve(problem))
      #expect(quick.feasible == thorough.feasible, "seed \(seed)")
      guard quick.feasible, thorough.feasible else { continue }
      #expect(quick.lowerBound <= thorough.energy * (1 + 1e-9), "seed \(seed)")
      #expect(thorough.lowerBound <= quick.energy * (1 + 1e-9), "seed \(seed)")
      #expect(thorough.energy <= quick.energy * (1 + 1e-9), "seed \(seed)")
    }
  }

  @Test(arguments: selectors) func `plans that a lower bound rules out would not have been chosen`(
    _ selector: BatchSelector
  ) {
    var slow = selector
    slow.triesEveryPlan = true
    for seed in UInt64(1)...60 {
      let problem = middleBatch(seed: seed)
      let (answer, twin) = (selector.solve(problem), slow.solve(problem))
      #expect(answer.choices == twin.choices && answer.lowerBound == twin.lowerBound, "seed \(seed)")
    }
  }

  @Test func `the least error that is named is kept and cannot be halved`() {
    var named = 0
    for (seed, problem, best) in Self.enumerated.prefix(150) where best == nil {
      guard let least = BatchSelector().leastError(problem) else { continue }
      named += 1
      var relaxed = problem
      relaxed.errorBudget = least * (1 + 1e-9)
      #expect(exhaustiveOptimum(relaxed) != nil, "seed \(seed)")
      relaxed.errorBudget = least * (1 - 1e-6)
      #expect(least == 0 || exhaustiveOptimum(relaxed) == nil, "seed \(seed)")
    }
    #expect(named > 3)
  }

  @Test func `an empty batch and tokens without experts cost nothing`() {
    var problem = smallBatch(seed: 3)
    for tokens in [[], [[], []]] as [[[RoutedExpert]]] {
      problem.tokens = tokens
      problem.errorLimits = nil
      for place in problem.places.indices.dropFirst() {
        problem.places[place].radioEnergy = Array(repeating: 0, count: tokens.count + 1)
        problem.places[place].airtime = Array(repeating: 0, count: tokens.count + 1)
      }
      for selector in Self.selectors {
        let answer = selector.solve(problem)
        #expect(answer.feasible && answer.energy == 0 && answer.lowerBound == 0)
        #expect(answer.choices.count == tokens.count)
      }
    }
  }

  @Test func `what is not well formed is answered like a problem without a solution`() {
    let good = middleBatch(seed: 1)
    var short = good
    short.places[1].radioEnergy.removeLast()
    var unknown = good
    unknown.tokens[0][0].expert = good.distance.experts
    var strange = good
    strange.places[1].experts.append(-1)
    var rows = good
    rows.errorLimits = [1]
    var nowhere = good
    nowhere.places = []
    #expect(good.isWellFormed && BatchSelector().solve(good).choices.count == good.tokens.count)
    for problem in [short, unknown, strange, rows, nowhere] {
      let answer = BatchSelector().solve(problem)
      #expect(!problem.isWellFormed && !answer.feasible && answer.violates == [.error, .latency])
      #expect(answer.choices.map(\.count) == problem.tokens.map(\.count))
    }
  }
}
