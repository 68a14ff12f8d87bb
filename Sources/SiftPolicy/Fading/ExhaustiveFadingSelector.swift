// The slow, obvious twin of `FadingSelector`: every assignment, every way the visits may go, added up at the end.

/// Tries every (target, place) or skip for every routed expert, adds up expectations and chances from the definition of
/// `FadingProblem`, and keeps the best. Shares nothing with the selector but `Tolerance` and the width of a tick.
///
/// - Complexity: O((hosted + 1)^K · steps^N). For tests and small problems only.
public struct ExhaustiveFadingSelector: Sendable {
  public init() {}

  /// The least energy + λ·error among the feasible assignments (ties: the least error), or the cheapest of the least error
  /// that the chance constraint permits when none is feasible.
  public func solve(_ problem: FadingProblem) -> FadingAnswer {
    var walk = Walk(problem)
    walk.assign(0)
    return walk.answer()
  }

  /// P(latency ≤ T) when `executed` says how many distinct experts each place executes.
  public static func chance(_ problem: FadingProblem, executed: [Int]) -> Double {
    let token = problem.token
    let remote = executed.indices.dropFirst().filter { executed[$0] > 0 }
    let computing = executed.indices.map { token.places[$0].computeTime * Double(executed[$0]) }.max() ?? 0
    let limit = Tolerance.ceiling(token.latencyLimit)
    let laws = remote.map { place in
      problem.laws[place].steps.isEmpty
        ? [AirtimeStep(airtime: token.places[place].airtime, probability: 1 - problem.outage(place))]
        : problem.laws[place].steps
    }
    if remote.isEmpty { return computing <= limit ? 1 : 0 }
    let isAmple = longest(problem) <= limit
    let tick = max(0, limit - token.wakeTime) / Double(AirtimeChance.ticks)
    func sum(_ at: Int, _ ticks: Int, _ probability: Double) -> Double {
      guard at < laws.count else {
        let isInTime =
          isAmple
          || (token.wakeTime <= limit && ticks <= AirtimeChance.ticks
            && computing <= max(0, limit - token.wakeTime - Double(ticks) * tick))
        return isInTime ? probability : 0
      }
      return laws[at].reduce(0) { total, step in
        let next = isAmple ? 0 : AirtimeChance.ticks(of: step.airtime, tick)
        return total + sum(at + 1, ticks + next, probability * step.probability)
      }
    }
    return sum(0, 0, 1)
  }

  /// The latency if everything took as long as it can, at all places at once.
  private static func longest(_ problem: FadingProblem) -> Double {
    let token = problem.token
    let reachable = token.places.indices.filter { token.places[$0].isReachable }
    let airtime = reachable.filter { $0 > 0 }.reduce(0) { sum, place in
      let steps = problem.laws[place].steps.map(\.airtime)
      return sum + (steps.max() ?? token.places[place].airtime)
    }
    let computing = reachable.map { token.places[$0].computeTime * Double(token.routed.count) }.max() ?? 0
    return token.wakeTime + airtime + computing
  }

  private struct Walk {
    let problem: FadingProblem
    /// `[rank]` → what may stand in for it, with its expected error.
    let options: [[(choice: TokenChoice, error: Double)]]
    var choices: [TokenChoice]
    var error: [Double]
    var best: Sums?
    var least: Sums?

    struct Sums {
      var cost: Double
      var energy: Double
      var error: Double
      var choices: [TokenChoice]
    }

    init(_ problem: FadingProblem) {
      let token = problem.token
      self.problem = problem
      choices = token.routed.map { _ in .skip }
      error = token.routed.map { _ in 0 }
      options = token.routed.map { routed in
        func weighted(_ target: Int?) -> Double? {
          guard let distance = token.distance(routed.expert, by: target) else { return nil }
          return routed.weight == 0 ? 0 : routed.weight * distance
        }
        // The fallback: a skip, or the nearest local expert where that is nearer; a forbidden skip if nothing else is left.
        let local = token.places[0].experts.compactMap { weighted($0) }
        var fallback = min(weighted(nil) ?? .infinity, local.min() ?? .infinity)
        if fallback == .infinity {
          fallback = routed.weight == 0 ? 0 : routed.weight * token.distance.skipping[routed.expert]
        }
        var found: [(TokenChoice, Double)] = []
        if let skip = weighted(nil), skip.isFinite { found.append((.skip, skip)) }
        for (index, place) in token.places.enumerated() where place.isReachable {
          let outage = problem.outage(index)
          for target in place.experts {
            guard let own = weighted(target), own.isFinite, outage < 1 else { continue }
            let expected = outage == 0 ? own : (1 - outage) * own + outage * fallback
            if expected.isFinite { found.append((TokenChoice(target: target, place: index), expected)) }
          }
        }
        return found
      }
    }

    mutating func assign(_ rank: Int) {
      guard rank < choices.count else { return addUp() }
      for option in options[rank] {
        choices[rank] = option.choice
        error[rank] = option.error
        assign(rank + 1)
      }
    }

    mutating func addUp() {
      let token = problem.token
      let executed = token.places.indices.map { place in
        Set(choices.filter { !$0.isSkip && $0.place == place }.map(\.target)).count
      }
      let chance = ExhaustiveFadingSelector.chance(problem, executed: executed)
      guard chance >= (1 - problem.lateness) * (1 - Tolerance.relative) else { return }
      var energy = 0.0
      for (index, count) in executed.enumerated() where count > 0 {
        energy += token.places[index].computeEnergy * Double(count) + (index > 0 ? token.places[index].radioEnergy : 0)
      }
      if executed.dropFirst().contains(where: { $0 > 0 }) { energy += token.wakeEnergy }
      let total = error.reduce(0, +)
      let sums = Sums(cost: energy + problem.price * total, energy: energy, error: total, choices: choices)
      if isBelow((sums.error, sums.energy), least.map { ($0.error, $0.energy) }) { least = sums }
      guard Tolerance.permits(total, limit: token.errorBudget) else { return }
      if isBelow((sums.cost, sums.error), best.map { ($0.cost, $0.error) }) { best = sums }
    }

    /// Lexicographic order of pairs; below nil is everything.
    func isBelow(_ a: (Double, Double), _ b: (Double, Double)?) -> Bool {
      guard let b else { return true }
      if Tolerance.isBelow(a.0, b.0) { return true }
      return !Tolerance.isBelow(b.0, a.0) && Tolerance.isBelow(a.1, b.1)
    }

    func answer() -> FadingAnswer {
      var answer = FadingAnswer()
      answer.optimal = true
      answer.feasible = best != nil
      answer.leastError = best == nil ? least?.error : nil
      answer.choices = problem.token.routed.map { _ in .skip }
      guard let sums = best ?? least else {
        answer.violates = [.error, .latency]
        return answer
      }
      (answer.energy, answer.error, answer.choices) = (sums.energy, sums.error, sums.choices)
      answer.violates = best == nil ? .error : []
      return answer
    }
  }
}
