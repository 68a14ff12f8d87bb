// What a comparison measures and keeps: blocks of requests under one policy, with what else was going on.

import SiftDaemon

/// The state of the machine around a block: covariates, not results.
public typealias BlockConditions = ConditionsReport

/// One answer in a block.
public struct BlockAnswer: Hashable, Sendable {
  public var tokensIn: Int
  public var tokensOut: Int
  /// From sending the request to its whole answer.
  public var seconds: Double
  /// Joules of the gateway, idle included, and what peers say they spent.
  public var joules: Double
  public var peerJoules: Double
  /// The gateway's joules above idle; nil where the idle level is not known.
  public var dynamicJoules: Double?
  public var standing: String
  public var visits = 0
  public var bytes = 0
  public var errorMean = 0.0
  public var errorRMS: Double?
  public var late = 0

  public init(
    tokensIn: Int, tokensOut: Int, seconds: Double, joules: Double, peerJoules: Double = 0, dynamicJoules: Double?,
    standing: String
  ) {
    self.tokensIn = tokensIn
    self.tokensOut = tokensOut
    self.seconds = seconds
    self.joules = joules
    self.peerJoules = peerJoules
    self.dynamicJoules = dynamicJoules
    self.standing = standing
  }
}

/// Requests under one policy, one after the other: the unit that is compared.
public struct ComparisonBlock: Codable, Hashable, Sendable {
  /// Blocks of a pair have the same prompts.
  public var pair: Int
  /// 0 for the pair's first block, 1 for its second.
  public var place: Int
  /// 0 for the first policy, 1 for the second.
  public var policy: Int
  public var requests = 0
  public var failures = 0
  public var tokensIn = 0
  public var tokensOut = 0
  public var seconds = 0.0
  public var joules = 0.0
  public var peerJoules = 0.0
  /// nil where one answer did not know.
  public var dynamicJoules: Double? = 0
  /// The weakest standing.
  public var standing = "measured"
  public var visits = 0
  public var bytes = 0
  /// Booked error of a token in a layer, summed over tokens.
  public var errorSum = 0.0
  /// Its mean square, summed over tokens; nil of a daemon that does not tell, and of older records.
  public var squareSum: Double? = 0
  public var late = 0
  /// Before and after; nil where the daemon does not tell.
  public var before: BlockConditions?
  public var after: BlockConditions?

  public init(pair: Int, place: Int, policy: Int) {
    self.pair = pair
    self.place = place
    self.policy = policy
  }

  public mutating func add(_ answer: BlockAnswer) {
    requests += 1
    tokensIn += answer.tokensIn
    tokensOut += answer.tokensOut
    seconds += answer.seconds
    joules += answer.joules
    peerJoules += answer.peerJoules
    dynamicJoules = dynamicJoules.flatMap { sum in answer.dynamicJoules.map { sum + $0 } }
    standing = Self.weaker(standing, answer.standing)
    visits += answer.visits
    bytes += answer.bytes
    errorSum += answer.errorMean * Double(answer.tokensOut)
    squareSum = squareSum.flatMap { sum in answer.errorRMS.map { sum + $0 * $0 * Double(answer.tokensOut) } }
    late += answer.late
  }

  static func weaker(_ one: String, _ other: String) -> String {
    ["modelled", "derived"].first { $0 == one || $0 == other } ?? "measured"
  }

  /// Cluster joules for each generated token; nil when there is nothing to divide.
  public var joulesPerToken: Double? { perToken(joules + peerJoules) }
  /// The same above idle; peers tell what they added.
  public var dynamicPerToken: Double? { dynamicJoules.flatMap { perToken($0 + peerJoules) } }
  /// Mean time of a generated token.
  public var secondsPerToken: Double? { perToken(seconds) }

  private func perToken(_ amount: Double) -> Double? {
    tokensOut > 0 && amount > 0 && amount.isFinite ? amount / Double(tokensOut) : nil
  }

  /// Whether the machine was held back while the block ran: its joules then tell of the heat, not of the policy.
  public var wasThrottled: Bool {
    guard let before, let after else { return false }
    let events = (after.throttleEvents ?? 0) - (before.throttleEvents ?? 0)
    return events > 0 || max(before.cooling, after.cooling) > 0
  }
}

/// One piece of text scored under both policies.
public struct ScoredPiece: Codable, Hashable, Sendable {
  /// Which piece of the text.
  public var piece: Int
  /// Tokens foretold.
  public var predicted: Int
  /// Sum of −ln p, in nats, by policy.
  public var losses: [Double]

  public init(piece: Int, predicted: Int, losses: [Double]) {
    self.piece = piece
    self.predicted = predicted
    self.losses = losses
  }
}
