// What a decision over fading channels costs: time and heap allocations of `FadingSelector`, and of the forecasts of a step.

import CCountedMalloc
import SiftCore
import SiftPolicy

#if canImport(Glibc)
  import Glibc
#endif

/// The problems of `problem(_:budget:_:)` with outages of up to 20 %, three airtimes for every visit, and λ half a
/// visit for an error of `budget`, about where a queue settles.
func fadingProblem(_ shape: Shape, budget: Double, _ random: inout SplitMix) -> FadingProblem {
  var token = problem(shape, budget: 10 * budget, &random)
  var visit = token.wakeEnergy
  let laws = token.places.indices.map { place in
    if place == 0 { return VisitLaw.certain }
    visit += token.places[place].radioEnergy / Double(shape.nodes)
    let outage = Double.random(in: 0...0.2, using: &random)
    let airtime = token.places[place].airtime
    return VisitLaw(
      outage: outage,
      steps: [0.5, 1, 2].map { AirtimeStep(airtime: airtime * $0, probability: (1 - outage) / 3) })
  }
  token.latencyLimit = 0.05
  return FadingProblem(token: token, laws: laws, price: 0.5 * visit / budget, lateness: 0.25)
}

func measureFading(_ shape: Shape, budget: Double) {
  var random = SplitMix(seed: 11)
  let problems = (0..<400).map { _ in fadingProblem(shape, budget: budget, &random) }
  let selector = FadingSelector(routed: shape.routed, places: shape.nodes + 1, columns: 2 * shape.experts)
  var answer = FadingAnswer(capacity: shape.routed)
  var times: [UInt64] = []
  times.reserveCapacity(5 * problems.count)
  var remote = 0
  var decisions = Decisions()
  var allocations: UInt64 = 0
  for round in 0..<6 {
    let before = counted_allocations()
    for problem in problems {
      let start = nanoseconds()
      selector.solve(problem, into: &answer)
      let end = nanoseconds()
      precondition(answer.optimal)
      if round == 0 {
        decisions.add(answer.choices)
        remote += answer.choices.contains { $0.place > 0 } ? 1 : 0
      } else {
        times.append(end - start)
      }
    }
    if round > 0 { allocations += counted_allocations() - before }
  }
  times.sort()
  func microseconds(_ share: Double) -> Double { Double(times[Int(share * Double(times.count - 1))]) / 1000 }
  print(
    "fading, \(shape.routed) of \(shape.experts) on \(shape.nodes)\tbudget \(budget)\tmedian \(microseconds(0.5)) µs"
      + "\tp99 \(microseconds(0.99)) µs\tworst \(microseconds(1)) µs\t\(100 * remote / problems.count) % go somewhere"
      + "\tallocations \(allocations) in \(times.count) decisions\t\(decisions.text)")
}

/// One forecast of a visit from an aged sample, as the daemon makes it for every node and step.
func measureForecast(riceFactor: Double) {
  let rates = [2.0, 5, 9, 16, 40, 100, 126, 158].enumerated().map {
    RateTable.Entry(minimumSNR: $1, goodput: 4e6 * Double($0 + 1))
  }
  guard let table = RateTable(rates), let channel = FadingChannel(meanSNR: 60, riceFactor: riceFactor, doppler: 5)
  else { return }
  let price = VisitForecast.Price(power: 2.5, perVisit: 2e-4, overhead: 3e-4, outage: 0.02)
  var steps: [AirtimeStep] = []
  steps.reserveCapacity(rates.count)
  var sum = 0.0
  let count = 2_000
  let before = counted_allocations()
  let start = nanoseconds()
  for at in 0..<count {
    let gain = GainForecast(
      of: channel, sampledGain: 0.01 * Double(at % 300), age: 0.001 * Double(at % 40), phases: 8)
    sum +=
      VisitForecast(
        gain: gain, meanSNR: 60, table: table, bits: 64_000, price: price, limit: 0.03, steps: &steps
      ).energy
  }
  let time = Double(nanoseconds() - start) / Double(count) / 1000
  let allocations = counted_allocations() - before
  precondition(sum > 0)
  print(
    "forecast of a visit, K = \(riceFactor), \(rates.count) rates\tmean \(time) µs"
      + "\tallocations \(allocations) in \(count) forecasts")
}
