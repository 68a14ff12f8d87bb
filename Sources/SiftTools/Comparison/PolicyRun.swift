// One answer under one policy, with what it cost.

/// The figures of one request of a comparison.
public struct PolicyRun: Hashable, Sendable, Codable {
  /// Index of the prompt, and which time it was asked.
  public var prompt: Int
  public var round: Int
  /// 0 for the first policy, 1 for the second.
  public var policy: Int
  public var text: String
  /// Generated tokens, above 0.
  public var tokens: Int
  /// From sending the request to its whole answer, in seconds; above 0.
  public var seconds: Double
  /// Joules of the gateway, idle included, and what the peers say they spent.
  public var joules: Double
  /// The gateway's joules above idle; nil where the idle level is not known.
  public var dynamicJoules: Double?
  /// The weakest standing among the joules.
  public var standing: String
  public var visits: Int
  public var bytes: Int
  /// Mean booked error of a token in a layer, and what was allowed.
  public var errorMean: Double
  /// Root mean square booked error; nil of a daemon that does not tell.
  public var errorRMS: Double?
  public var errorBudget: Double
  /// Routed experts whose fallback was used because a node was late or lost.
  public var late: Int

  /// - Returns: nil when the answer has no token or lacks its books.
  public init?(_ step: ComparisonPlan.Step, _ answer: CompletionAnswer, seconds: Double) {
    guard let usage = answer.usage, let sift = answer.sift, usage.completionTokens > 0, seconds > 0 else { return nil }
    prompt = step.prompt
    round = step.round
    policy = step.policy
    text = answer.choices.first?.text ?? ""
    tokens = usage.completionTokens
    self.seconds = seconds
    joules = sift.energy + sift.peerEnergy
    dynamicJoules = sift.dynamicEnergy
    standing = sift.energyStanding
    visits = sift.visits
    bytes = sift.bytesUp + sift.bytesDown
    errorMean = sift.errorMean
    errorRMS = sift.errorRMS
    errorBudget = sift.errorBudget
    late = sift.experts.late
  }
}
