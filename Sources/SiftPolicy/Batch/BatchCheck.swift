// Adds up a batch decision by itself: shares no line with the selector.

/// The independent account of a decision for a batch.
public struct BatchCheck: Sendable, Hashable {
  public var energy: Double
  public var latency: Double
  public var errorMean: Double
  public var errorWorst: Double
  /// `[token]`
  public var errors: [Double]
  /// Whether every choice is allowed: hosted where it is said to run, skips and replacements only where permitted.
  public var isWellFormed: Bool

  /// - Parameter choices: `[token]`, parallel to the problem's tokens.
  public init(_ problem: BatchProblem, choices: [[TokenChoice]]) {
    var isWellFormed = choices.count == problem.tokens.count
    var errors: [Double] = []
    /// (token, place, expert) triples that are executed.
    var pairs: [[Set<Int>]] = []
    for (token, routed) in problem.tokens.enumerated() where token < choices.count {
      var error = 0.0
      var executed = problem.places.map { _ in Set<Int>() }
      if choices[token].count != routed.count { isWellFormed = false }
      for (own, choice) in zip(routed, choices[token]) {
        var distance = problem.distance.skipping[own.expert]
        if choice.isSkip {
          if !problem.allowSkip { isWellFormed = false }
        } else {
          distance = problem.distance.replacing(own.expert, by: choice.target)
          if !problem.allowReplace, choice.target != own.expert { isWellFormed = false }
          if problem.places.indices.contains(choice.place), problem.places[choice.place].experts.contains(choice.target)
          {
            executed[choice.place].insert(choice.target)
          } else {
            isWellFormed = false
          }
        }
        if own.weight > 0 { error += own.weight * distance }
      }
      errors.append(error)
      pairs.append(executed)
    }
    var (energy, airtime, slowest, isRemote) = (0.0, 0.0, 0.0, false)
    for (at, place) in problem.places.enumerated() {
      let executions = pairs.reduce(0) { $0 + $1[at].count }
      let distinct = pairs.reduce(Set<Int>()) { $0.union($1[at]) }.count
      let tokens = pairs.count { !$0[at].isEmpty }
      energy += Double(executions) * place.computeEnergy + Double(distinct) * place.loadEnergy
      slowest = max(slowest, Double(executions) * place.computeTime + Double(distinct) * place.loadTime)
      if at > 0, tokens > 0 {
        isRemote = true
        energy += place.radioEnergy[tokens]
        airtime += place.airtime[tokens]
      }
    }
    self.energy = energy + (isRemote ? problem.wakeEnergy : 0)
    self.latency = airtime + slowest + (isRemote ? problem.wakeTime : 0)
    self.errors = errors
    self.errorMean = errors.isEmpty ? 0 : errors.reduce(0, +) / Double(errors.count)
    self.errorWorst = errors.max() ?? 0
    self.isWellFormed = isWellFormed
  }
}
