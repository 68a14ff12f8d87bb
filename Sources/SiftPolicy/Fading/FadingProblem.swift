// The selection problem of one token over channels that fade (docs/theory, §7), as a value.

/// One time that a visit may take, and how likely it is.
public struct AirtimeStep: Sendable, Hashable {
  /// Seconds of airtime, ≥ 0.
  public var airtime: Double
  /// 0 … 1.
  public var probability: Double
  public init(airtime: Double, probability: Double) {
    self.airtime = airtime
    self.probability = probability
  }
}

/// What is known of the visits to one place beyond their expected energy and airtime (which `ExpertPlace` holds).
public struct VisitLaw: Sendable, Hashable {
  /// P(the visit is lost or late), 0 … 1. Then the fallbacks of its experts are used.
  public var outage: Double
  /// The airtimes of the visits that succeed; their probabilities and `outage` add up to 1. Empty: every visit that
  /// succeeds takes `ExpertPlace.airtime`.
  public var steps: [AirtimeStep]

  public init(outage: Double = 0, steps: [AirtimeStep] = []) {
    self.outage = outage
    self.steps = steps
  }
  /// A visit that takes the time it is said to take.
  public static let certain = VisitLaw()
}

/// One token, one layer, when it is not certain how a visit will go:
///
///     minimise   E[energy] + λ·E[error]
///     subject to E[error] ≤ ε_max,  P(latency > T) ≤ δ
///
/// * E[energy] is `TokenProblem`'s energy with `radioEnergy` read as the expectation, outages included. The joules of
///   executing a fallback are not counted.
/// * E[error] = Σ weight × ((1 − p)·D + p·D_fallback), with p the outage of the place that serves the expert (0 at the
///   gateway and for a skip) and the fallback that `TokenProblem.standIn(for:)` names.
/// * Latency is `TokenProblem`'s with random airtimes, independent between places; a visit that fails is never in time.
///   So P(latency ≤ T) ≤ Π (1 − p) over the places used. Airtimes are rounded up to `AirtimeChance.ticks`-ths of the
///   time there is, wherever they could be too long together: the chance is never overstated.
public struct FadingProblem: Sendable, Hashable {
  /// Expected costs; `errorBudget` is ε_max and `latencyLimit` T.
  public var token: TokenProblem
  /// `[place]`, as many as there are places; element 0 is not looked at.
  public var laws: [VisitLaw]
  /// λ: joules a unit of error, ≥ 0, finite.
  public var price: Double
  /// δ: the chance of missing T that is accepted, 0 … 1.
  public var lateness: Double

  /// - Precondition: as many laws as places.
  public init(token: TokenProblem, laws: [VisitLaw], price: Double, lateness: Double) {
    precondition(laws.count == token.places.count, "every place needs a law")
    self.token = token
    self.laws = laws
    self.price = price
    self.lateness = lateness
  }

  /// P(a visit to `place` is lost or late); 0 for the gateway.
  public func outage(_ place: Int) -> Double { place == 0 ? 0 : min(1, max(0, laws[place].outage)) }
}

/// A decision under fading with its expectations.
public struct FadingAnswer: Sendable, Hashable {
  /// Whether `choices` keep the cap on the error and the chance constraint.
  public var feasible = false
  /// Whether no feasible decision has a smaller `energy + λ·error` (proved, not believed).
  public var optimal = false
  /// E[energy] of `choices`, joules.
  public var energy = 0.0
  /// E[error] of `choices`.
  public var error = 0.0
  /// Parallel to `TokenProblem.routed`. When infeasible: the cheapest decision of the least expected error that the chance
  /// constraint permits, or everything skipped if it permits none.
  public var choices: [TokenChoice] = []
  /// When infeasible: the least expected error that the chance constraint permits; nil when nothing keeps it.
  public var leastError: Double?
  /// The limits that `choices` break.
  public var violates: BrokenLimits = []

  public init(capacity: Int = 0) { choices.reserveCapacity(capacity) }
}
