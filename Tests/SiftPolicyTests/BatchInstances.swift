// Seeded random batches: small ones with the enumeration of every decision, larger ones for comparisons with themselves.

import SiftPolicy
import SiftTestKit

/// A random batch of at most three tokens with two routed experts, small enough to enumerate.
func smallBatch(seed: UInt64) -> BatchProblem {
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
  if unit() < 0.3 { problem.errorLimits = (0..<tokens).map { _ in budget * 2.5 * unit() } }
  problem.latencyLimit = 1e-3 + 5e-3 * unit()
  return problem
}

/// The least energy of all decisions that keep the limits; nil when none does.
func exhaustiveOptimum(_ problem: BatchProblem) -> Double? {
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
        check.isWithinOwnLimits(problem),
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

/// A random batch of 5 to 10 tokens with three routed experts on two or three nodes.
func middleBatch(seed: UInt64) -> BatchProblem {
  var random = SeededGenerator(seed: seed)
  func unit() -> Double { Double.random(in: 0..<1, using: &random) }
  let (experts, tokens) = (Int.random(in: 6...9, using: &random), Int.random(in: 5...10, using: &random))
  let remote = Int.random(in: 2...3, using: &random)
  let distances = (0..<experts * experts).map { $0 / experts == $0 % experts ? 0 : unit() }
  let hasLoads = Int.random(in: 0..<4, using: &random) == 0
  let places = (0...remote).map { place in
    let (energy, time, bend) = (1e-3 * (0.3 + unit()), 1e-3 * (0.3 + unit()), [0, 0.08, -0.5][Int(3 * unit())])
    func table(_ one: Double) -> [Double] {
      (0...tokens).map { m in
        let count = Double(m)
        return bend < 0 ? (m == 0 ? 0 : one * (1 + 0.4 * count)) : one * count * (1 + bend * count)
      }
    }
    return BatchPlace(
      experts: (0..<experts).filter { _ in unit() < 0.5 }, radioEnergy: place == 0 ? [] : table(energy),
      airtime: place == 0 ? [] : table(time), computeEnergy: 1e-4 * unit(), computeTime: 1e-4 * unit(),
      loadEnergy: hasLoads ? 5e-4 * unit() : 0, loadTime: hasLoads ? 3e-4 * unit() : 0)
  }
  let routed = (0..<tokens).map { _ -> [RoutedExpert] in
    let weights = (0..<3).map { _ in 0.05 + unit() }
    let sum = weights.reduce(0, +)
    return zip((0..<experts).shuffled(using: &random), weights).map { RoutedExpert(expert: $0, weight: $1 / sum) }
  }
  var problem = BatchProblem(
    tokens: routed,
    distance: DistanceMatrix(
      experts: experts, replacing: distances, skipping: (0..<experts).map { _ in 0.4 + 0.8 * unit() }),
    places: places, wakeEnergy: unit() < 0.5 ? 1e-3 * unit() : 0, errorBudget: 0.05 + 0.25 * unit())
  if unit() < 0.5 { problem.errorMax = problem.errorBudget * (1.5 + unit()) }
  if unit() < 0.7 { problem.latencyLimit = 2e-3 + 1e-2 * unit() }
  return problem
}

/// A random batch of two tokens with two routed experts on seven or eight nodes, small enough to enumerate.
func wideBatch(seed: UInt64) -> BatchProblem {
  var random = SeededGenerator(seed: seed)
  func unit() -> Double { Double.random(in: 0..<1, using: &random) }
  let remote = Int.random(in: 7...8, using: &random)
  let places = (0...remote).map { place in
    let (energy, time) = (1e-3 * (0.3 + unit()), 1e-3 * (0.3 + unit()))
    return BatchPlace(
      experts: [place % 5], radioEnergy: place == 0 ? [] : [0, energy, 1.5 * energy],
      airtime: place == 0 ? [] : [0, time, 1.5 * time], computeEnergy: 3e-4 * unit(), computeTime: 1e-4 * unit())
  }
  let routed = (0..<2).map { _ in
    (0..<5).shuffled(using: &random).prefix(2).map { RoutedExpert(expert: $0, weight: 0.1 + unit()) }
  }
  return BatchProblem(
    tokens: routed,
    distance: DistanceMatrix(
      experts: 5, replacing: (0..<25).map { $0 / 5 == $0 % 5 ? 0 : unit() }, skipping: (0..<5).map { _ in 0.4 + unit() }
    ),
    places: places, wakeEnergy: 1e-3 * unit(), errorBudget: 0.3 * unit(), latencyLimit: 1e-3 + 3e-3 * unit())
}

extension BatchCheck {
  /// Whether every token keeps the limits that it has to itself.
  func isWithinOwnLimits(_ problem: BatchProblem) -> Bool {
    errors.indices.allSatisfy { Tolerance.permits(errors[$0], limit: problem.errorLimit($0)) }
  }

  /// Whether all limits are kept and every choice is allowed.
  func keepsAllLimits(_ problem: BatchProblem) -> Bool {
    isWellFormed && Tolerance.permits(errorMean, limit: problem.errorBudget) && isWithinOwnLimits(problem)
      && Tolerance.permits(latency, limit: problem.latencyLimit)
  }
}
