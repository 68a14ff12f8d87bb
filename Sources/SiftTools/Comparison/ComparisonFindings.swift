// What a comparison found: figures of each policy, ratios with intervals, quality beside energy, and a verdict in words.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The figures of one policy over the pairs that count. "Per token" is per generated token, the prompt's share included.
public struct PolicyFigures: Hashable, Sendable, Encodable {
  public var policy: String
  public var requests: Int
  /// In all pairs, also those that do not count.
  public var failures: Int
  public var tokens: Int
  public var tokensPerRequest: Double
  public var tokensPerSecond: Double
  public var joulesPerToken: Double
  public var dynamicJoulesPerToken: Double?
  public var visitsPerToken: Double
  public var bytesPerToken: Double
  public var errorMean: Double
  /// Root mean square booked error; nil of a daemon that does not tell.
  public var errorRMS: Double?
  public var late: Int
  /// Mean over the blocks' ends, in °C.
  public var temperature: Double?
  /// exp of the mean −ln p of a token; nil without a text.
  public var perplexity: Double?

  private enum CodingKeys: String, CodingKey {
    case policy, requests, failures, tokens, late, perplexity
    case tokensPerRequest = "tokens_per_request"
    case tokensPerSecond = "tokens_per_second"
    case joulesPerToken = "joules_per_token"
    case dynamicJoulesPerToken = "dynamic_joules_per_token"
    case visitsPerToken = "visits_per_token"
    case bytesPerToken = "bytes_per_token"
    case errorMean = "error_mean"
    case errorRMS = "error_rms"
    case temperature = "temperature_c"
  }

  init(_ policy: String, _ blocks: [ComparisonBlock], failures: Int, perplexity: Double?) {
    let tokens = blocks.reduce(0) { $0 + $1.tokensOut }
    let requests = blocks.reduce(0) { $0 + $1.requests }
    let perToken = { (amount: (ComparisonBlock) -> Double) in
      tokens > 0 ? blocks.reduce(0) { $0 + amount($1) } / Double(tokens) : 0
    }
    let seconds = blocks.reduce(0) { $0 + $1.seconds }
    let temperatures = blocks.compactMap { $0.after?.temperature }
    self.policy = policy
    self.requests = requests
    self.failures = failures
    self.tokens = tokens
    self.perplexity = perplexity
    tokensPerRequest = requests > 0 ? Double(tokens) / Double(requests) : 0
    tokensPerSecond = seconds > 0 ? Double(tokens) / seconds : 0
    joulesPerToken = perToken { $0.joules + $0.peerJoules }
    let isKnown = blocks.allSatisfy { $0.dynamicJoules != nil }
    dynamicJoulesPerToken = isKnown ? perToken { ($0.dynamicJoules ?? 0) + $0.peerJoules } : nil
    visitsPerToken = perToken { Double($0.visits) }
    bytesPerToken = perToken { Double($0.bytes) }
    errorMean = perToken { $0.errorSum }
    let squares = blocks.compactMap(\.squareSum)
    errorRMS =
      squares.count == blocks.count && tokens > 0 ? (squares.reduce(0, +) / Double(tokens)).squareRoot() : nil
    late = blocks.reduce(0) { $0 + $1.late }
    temperature = temperatures.isEmpty ? nil : Statistics.mean(temperatures)
  }
}

/// The outcome of a comparison, complete or as far as it came.
public struct ComparisonFindings: Hashable, Sendable, Encodable {
  public var first: PolicyFigures
  public var second: PolicyFigures
  /// Joules per token, second ÷ first, idle included, gateway and peers together; nil without a pair that counts.
  public var energy: LogRatio?
  /// The same above idle; nil where the idle level is not known.
  public var dynamicEnergy: LogRatio?
  /// Time per token.
  public var time: LogRatio?
  /// Perplexity, second ÷ first, over pieces of the text; nil without a text.
  public var perplexity: LogRatio?
  /// Pairs that the stop rule wanted; nil while the pilot was not over.
  public var planned: Int?
  public var isComplete: Bool
  public var throttledPairs: Int
  /// Pairs that do not count, because of throttling or of requests that failed.
  public var droppedPairs: Int
  /// The weakest standing among the joules.
  public var standing: String
  public var node: ComparedNode
  public var stop: StopRule
  /// Remarks on what the figures may suffer from.
  public var remarks: [String]
  public var verdict: String

  private enum CodingKeys: String, CodingKey {
    case first, second, energy, time, perplexity, planned, standing, node, stop, remarks, verdict
    case dynamicEnergy = "dynamic_energy"
    case isComplete = "complete"
    case throttledPairs = "throttled_pairs"
    case droppedPairs = "dropped_pairs"
  }

  public init(_ record: ComparisonRecord) {
    let names = record.settings.policies.map(\.description)
    let pairs = record.goodPairs
    let sides = [pairs.map(\.first), pairs.map(\.second)]
    let predicted = record.pieces.reduce(0) { $0 + $1.predicted }
    let figures = (0...1).map { side in
      PolicyFigures(
        names[side], sides[side],
        failures: record.blocks.filter { $0.policy == side }.reduce(0) { $0 + $1.failures },
        perplexity: predicted > 0 ? exp(record.pieces.reduce(0) { $0 + $1.losses[side] } / Double(predicted)) : nil)
    }
    first = figures[0]
    second = figures[1]
    energy = LogRatio(record.logRatios, stop: record.settings.stop)
    dynamicEnergy = Self.ratio(pairs, \.dynamicPerToken)
    time = Self.ratio(pairs, \.secondsPerToken)
    perplexity = LogRatio(
      record.pieces.filter { $0.predicted > 0 }.map { ($0.losses[1] - $0.losses[0]) / Double($0.predicted) })
    planned = record.planned
    isComplete = record.isComplete
    throttledPairs = record.pairs.count { $0.first.wasThrottled || $0.second.wasThrottled }
    droppedPairs = record.pairs.count - pairs.count
    standing = pairs.reduce("measured") {
      ComparisonBlock.weaker($0, ComparisonBlock.weaker($1.first.standing, $1.second.standing))
    }
    node = record.node
    stop = record.settings.stop
    remarks = []
    verdict = ""
    remarks = ComparisonWords.remarks(self, record)
    verdict = ComparisonWords.verdict(self)
  }

  /// nil unless every pair has the figure on both sides.
  private static func ratio(
    _ pairs: [(first: ComparisonBlock, second: ComparisonBlock)], _ figure: (ComparisonBlock) -> Double?
  ) -> LogRatio? {
    let logarithms = pairs.compactMap { pair -> Double? in
      guard let first = figure(pair.first), let second = figure(pair.second) else { return nil }
      return log(second / first)
    }
    return logarithms.count == pairs.count ? LogRatio(logarithms) : nil
  }
}
