// What a comparison found: figures of each policy, the ratio of paired joules, and a verdict in words.

/// The outcome of a comparison. Everything "per token" is per generated token; the prompt's share is in it.
public struct ComparisonReport: Hashable, Sendable, Encodable {
  /// The figures of one policy.
  public struct Side: Hashable, Sendable, Encodable {
    public var policy: String
    public var requests: Int
    public var tokens: Int
    public var tokensPerSecond: Double
    /// Mean over requests with its 95 % t interval.
    public var joulesPerToken: Estimate
    /// Above idle; nil where the idle level is not known.
    public var dynamicJoulesPerToken: Double?
    public var visitsPerToken: Double
    public var bytesPerToken: Double
    /// Mean booked error of a token in a layer, and what was allowed.
    public var errorMean: Double
    /// The same as root mean square, which `siftmoe` keeps to the budget; nil of a daemon that does not tell.
    public var errorRMS: Double?
    public var errorBudget: Double
    /// Routed experts whose fallback was used because a node was late or lost.
    public var late: Int
  }
  public var first: Side
  public var second: Side
  /// Pairs that the ratio is made of.
  public var pairs: Int
  /// Joules per token, second ÷ first: geometric mean over pairs with its 95 % interval.
  /// nil when a request cost no joules at all.
  public var ratio: Estimate?
  /// The weakest standing among all joules.
  public var standing: String

  private enum CodingKeys: String, CodingKey {
    case first, second, pairs, standing
    case ratio = "joules_per_token_ratio"
  }

  /// - Parameters:
  ///   - names: of the two policies.
  ///   - runs: of whole pairs; both policies have the same prompts and rounds.
  /// - Throws: `ToolFailure` when the runs do not pair up.
  public init(names: [String], runs: [PolicyRun]) throws(ToolFailure) {
    let ordered = runs.sorted { ($0.round, $0.prompt) < ($1.round, $1.prompt) }
    let sides = [ordered.filter { $0.policy == 0 }, ordered.filter { $0.policy == 1 }]
    let keys = sides.map { $0.map { [$0.round, $0.prompt] } }
    guard names.count == 2, !sides[0].isEmpty, keys[0] == keys[1] else {
      throw ToolFailure(.failure, "the requests of the two policies do not pair up")
    }
    first = Side(names[0], sides[0])
    second = Side(names[1], sides[1])
    pairs = sides[0].count
    let joules = sides.map { $0.map { $0.joules / Double($0.tokens) } }
    ratio = Statistics.pairedRatio(first: joules[0], second: joules[1])
    standing = ["modelled", "derived"].first { word in runs.contains { $0.standing == word } } ?? "measured"
  }
}

extension ComparisonReport.Side {
  private enum CodingKeys: String, CodingKey {
    case policy, requests, tokens, late
    case tokensPerSecond = "tokens_per_second"
    case joulesPerToken = "joules_per_token"
    case dynamicJoulesPerToken = "dynamic_joules_per_token"
    case visitsPerToken = "visits_per_token"
    case bytesPerToken = "bytes_per_token"
    case errorMean = "error_mean"
    case errorRMS = "error_rms"
    case errorBudget = "error_budget"
  }

  fileprivate init(_ name: String, _ runs: [PolicyRun]) {
    let total = runs.reduce(0) { $0 + $1.tokens }
    let perToken = { (amount: (PolicyRun) -> Double) in runs.reduce(0) { $0 + amount($1) } / Double(total) }
    let dynamic = runs.compactMap(\.dynamicJoules)
    policy = name
    requests = runs.count
    tokens = total
    tokensPerSecond = 1 / perToken { $0.seconds }
    joulesPerToken = Statistics.meanInterval(runs.map { $0.joules / Double($0.tokens) })
    dynamicJoulesPerToken = dynamic.count == runs.count ? dynamic.reduce(0, +) / Double(total) : nil
    visitsPerToken = perToken { Double($0.visits) }
    bytesPerToken = perToken { Double($0.bytes) }
    errorMean = perToken { $0.errorMean * Double($0.tokens) }
    let squares = runs.compactMap { run in run.errorRMS.map { $0 * $0 * Double(run.tokens) } }
    errorRMS = squares.count == runs.count ? (squares.reduce(0, +) / Double(total)).squareRoot() : nil
    errorBudget = runs[0].errorBudget
    late = runs.reduce(0) { $0 + $1.late }
  }
}

extension ComparisonReport {
  /// The table and the verdict, for people.
  public func rendered() -> String {
    var table = Table([("", .left), (first.policy, .right), (second.policy, .right)])
    let add = { (table: inout Table, head: String, figure: (Side) -> String) in
      table.add([head, figure(first), figure(second)])
    }
    add(&table, "requests") { "\($0.requests)" }
    add(&table, "tokens/s") { FigureText.fixed($0.tokensPerSecond, 1) }
    add(&table, "node visits per token") { FigureText.fixed($0.visitsPerToken, 2) }
    add(&table, "bytes per token") { FigureText.bytes($0.bytesPerToken) }
    add(&table, "mean error") { FigureText.fixed($0.errorMean, 4) }
    add(&table, "root mean square error") { $0.errorRMS.map { FigureText.fixed($0, 4) } ?? "–" }
    add(&table, "error budget") { FigureText.fixed($0.errorBudget, 4) }
    add(&table, "experts late or lost") { "\($0.late)" }
    add(&table, "energy per token (\(standing))") { FigureText.prefixed($0.joulesPerToken.value, "J") }
    add(&table, "  95 % interval") {
      $0.requests < 2
        ? "–"
        : FigureText.prefixed($0.joulesPerToken.low, "J") + " … " + FigureText.prefixed($0.joulesPerToken.high, "J")
    }
    if first.dynamicJoulesPerToken != nil || second.dynamicJoulesPerToken != nil {
      add(&table, "  above idle, gateway") { $0.dynamicJoulesPerToken.map { FigureText.prefixed($0, "J") } ?? "–" }
    }
    return table.rendered() + "\n" + verdict + "\n"
  }

  /// What the figures say, in words.
  public var verdict: String {
    guard let ratio else { return "No verdict: a request cost no joules at all." }
    let pairsText = "\(pairs) \(pairs == 1 ? "pair" : "pairs")"
    guard ratio.low.isFinite, ratio.high.isFinite, ratio.low > 0, pairs > 1 else {
      return "\(second.policy) takes \(FigureText.change(ratio.value)) energy per token against \(first.policy); "
        + "\(pairsText) cannot tell how sure that is. \(caveat)"
    }
    let interval = "95 % interval \(FigureText.change(ratio.low)) to \(FigureText.change(ratio.high)), \(pairsText)"
    let change = FigureText.fixed(abs(ratio.value - 1) * 100, 1) + " %"
    if ratio.high < 1 {
      let (least, most) = (FigureText.fixed((1 - ratio.high) * 100, 1), FigureText.fixed((1 - ratio.low) * 100, 1))
      return "\(second.policy) saves \(change) of the energy per token of \(first.policy) "
        + "(95 % interval \(least) to \(most) %, \(pairsText)). \(caveat)"
    }
    if ratio.low > 1 {
      return "\(second.policy) takes \(change) more energy per token than \(first.policy) (\(interval)). \(caveat)"
    }
    return
      "No difference in energy per token is shown between \(first.policy) and \(second.policy) (\(interval)). \(caveat)"
  }

  private var caveat: String {
    switch standing {
    case "modelled":
      "These joules are modelled: this machine lets no rail be read, so they follow from the configured power model."
    case "derived": "These joules are derived from other measured figures."
    default: "These joules are measured."
    }
  }
}
