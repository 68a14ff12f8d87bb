// The exact selector against its exhaustive twin and the independent check.

import SiftPolicy
import SiftTestKit
import Testing

@Suite struct TokenSelectorTests {
  /// What one run over instances saw, so that a generator that only draws easy ones is noticed.
  struct Seen {
    var feasible = 0
    var infeasible = 0
    var hopeless = 0
    var remote = 0
    var replaced = 0
    var skipped = 0
  }

  /// Compares selector, twin and check on `count` instances.
  static func compare(
    count: Int, seed: UInt64, routedMax: Int, placesMax: Int, assignmentsMax: Int
  ) -> Seen {
    var random = SeededGenerator(seed: seed)
    let selector = TokenSelector(routed: 1, places: 1, columns: 1)
    var seen = Seen()
    var answer = TokenAnswer()
    for instance in 0..<count {
      let problem = TokenProblem.random(
        using: &random, routedMax: routedMax, placesMax: placesMax, style: instance % 2 == 0 ? .real : .whole,
        assignmentsMax: assignmentsMax)
      selector.solve(problem, into: &answer)
      let twin = ExhaustiveSelector().solve(problem)
      let check = FeasibilityCheck(problem, answer.choices)
      expectSame(answer, twin, check, instance)
      seen.count(problem, answer)
    }
    return seen
  }

  static func expectSame(_ answer: TokenAnswer, _ twin: TokenAnswer, _ check: FeasibilityCheck, _ instance: Int) {
    let comment: Comment = "instance \(instance): \(answer) against \(twin), added up \(check)"
    #expect(answer.optimal && answer.feasible == twin.feasible, comment)
    #expect(isSame(answer.leastError, twin.leastError), comment)
    guard answer.feasible || answer.leastError != nil else { return }
    #expect(isSame(answer.energy, twin.energy) && isSame(answer.error, twin.error), comment)
    #expect(check.fault == nil && check.isFeasible == answer.feasible, comment)
    #expect(isSame(check.energy, answer.energy) && isSame(check.error, answer.error), comment)
    #expect(isSame(check.latency, answer.latency), comment)
    if answer.feasible { #expect(answer.lowerBound == answer.energy && answer.violates.isEmpty, comment) }
  }

  static func isSame(_ a: Double?, _ b: Double?) -> Bool {
    guard let a, let b else { return a == nil && b == nil }
    return !Tolerance.isBelow(a, b) && !Tolerance.isBelow(b, a)
  }

  @Test func equalsExhaustiveSearchOnTwentyThousandInstances() {
    var seen = Self.compare(count: 2_000, seed: 3, routedMax: 4, placesMax: 3, assignmentsMax: 50_000)
    seen += Self.compare(count: 18_000, seed: 4, routedMax: 6, placesMax: 4, assignmentsMax: 100_000)
    // The generator must reach every corner, or the comparison says little.
    #expect(seen.feasible > 8_000)
    #expect(seen.infeasible > 2_000)
    #expect(seen.hopeless > 200)
    #expect(seen.remote > 2_000)
    #expect(seen.replaced > 2_000)
    #expect(seen.skipped > 2_000)
  }

  @Test func aSearchCutShortGivesABoundAndNoProof() {
    var random = SeededGenerator(seed: 5)
    let hasty = TokenSelector(stepsMax: 8)
    var unproved = 0
    for _ in 0..<2_000 {
      let problem = TokenProblem.random(
        using: &random, routedMax: 5, placesMax: 4, style: .real, assignmentsMax: 4_000)
      let answer = hasty.solve(problem)
      let twin = ExhaustiveSelector().solve(problem)
      if !answer.optimal { unproved += 1 }
      if answer.feasible {
        #expect(FeasibilityCheck(problem, answer.choices).isFeasible)
        #expect(!Tolerance.isBelow(answer.energy, twin.energy) && !Tolerance.isBelow(twin.energy, answer.lowerBound))
      } else if answer.optimal {
        #expect(!twin.feasible)
      }
    }
    #expect(unproved > 100)
  }
}

extension TokenSelectorTests.Seen {
  mutating func count(_ problem: TokenProblem, _ answer: TokenAnswer) {
    if answer.feasible { feasible += 1 } else { infeasible += 1 }
    if !answer.feasible && answer.leastError == nil { hopeless += 1 }
    let pairs = zip(problem.routed, answer.choices)
    if pairs.contains(where: { $1.place > 0 }) { remote += 1 }
    if pairs.contains(where: { !$1.isSkip && $1.target != $0.expert }) { replaced += 1 }
    if pairs.contains(where: { $1.isSkip }) { skipped += 1 }
  }

  static func += (a: inout Self, b: Self) {
    a.feasible += b.feasible
    a.infeasible += b.infeasible
    a.hopeless += b.hopeless
    a.remote += b.remote
    a.replaced += b.replaced
    a.skipped += b.skipped
  }
}
