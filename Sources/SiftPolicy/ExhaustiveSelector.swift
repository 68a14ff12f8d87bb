// The slow, obvious twin of `TokenSelector`: every assignment, added up at the end.

/// Tries every (target, place) or skip for every routed expert and keeps the best: the definition of the problem,
/// without a bound, an order or a shortcut.
///
/// - Complexity: O((hosted + 1)^K · K). For tests and small problems only.
public struct ExhaustiveSelector: Sendable {
  public init() {}

  /// The least energy among the feasible assignments (ties: the least error), or the least error that the latency
  /// permits when none is feasible.
  public func solve(_ problem: TokenProblem) -> TokenAnswer {
    var walk = Walk(problem)
    walk.assign(0)
    return walk.answer()
  }

  private struct Walk {
    let problem: TokenProblem
    /// `[rank]` → what may stand in for it, with the weighted distance.
    let options: [[(choice: TokenChoice, error: Double)]]
    var choices: [TokenChoice]
    var errors: [Double]
    /// `[place]` → the distinct experts executed there.
    var executed: [[Int]]
    var best: Sums?
    var least: Sums?

    struct Sums {
      var energy: Double
      var error: Double
      var latency: Double
      var choices: [TokenChoice]
    }

    init(_ problem: TokenProblem) {
      self.problem = problem
      choices = Array(repeating: .skip, count: problem.routed.count)
      errors = Array(repeating: 0, count: problem.routed.count)
      executed = Array(repeating: [], count: problem.places.count)
      options = problem.routed.map { routed in
        var found: [(TokenChoice, Double)] = []
        func offer(_ choice: TokenChoice, _ distance: Double?) {
          guard let distance else { return }
          let error = routed.weight == 0 ? 0 : routed.weight * distance
          if error.isFinite { found.append((choice, error)) }
        }
        offer(.skip, problem.distance(routed.expert, by: nil))
        for (index, place) in problem.places.enumerated() where place.isReachable {
          for target in place.experts {
            offer(TokenChoice(target: target, place: index), problem.distance(routed.expert, by: target))
          }
        }
        return found
      }
    }

    mutating func assign(_ rank: Int) {
      guard rank < choices.count else { return addUp() }
      for option in options[rank] {
        choices[rank] = option.choice
        errors[rank] = option.error
        assign(rank + 1)
      }
    }

    mutating func addUp() {
      var energy = 0.0
      var airtime = 0.0
      var slowest = 0.0
      for index in executed.indices { executed[index].removeAll(keepingCapacity: true) }
      for choice in choices where !choice.isSkip && !executed[choice.place].contains(choice.target) {
        executed[choice.place].append(choice.target)
      }
      for (index, experts) in executed.enumerated() where !experts.isEmpty {
        let place = problem.places[index]
        energy += place.computeEnergy * Double(experts.count) + (index > 0 ? place.radioEnergy : 0)
        airtime += index > 0 ? place.airtime : 0
        slowest = max(slowest, place.computeTime * Double(experts.count))
      }
      let isRemote = executed.dropFirst().contains { !$0.isEmpty }
      let latency = (isRemote ? problem.wakeTime : 0) + airtime + slowest
      guard Tolerance.permits(latency, limit: problem.latencyLimit) else { return }
      keep(
        Sums(
          energy: energy + (isRemote ? problem.wakeEnergy : 0), error: errors.reduce(0, +), latency: latency,
          choices: choices))
    }

    mutating func keep(_ sums: Sums) {
      if isBelow((sums.error, sums.energy), least.map { ($0.error, $0.energy) }) { least = sums }
      guard Tolerance.permits(sums.error, limit: problem.errorBudget) else { return }
      if isBelow((sums.energy, sums.error), best.map { ($0.energy, $0.error) }) { best = sums }
    }

    /// Lexicographic order of pairs; below nil is everything.
    func isBelow(_ a: (Double, Double), _ b: (Double, Double)?) -> Bool {
      guard let b else { return true }
      if Tolerance.isBelow(a.0, b.0) { return true }
      return !Tolerance.isBelow(b.0, a.0) && Tolerance.isBelow(a.1, b.1)
    }

    func answer() -> TokenAnswer {
      var answer = TokenAnswer()
      answer.feasible = best != nil
      answer.optimal = true
      answer.leastError = best == nil ? least?.error : nil
      answer.lowerBound = best?.energy ?? .infinity
      guard let sums = best ?? least else {
        answer.choices = choices.map { _ in .skip }
        answer.violates = [.error, .latency]
        return answer
      }
      (answer.energy, answer.error, answer.latency) = (sums.energy, sums.error, sums.latency)
      answer.choices = sums.choices
      answer.violates = best == nil ? .error : []
      return answer
    }
  }
}
