// The books of one sequence: what became of its experts, and what that cost by the model.

/// Sums over the tokens and layers of one sequence. Routed experts are local, remote, replaced or skipped, each exactly
/// one of the four; those whose fallback was used are counted by what was done in the end, and again in `expertsLate`.
public struct PolicyTally: Sendable, Hashable {
  /// Tokens taken through the model.
  public var tokens = 0
  /// (token, layer) pairs decided.
  public var decisions = 0
  /// Exchanges with a node in which the sequence took part.
  public var visits = 0
  /// Those of them that were not back in time, or never: deadlines that were missed.
  public var visitsLate = 0
  /// (step, layer) pairs with at least one such exchange.
  public var layersWithVisit = 0
  /// Routed experts executed as such at the gateway.
  public var expertsLocal = 0
  /// Routed experts executed as such at another node.
  public var expertsRemote = 0
  /// Routed experts whose place another expert took, here or elsewhere.
  public var expertsReplaced = 0
  public var expertsSkipped = 0
  /// Routed experts whose fallback was used because a node was late, lost or unreachable.
  public var expertsLate = 0
  /// (token, layer) pairs for which the limits could not all be kept: decided by the least error within the latency.
  public var infeasible = 0
  /// Sum of the booked errors over the decisions, and the largest of them.
  public var errorSum = 0.0
  public var errorMax = 0.0
  /// Sum of the booked mean squares a_ℓ·Σ w²·D² over the decisions: what the loss of quality follows (docs/theory, §9).
  public var squareSum = 0.0
  public var bytesUp = 0
  public var bytesDown = 0
  /// Modelled radio energy of its share of the exchanges, in joules.
  public var radioJoules = 0.0
  /// Modelled energy of executing its experts, here and elsewhere, in joules.
  public var computeJoules = 0.0

  public init() {}

  /// Mean booked error of a decision; 0 before the first.
  public var errorMean: Double { decisions > 0 ? errorSum / Double(decisions) : 0 }

  /// Root mean square booked error of a decision; 0 before the first.
  public var errorRMS: Double { decisions > 0 ? (squareSum / Double(decisions)).squareRoot() : 0 }

  public static func += (total: inout PolicyTally, part: PolicyTally) {
    total.tokens += part.tokens
    total.decisions += part.decisions
    total.visits += part.visits
    total.visitsLate += part.visitsLate
    total.layersWithVisit += part.layersWithVisit
    total.expertsLocal += part.expertsLocal
    total.expertsRemote += part.expertsRemote
    total.expertsReplaced += part.expertsReplaced
    total.expertsSkipped += part.expertsSkipped
    total.expertsLate += part.expertsLate
    total.infeasible += part.infeasible
    total.errorSum += part.errorSum
    total.errorMax = max(total.errorMax, part.errorMax)
    total.squareSum += part.squareSum
    total.bytesUp += part.bytesUp
    total.bytesDown += part.bytesDown
    total.radioJoules += part.radioJoules
    total.computeJoules += part.computeJoules
  }
}
