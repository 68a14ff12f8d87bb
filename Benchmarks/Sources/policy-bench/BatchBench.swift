// What deciding a batch costs: time and heap allocations of `BatchSelector`, and how far from its bound the answer is.

import CCountedMalloc
import SiftCore
import SiftPolicy

#if canImport(Glibc)
  import Glibc
#endif

/// `tokens` tokens of the problems of `problem(_:budget:_:)`: a node's first token costs an exchange, the others a third of
/// it; the mean error is limited to `budget`, a token's to three times that.
func batchProblem(_ shape: Shape, tokens: Int, budget: Double, _ random: inout SplitMix) -> BatchProblem {
  let first = problem(shape, budget: budget, &random)
  let routed = (0..<tokens).map { _ -> [RoutedExpert] in
    let ids = Array(0..<shape.experts).shuffled(using: &random).prefix(shape.routed)
    let raw = ids.map { _ in exp(Double.random(in: -1.5...1.5, using: &random)) }
    let sum = raw.reduce(0, +)
    return zip(ids, raw.sorted(by: >)).map { RoutedExpert(expert: $0, weight: $1 / sum) }
  }
  let places = first.places.enumerated().map { at, place in
    func table(_ one: Double) -> [Double] {
      at == 0 ? [] : (0...tokens).map { $0 == 0 ? 0 : one * (2 + Double($0)) / 3 }
    }
    return BatchPlace(
      experts: place.experts, radioEnergy: table(place.radioEnergy), airtime: table(place.airtime),
      computeEnergy: place.computeEnergy, computeTime: place.computeTime)
  }
  return BatchProblem(
    tokens: routed, distance: first.distance, places: places, wakeEnergy: first.wakeEnergy, wakeTime: first.wakeTime,
    errorBudget: budget, errorMax: 3 * budget, latencyLimit: 0.15)
}

func measureBatch(_ shape: Shape, tokens: Int, budget: Double) {
  var random = SplitMix(seed: 23)
  let problems = (0..<20).map { _ in batchProblem(shape, tokens: tokens, budget: budget, &random) }
  let selector = BatchSelector(effort: .step)
  let workspace = BatchWorkspace()
  var answer = BatchAnswer()
  var times: [UInt64] = []
  times.reserveCapacity(5 * problems.count)
  var gaps: [Double] = []
  gaps.reserveCapacity(problems.count)
  var decisions = Decisions()
  var allocations: UInt64 = 0
  for round in 0..<6 {
    let before = counted_allocations()
    for problem in problems {
      let start = nanoseconds()
      selector.solve(problem, into: &answer, using: workspace)
      let end = nanoseconds()
      if round > 0 { times.append(end - start) }
      if round == 0 {
        if answer.feasible { gaps.append(answer.gap) }
        for choices in answer.choices { decisions.add(choices) }
      }
    }
    if round > 0 { allocations += counted_allocations() - before }
  }
  times.sort()
  gaps.sort()
  func milliseconds(_ share: Double) -> Double { Double(times[Int(share * Double(times.count - 1))]) / 1e6 }
  let gap = gaps.isEmpty ? Double.nan : gaps[gaps.count / 2]
  print(
    "batch, \(tokens) tokens × \(shape.routed) of \(shape.experts) on \(shape.nodes)\tbudget \(budget)"
      + "\tmedian \(milliseconds(0.5)) ms\tp99 \(milliseconds(0.99)) ms\tworst \(milliseconds(1)) ms"
      + "\tgap to the bound: median \(100 * gap) %, worst \(100 * (gaps.last ?? .nan)) %"
      + "\tfeasible \(gaps.count) of \(problems.count)\tallocations \(allocations) in \(times.count) decisions\t\(decisions.text)"
  )
}
