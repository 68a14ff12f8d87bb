// The fading selector against its exhaustive twin, and what must hold of every answer.

import SiftPolicy
import Testing

extension FadingProblem {
  /// A random problem: outages from none to certain, airtimes of one to three values, prices from nothing to
  /// everything, chances from strict to careless.
  static func random(
    using random: inout SeededGenerator, routedMax: Int, placesMax: Int, style: NumberStyle, assignmentsMax: Int
  ) -> FadingProblem {
    let token = TokenProblem.random(
      using: &random, routedMax: routedMax, placesMax: placesMax, style: style, assignmentsMax: assignmentsMax)
    let laws = token.places.indices.map { place in law(token.places[place], style, &random) }
    let price = [0, 0.5, 2, 10, 200][Int.random(in: 0..<5, using: &random)]
    return FadingProblem(
      token: token, laws: laws, price: style == .whole ? price : price * .random(in: 0...1, using: &random),
      lateness: [0, 0.1, 0.5, 1][Int.random(in: 0..<4, using: &random)])
  }

  private static func law(_ place: ExpertPlace, _ style: NumberStyle, _ random: inout SeededGenerator) -> VisitLaw {
    let outage = [0, 0, 0.125, 0.5, 1, Double.random(in: 0...1, using: &random)][Int.random(in: 0..<6, using: &random)]
    let count = Int.random(in: 0...3, using: &random)
    let steps = (0..<count).map { at in
      AirtimeStep(
        airtime: place.airtime * [0.5, 1, 2][at] + (style == .real ? .random(in: 0...0.1, using: &random) : 0),
        probability: (1 - outage) / Double(count))
    }
    return VisitLaw(outage: outage, steps: steps)
  }
}

@Suite struct `The fading selector` {
  @Test(arguments: NumberStyle.allCases, [1 as UInt64, 2, 3, 4])
  func `equals exhaustive search`(style: NumberStyle, seed: UInt64) {
    var random = SeededGenerator(seed: seed * 977 + (style == .real ? 1 : 2))
    let selector = FadingSelector(routed: 2, places: 2, columns: 2)
    let twin = ExhaustiveFadingSelector()
    var (feasible, infeasible, hopeless, remote, tight) = (0, 0, 0, 0, 0)
    for _ in 0..<1_000 {
      let problem = FadingProblem.random(
        using: &random, routedMax: 5, placesMax: 4, style: style, assignmentsMax: 3_000)
      let answer = selector.solve(problem)
      let expected = twin.solve(problem)
      expectEqual(answer, expected, problem)
      feasible += expected.feasible ? 1 : 0
      infeasible += !expected.feasible && expected.leastError != nil ? 1 : 0
      hopeless += expected.violates.contains(.latency) ? 1 : 0
      remote += expected.choices.contains { $0.place > 0 } ? 1 : 0
      tight += expected.feasible && Tolerance.permits(problem.token.errorBudget, limit: expected.error) ? 1 : 0
    }
    #expect(feasible > 300 && infeasible > 50 && remote > 60 && tight > 5, "\((feasible, infeasible, remote, tight))")
    #expect(hopeless > 0)
  }

  private func expectEqual(_ answer: FadingAnswer, _ expected: FadingAnswer, _ problem: FadingProblem) {
    #expect(answer.optimal)
    #expect(answer.feasible == expected.feasible, "\(problem)")
    #expect(answer.violates == expected.violates)
    if expected.violates.contains(.latency) {
      #expect(answer.choices.allSatisfy { $0.isSkip })
      return
    }
    func cost(_ answer: FadingAnswer) -> Double { answer.energy + problem.price * answer.error }
    func areEqual(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 * max(1, abs(a), abs(b)) }
    if expected.feasible {
      #expect(areEqual(cost(answer), cost(expected)), "\(answer)\n\(expected)\n\(problem)")
    } else {
      #expect(areEqual(answer.energy, expected.energy), "\(answer)\n\(expected)\n\(problem)")
      #expect(areEqual(answer.leastError ?? -1, expected.leastError ?? -1))
    }
    #expect(areEqual(answer.error, expected.error), "\(answer)\n\(expected)\n\(problem)")
    #expect(keepsWhatItSays(answer, problem))
  }

  /// The choices are possible and the chance constraint holds, added up by the twin.
  private func keepsWhatItSays(_ answer: FadingAnswer, _ problem: FadingProblem) -> Bool {
    let executed = problem.token.places.indices.map { place in
      Set(answer.choices.filter { !$0.isSkip && $0.place == place }.map(\.target)).count
    }
    let chance = ExhaustiveFadingSelector.chance(problem, executed: executed)
    let check = FeasibilityCheck(problem.token, answer.choices)
    return check.fault == nil && chance >= (1 - problem.lateness) - 1e-9
  }

  @Test func `certain visits and no price for errors give the exact answer of the slow channel`() {
    // λ = 0 with ε as the cap is the problem of §5, where there is time for everything.
    var random = SeededGenerator(seed: 71)
    let fading = FadingSelector()
    let slow = TokenSelector()
    for _ in 0..<500 {
      var token = TokenProblem.random(using: &random, routedMax: 6, placesMax: 4, style: .real, assignmentsMax: 1 << 30)
      token.latencyLimit = .infinity
      let problem = FadingProblem(token: token, laws: token.places.map { _ in .certain }, price: 0, lateness: 0)
      let answer = fading.solve(problem)
      let expected = slow.solve(token)
      #expect(answer.feasible == expected.feasible && answer.violates == expected.violates)
      // What skips cost that are forbidden is nobody's business.
      if expected.violates.contains(.latency) { continue }
      #expect(abs(answer.energy - expected.energy) <= 1e-9 * max(1, expected.energy), "\(token)")
      #expect(abs(answer.error - expected.error) <= 1e-9 * max(1, expected.error))
    }
  }

  @Test func `a dearer error never errs more, and a unit of energy may be called anything`() {
    var random = SeededGenerator(seed: 72)
    let selector = FadingSelector()
    for _ in 0..<300 {
      var problem = FadingProblem.random(
        using: &random, routedMax: 8, placesMax: 4, style: .real, assignmentsMax: 1 << 36)
      problem.token.errorBudget = 100
      var error = Double.infinity
      for price in [0, 0.3, 1, 3, 10, 100.0] {
        problem.price = price
        let answer = selector.solve(problem)
        guard answer.feasible else { continue }
        #expect(!Tolerance.isBelow(error * (1 + 1e-9), answer.error))
        error = answer.error
      }
      let before = selector.solve(problem)
      problem.price *= 0x1p-20
      problem.token.wakeEnergy *= 0x1p-20
      for place in problem.token.places.indices {
        problem.token.places[place].radioEnergy *= 0x1p-20
        problem.token.places[place].computeEnergy *= 0x1p-20
      }
      let after = selector.solve(problem)
      #expect(after.choices == before.choices && after.energy == before.energy * 0x1p-20)
    }
  }

  @Test func `an outage sends the expert to the node that is likelier to answer, or nowhere`() {
    // Expert 0 is at both nodes; node 1 costs less but fails in one of four visits. The fallback is a skip of error 1.
    let token = TokenProblem(
      routed: [RoutedExpert(expert: 0, weight: 1)],
      distance: DistanceMatrix(experts: 1, replacing: [0], skipping: [1]),
      places: [
        ExpertPlace(experts: []), ExpertPlace(experts: [0], radioEnergy: 1), ExpertPlace(experts: [0], radioEnergy: 2),
      ], errorBudget: 1)
    func place(price: Double, lateness: Double = 1) -> TokenChoice {
      FadingSelector().solve(
        FadingProblem(
          token: token, laws: [.certain, VisitLaw(outage: 0.25), .certain], price: price, lateness: lateness)
      ).choices[0]
    }
    // 1 + λ/4 against 2, against λ.
    #expect(place(price: 1).isSkip)
    #expect(place(price: 2).place == 1)
    #expect(place(price: 5).place == 2)
    // The chance constraint alone rules the weak node out.
    #expect(place(price: 3, lateness: 0.2).place == 2)
    #expect(place(price: 3, lateness: 0.25).place == 1)
  }
}
