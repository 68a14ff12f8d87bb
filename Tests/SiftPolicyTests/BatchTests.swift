// Batches against the enumeration of every decision, and against themselves.

import SiftPolicy
import SiftTestKit
import Testing

/// A random batch of at most three tokens with two routed experts, small enough to enumerate.
private func smallBatch(seed: UInt64) -> BatchProblem {
  var random = SeededGenerator(seed: seed)
  func unit() -> Double { Double.random(in: 0..<1, using: &random) }
  let experts = Int.random(in: 3...5, using: &random)
  let tokens = Int.random(in: 1...3, using: &random)
  let remote = Int.random(in: 1...2, using: &random)
  let distances = (0..<experts * experts).map { $0 / experts == $0 % experts ? 0 : unit() }
  let hasLoads = Int.random(in: 0..<3, using: &random) == 0
  let places = (0...remote).map { place in
    let energy = 2e-4 + 1e-3 * unit()
    let time = 2e-4 + 1e-3 * unit()
    // A dear first token and cheap others, or a convex table.
    let isConcave = Bool.random(using: &random)
    func table(_ one: Double) -> [Double] {
      (0...tokens).map { m -> Double in
        let count = Double(m)
        if m == 0 { return 0 }
        return isConcave ? one * (1 + 0.4 * (count - 1)) : one * count * (1 + 0.1 * count)
      }
    }
    let hosted = (0..<experts).filter { _ in unit() < 0.6 }
    let compute = (energy: 2e-4 * unit(), time: 2e-4 * unit())
    let load = (energy: hasLoads ? 3e-4 * unit() : 0, time: hasLoads ? 3e-4 * unit() : 0)
    return BatchPlace(
      experts: hosted, radioEnergy: place == 0 ? [] : table(energy), airtime: place == 0 ? [] : table(time),
      computeEnergy: compute.energy, computeTime: compute.time, loadEnergy: load.energy, loadTime: load.time)
  }
  let budget = 0.5 * unit()
  let routed = (0..<tokens).map { _ -> [RoutedExpert] in
    let chosen = (0..<experts).shuffled(using: &random).prefix(2)
    return chosen.map { RoutedExpert(expert: $0, weight: Double.random(in: 0.1..<1, using: &random)) }
  }
  let skips = (0..<experts).map { _ in Double.random(in: 0.4..<1.4, using: &random) }
  var problem = BatchProblem(
    tokens: routed, distance: DistanceMatrix(experts: experts, replacing: distances, skipping: skips), places: places,
    errorBudget: budget)
  problem.allowSkip = unit() < 0.8
  problem.allowReplace = unit() < 0.8
  if unit() < 0.5 { problem.wakeEnergy = 1e-3 * unit() }
  if unit() < 0.5 { problem.wakeTime = 1e-3 * unit() }
  if unit() < 0.5 { problem.errorMax = budget * (1 + unit()) }
  problem.latencyLimit = 1e-3 + 5e-3 * unit()
  return problem
}

/// The least energy of all decisions that keep the limits; nil when none does.
private func exhaustiveOptimum(_ problem: BatchProblem) -> Double? {
  let options: [[[TokenChoice]]] = problem.tokens.map { routed in
    var all: [[TokenChoice]] = [[]]
    for own in routed {
      var targets: [TokenChoice] = problem.allowSkip ? [.skip] : []
      for (place, hosting) in problem.places.enumerated() {
        for target in hosting.experts where problem.allowReplace || target == own.expert {
          targets.append(TokenChoice(target: target, place: place))
        }
      }
      all = all.flatMap { head in targets.map { head + [$0] } }
    }
    return all
  }
  var best: Double?
  func choose(_ token: Int, _ chosen: [[TokenChoice]]) {
    guard token < options.count else {
      let check = BatchCheck(problem, choices: chosen)
      if Tolerance.permits(check.errorMean, limit: problem.errorBudget),
        Tolerance.permits(check.errorWorst, limit: problem.errorMax),
        Tolerance.permits(check.latency, limit: problem.latencyLimit)
      {
        best = min(best ?? .infinity, check.energy)
      }
      return
    }
    for own in options[token] { choose(token + 1, chosen + [own]) }
  }
  choose(0, [])
  return best
}

@Suite struct `Batches` {
  /// Instances whose enumeration stays in reach.
  private static let seeds = (1...400).filter { seed in
    let problem = smallBatch(seed: UInt64(seed))
    let options = 1 + problem.places.reduce(0) { $0 + $1.experts.count }
    var count = 1
    for _ in 0..<problem.tokens.count { count *= options * options }
    return count <= 200_000
  }

  @Test func `a bound never passes the optimum, and no solution is missed`() {
    var (solved, optimal) = (0, 0)
    for seed in Self.seeds {
      let problem = smallBatch(seed: UInt64(seed))
      let answer = BatchSelector().solve(problem)
      guard let best = exhaustiveOptimum(problem) else {
        #expect(!answer.feasible, "seed \(seed)")
        continue
      }
      solved += 1
      #expect(answer.feasible, "seed \(seed): a solution of \(best) J exists")
      #expect(answer.lowerBound <= best * (1 + 1e-9), "seed \(seed)")
      #expect(answer.energy >= best * (1 - 1e-9), "seed \(seed)")
      #expect(answer.energy <= best * 1.05 + 1e-12, "seed \(seed): \(answer.energy) J where \(best) would do")
      if answer.energy <= best * (1 + 1e-9) { optimal += 1 }
    }
    #expect(solved > 100)
    #expect(Double(optimal) >= 0.95 * Double(solved), "\(optimal) of \(solved)")
  }

  @Test func `figures are what the choices add up to`() {
    for seed in Self.seeds {
      let problem = smallBatch(seed: UInt64(seed))
      let answer = BatchSelector().solve(problem)
      guard answer.feasible else { continue }
      let check = BatchCheck(problem, choices: answer.choices)
      #expect(check.isWellFormed, "seed \(seed)")
      #expect(abs(check.energy - answer.energy) <= 1e-12 * check.energy + 1e-18, "seed \(seed)")
      #expect(abs(check.latency - answer.latency) <= 1e-12 * check.latency, "seed \(seed)")
      #expect(abs(check.errorMean - answer.errorMean) <= 1e-12, "seed \(seed)")
    }
  }

  @Test func `the same problem has the same answer`() {
    for seed in Self.seeds.prefix(40) {
      let problem = smallBatch(seed: UInt64(seed))
      #expect(BatchSelector().solve(problem) == BatchSelector().solve(problem))
    }
  }
}
