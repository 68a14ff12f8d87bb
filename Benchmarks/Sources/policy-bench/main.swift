// What a decision costs: time and heap allocations of `TokenSelector` over problems as a gateway meets them.
//
// Every shape is drawn from a seed: experts spread over the places, a third of them held twice, distances around 1 as
// measured on trained models, router weights from a softmax, radio costs of 0.5 to 4 mJ against computing of 10 µJ.
// The budgets go from "almost Top-K" to "almost everything may be skipped". What was decided is told as one number too,
// so that a change that should only be faster can be seen to decide the same.
//
// usage: policy-bench [token|fading|forecast|batch ...]   (default: all)

import BenchSupport
import CCountedMalloc
import SiftCore
import SiftPolicy

#if canImport(Glibc)
  import Glibc
#endif

/// What was decided, as one number (FNV-1a over the choices).
struct Decisions {
  private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ choices: [TokenChoice]) {
    for choice in choices {
      for number in [choice.target, choice.place] {
        digest = (digest ^ UInt64(truncatingIfNeeded: number)) &* 0x100_0000_01b3
      }
    }
  }

  var text: String { "decisions " + String(digest, radix: 16) }
}

struct Shape {
  var routed: Int
  var experts: Int
  var nodes: Int
}

func problem(_ shape: Shape, budget: Double, _ random: inout SplitMix) -> TokenProblem {
  let e = shape.experts
  var replacing = (0..<e * e).map { _ in Double.random(in: 0.6...1.5, using: &random) }
  for i in 0..<e { replacing[i * e + i] = 0 }
  let skipping = (0..<e).map { _ in Double.random(in: 0.7...1.2, using: &random) }
  var hosted = Array(repeating: [Int](), count: shape.nodes + 1)
  for expert in 0..<e {
    hosted[expert % (shape.nodes + 1)].append(expert)
    if expert % 3 == 0 { hosted[(expert + 1) % (shape.nodes + 1)].append(expert) }
  }
  let raw = (0..<shape.routed).map { _ in exp(Double.random(in: -1.5...1.5, using: &random)) }
  let sum = raw.reduce(0, +)
  let ids = Array(0..<e).shuffled(using: &random).prefix(shape.routed)
  let routed = zip(ids, raw.sorted(by: >)).map { RoutedExpert(expert: $0, weight: $1 / sum) }
  let places = hosted.enumerated().map { index, experts in
    ExpertPlace(
      experts: experts, radioEnergy: index == 0 ? 0 : .random(in: 5e-4...4e-3, using: &random),
      airtime: index == 0 ? 0 : .random(in: 5e-4...3e-3, using: &random),
      computeEnergy: 1e-5, computeTime: 1e-4)
  }
  return TokenProblem(
    routed: routed, distance: DistanceMatrix(experts: e, replacing: replacing, skipping: skipping), places: places,
    wakeEnergy: 1e-3, wakeTime: 3e-3, errorBudget: budget, latencyLimit: 0.05)
}

func nanoseconds() -> UInt64 {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

func measure(_ shape: Shape, budget: Double) {
  var random = SplitMix(seed: 7)
  let problems = (0..<400).map { _ in problem(shape, budget: budget, &random) }
  let selector = TokenSelector(routed: shape.routed, places: shape.nodes + 1, columns: 2 * shape.experts)
  var answer = TokenAnswer(capacity: shape.routed)
  var times: [UInt64] = []
  var steps: [Int] = []
  var decisions = Decisions()
  times.reserveCapacity(6 * problems.count)
  steps.reserveCapacity(problems.count)
  var allocations: UInt64 = 0
  for round in 0..<6 {
    let before = counted_allocations()
    defer { if round > 0 { allocations += counted_allocations() - before } }
    for problem in problems {
      let start = nanoseconds()
      selector.solve(problem, into: &answer)
      let end = nanoseconds()
      if round > 0 { times.append(end - start) }
      if round == 0 {
        steps.append(selector.steps)
        decisions.add(answer.choices)
      }
      precondition(answer.optimal)
    }
  }
  times.sort()
  steps.sort()
  func microseconds(_ share: Double) -> Double { Double(times[Int(share * Double(times.count - 1))]) / 1000 }
  let name = "\(shape.routed) of \(shape.experts) on \(shape.nodes)"
  print(
    "\(name)\tbudget \(budget)\tmedian \(microseconds(0.5)) µs\tp99 \(microseconds(0.99)) µs"
      + "\tworst \(microseconds(1)) µs\tsteps median \(steps[steps.count / 2]) worst \(steps[steps.count - 1])"
      + "\tallocations \(allocations) in \(times.count) decisions\t\(decisions.text)")
}

let parts = Arguments().words
for part in parts where !["token", "fading", "forecast", "batch"].contains(part) { fail("no part \(part)") }
func isWanted(_ part: String) -> Bool { parts.isEmpty || parts.contains(part) }

let shapes = [Shape(routed: 4, experts: 16, nodes: 4), Shape(routed: 8, experts: 128, nodes: 8)]
if isWanted("token") {
  for shape in shapes {
    for budget in [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7] { measure(shape, budget: budget) }
  }
}
if isWanted("fading") {
  for shape in shapes {
    for budget in [0.05, 0.1, 0.2, 0.3] { measureFading(shape, budget: budget) }
  }
}
if isWanted("forecast") {
  for riceFactor in [0.0, 3] { measureForecast(riceFactor: riceFactor) }
}
if isWanted("batch") {
  for tokens in [4, 16, 64] {
    for budget in [0.05, 0.1, 0.2, 0.3, 0.5] {
      measureBatch(Shape(routed: 8, experts: 128, nodes: 4), tokens: tokens, budget: budget)
    }
  }
}
