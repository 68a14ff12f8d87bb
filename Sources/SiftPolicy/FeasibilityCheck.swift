// Adds a decision up from its definition. Shares no line with any selector, so that it can contradict them.

/// The price of a decision, added up by itself.
public struct FeasibilityCheck: Sendable, Hashable {
  /// Joules.
  public private(set) var energy = 0.0
  public private(set) var error = 0.0
  /// Seconds.
  public private(set) var latency = 0.0
  /// Why the decision is none at all: a target that is not hosted where it should run, a forbidden operation, a wrong
  /// count; nil when it is one.
  public private(set) var fault: String?
  public private(set) var broken: BrokenLimits = []
  public var isFeasible: Bool { fault == nil && broken.isEmpty }

  /// - Complexity: O(K log K + N).
  public init(_ problem: TokenProblem, _ choices: [TokenChoice]) {
    guard choices.count == problem.routed.count else {
      fault = "\(choices.count) choices for \(problem.routed.count) routed experts"
      return
    }
    var executed = Array(repeating: Set<Int>(), count: problem.places.count)
    for (routed, choice) in zip(problem.routed, choices) {
      if let fault = Self.fault(problem, routed.expert, choice) {
        self.fault = fault
        return
      }
      error += weighted(routed.weight, problem.distance(routed.expert, by: choice.isSkip ? nil : choice.target) ?? 0)
      if !choice.isSkip { executed[choice.place].insert(choice.target) }
    }
    addPlaces(problem, executed)
    if !Tolerance.permits(error, limit: problem.errorBudget) { broken.insert(.error) }
    if !Tolerance.permits(latency, limit: problem.latencyLimit) { broken.insert(.latency) }
  }

  private mutating func addPlaces(_ problem: TokenProblem, _ executed: [Set<Int>]) {
    var slowest = 0.0
    var remote = false
    for (index, (place, experts)) in zip(problem.places, executed).enumerated() where !experts.isEmpty {
      energy += place.computeEnergy * Double(experts.count)
      slowest = max(slowest, place.computeTime * Double(experts.count))
      if index > 0 {
        remote = true
        energy += place.radioEnergy
        latency += place.airtime
      }
    }
    if remote {
      energy += problem.wakeEnergy
      latency += problem.wakeTime
    }
    latency += slowest
  }

  /// A weight of 0 makes any distance, even an infinite one, nothing.
  private func weighted(_ weight: Double, _ distance: Double) -> Double { weight == 0 ? 0 : weight * distance }

  private static func fault(_ problem: TokenProblem, _ expert: Int, _ choice: TokenChoice) -> String? {
    if choice.isSkip { return problem.allowSkip ? nil : "expert \(expert) is skipped, which is forbidden" }
    guard problem.places.indices.contains(choice.place) else { return "place \(choice.place) does not exist" }
    let place = problem.places[choice.place]
    if !place.isReachable { return "place \(choice.place) cannot be reached" }
    if !place.experts.contains(choice.target) { return "expert \(choice.target) is not at place \(choice.place)" }
    if choice.target != expert && !problem.allowReplace { return "expert \(expert) is replaced, which is forbidden" }
    return nil
  }
}
