// What a selector answers to a `TokenProblem`.

/// What stands in for one routed expert.
public struct TokenChoice: Sendable, Hashable {
  /// The executed expert, or `TokenChoice.skip`.
  public var target: Int
  /// Index into `TokenProblem.places`; 0 for a skip.
  public var place: Int
  public static let skip = TokenChoice(target: -1, place: 0)
  public var isSkip: Bool { target < 0 }
  public init(target: Int, place: Int) {
    self.target = target
    self.place = place
  }
}

/// The limits that a decision can break.
public struct BrokenLimits: OptionSet, Sendable, Hashable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }
  public static let error = BrokenLimits(rawValue: 1)
  public static let latency = BrokenLimits(rawValue: 2)
}

/// A decision with its price, or the word that there is none.
public struct TokenAnswer: Sendable, Hashable {
  /// Whether `choices` keep both limits.
  public var feasible: Bool
  /// Whether no cheaper feasible decision exists (proved, not believed).
  public var optimal: Bool
  /// Joules of `choices`.
  public var energy: Double
  /// No feasible decision costs less; infinite when none exists.
  public var lowerBound: Double
  /// Booked error of `choices`.
  public var error: Double
  /// Modelled seconds of `choices`.
  public var latency: Double
  /// Parallel to `TokenProblem.routed`. When infeasible: the cheapest decision of the least error that the latency
  /// permits, or everything skipped if it permits none.
  public var choices: [TokenChoice]
  /// When infeasible: the least error that the latency permits; nil when no decision keeps the latency.
  public var leastError: Double?
  /// The limits that `choices` break.
  public var violates: BrokenLimits

  public init(capacity: Int = 0) {
    feasible = false
    optimal = false
    energy = 0
    lowerBound = 0
    error = 0
    latency = 0
    choices = []
    choices.reserveCapacity(capacity)
    leastError = nil
    violates = []
  }
}
