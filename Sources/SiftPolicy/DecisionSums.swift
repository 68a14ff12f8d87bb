// What a decision costs, added up without allocating: for the token path.

/// Energy, error and latency of `choices` by the definition in `TokenProblem`.
///
/// A skip that the problem forbids counts with its skip distance, so that a rival's answer has a price in any case.
///
/// - Complexity: O(K²).
public struct DecisionSums: Sendable, Hashable {
  /// Joules.
  public private(set) var energy = 0.0
  public private(set) var error = 0.0
  /// Seconds.
  public private(set) var latency = 0.0
  /// Remote places used.
  public private(set) var visits = 0

  public init(_ problem: TokenProblem, _ choices: [TokenChoice]) {
    var slowest = 0.0
    for rank in choices.indices {
      let choice = choices[rank]
      let routed = problem.routed[rank]
      let distance =
        choice.isSkip
        ? problem.distance.skipping[routed.expert] : problem.distance.replacing(routed.expert, by: choice.target)
      error += routed.weight == 0 ? 0 : routed.weight * distance
      if choice.isSkip || Self.isPlaceSeen(choices, before: rank) { continue }
      let executed = Double(Self.distinct(choices, at: choice.place))
      energy += problem.places[choice.place].computeEnergy * executed
      slowest = max(slowest, problem.places[choice.place].computeTime * executed)
      if choice.place == 0 { continue }
      visits += 1
      energy += problem.places[choice.place].radioEnergy
      latency += problem.places[choice.place].airtime
    }
    if visits > 0 {
      energy += problem.wakeEnergy
      latency += problem.wakeTime
    }
    latency += slowest
  }

  private static func isPlaceSeen(_ choices: [TokenChoice], before rank: Int) -> Bool {
    for earlier in 0..<rank where !choices[earlier].isSkip && choices[earlier].place == choices[rank].place {
      return true
    }
    return false
  }

  private static func distinct(_ choices: [TokenChoice], at place: Int) -> Int {
    var count = 0
    for rank in choices.indices where !choices[rank].isSkip && choices[rank].place == place {
      var isNew = true
      for earlier in 0..<rank where choices[earlier] == choices[rank] { isNew = false }
      if isNew { count += 1 }
    }
    return count
  }
}

extension TokenProblem {
  /// Whether some reachable place hosts `expert`.
  public func isHosted(_ expert: Int) -> Bool {
    for place in places where place.isReachable && place.experts.contains(expert) { return true }
    return false
  }

  /// Seconds until the expert of `rank` is back from the fastest reachable place that hosts it; 0 when none does.
  func fastest(_ rank: Int) -> Double {
    var fastest = Double.infinity
    for index in places.indices where places[index].isReachable && places[index].experts.contains(routed[rank].expert) {
      let away = index > 0 ? wakeTime + places[index].airtime : 0
      fastest = min(fastest, away + places[index].computeTime)
    }
    return fastest.isFinite ? fastest : 0
  }

  /// What serves the routed expert of `rank` without a radio, and its error: the nearest local expert or a skip,
  /// whichever is nearer (ties: the skip; then the first listed). A skip although forbidden where nothing else is left.
  public func standIn(for rank: Int) -> (choice: TokenChoice, error: Double) {
    let routed = routed[rank]
    var choice = TokenChoice.skip
    var nearest = allowSkip ? distance.skipping[routed.expert] : .infinity
    for target in places[0].experts where allowReplace || target == routed.expert {
      let other = distance.replacing(routed.expert, by: target)
      if other < nearest {
        nearest = other
        choice = TokenChoice(target: target, place: 0)
      }
    }
    if nearest == .infinity { nearest = distance.skipping[routed.expert] }
    return (choice, routed.weight == 0 ? 0 : routed.weight * nearest)
  }
}
