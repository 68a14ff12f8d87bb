// The bodies that /v1/completions and /v1/chat/completions answer, whole and in chunks.

/// Tokens of a request.
struct Usage: Encodable, Equatable {
  var promptTokens: Int
  var completionTokens: Int

  private enum CodingKeys: String, CodingKey {
    case promptTokens = "prompt_tokens"
    case completionTokens = "completion_tokens"
    case totalTokens = "total_tokens"
  }
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(promptTokens, forKey: .promptTokens)
    try container.encode(completionTokens, forKey: .completionTokens)
    try container.encode(promptTokens + completionTokens, forKey: .totalTokens)
  }

  init(_ summary: GenerationSummary) {
    promptTokens = summary.tokensIn
    completionTokens = summary.tokensOut
  }
}

/// The `sift` object of an answer: what was decided, and what it cost.
struct SiftReport: Encodable, Equatable {
  struct Experts: Encodable, Equatable {
    var local: Int
    var remote: Int
    var replaced: Int
    var skipped: Int
    var late: Int
  }
  var policy: String
  var error_budget: Double
  var latency_ms: Double
  /// Booked errors of a token in a layer: the mean of Σ w·D, and the root mean square that quality follows.
  var error_mean: Double
  var error_rms: Double
  /// This node's joules, idle included; with peers' and radio beside them, never mixed in.
  var energy_j: Double
  var energy_dynamic_j: Double?
  var energy_uncertainty_j: Double?
  /// The weakest standing among the joules.
  var energy_standing: String
  /// Share of the request's time that good samples cover, 0…1.
  var energy_coverage: Double
  /// Good for a sum over many requests, not alone.
  var energy_low_confidence: Bool
  var energy_peers_j: Double
  var radio_j: Double
  var visits: Int
  var visits_late: Int
  var bytes_up: Int
  var bytes_down: Int
  var experts: Experts
  /// Peers that were late or lost while this request ran.
  var peers_in_trouble: [String]

  init(_ choice: SiftChoice, _ summary: GenerationSummary) {
    let tally = summary.tally
    policy = choice.policy
    error_budget = choice.errorBudget
    latency_ms = choice.latency.seconds * 1000
    error_mean = tally.errorMean
    error_rms = tally.errorRMS
    energy_j = summary.energy.total
    energy_dynamic_j = summary.energy.dynamic
    energy_uncertainty_j = summary.energy.uncertainty
    energy_standing = summary.standing.rawValue
    energy_coverage = summary.energy.coverage
    energy_low_confidence = summary.energy.isLowConfidence
    energy_peers_j = tally.peerJoules
    radio_j = summary.radioJoules
    visits = tally.visits
    visits_late = tally.visitsLate
    bytes_up = tally.bytesUp
    bytes_down = tally.bytesDown
    experts = Experts(
      local: tally.expertsLocal, remote: tally.expertsRemote, replaced: tally.expertsReplaced,
      skipped: tally.expertsSkipped, late: tally.expertsLate)
    peers_in_trouble = summary.peersInTrouble
  }
}

/// Which of the two endpoints answers.
enum AnswerStyle: Sendable {
  case completion
  case chat

  var idPrefix: String { self == .chat ? "chatcmpl-" : "cmpl-" }
  var object: String { self == .chat ? "chat.completion" : "text_completion" }
  var chunkObject: String { self == .chat ? "chat.completion.chunk" : "text_completion" }
}

/// One choice of an answer or chunk. Which fields it shows depends on the endpoint.
struct AnswerChoice: Encodable {
  enum Content {
    /// `text`
    case text(String)
    /// `message`
    case message(String)
    /// `delta`: nil role and nil content give `{}`.
    case delta(role: String?, content: String?)
  }
  var index: Int
  var content: Content
  var finishReason: FinishReason?
  var logprobs: ScoredText?

  private enum CodingKeys: String, CodingKey {
    case index, text, message, delta, logprobs
    case finishReason = "finish_reason"
  }
  private enum MessageKeys: CodingKey { case role, content, refusal }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(index, forKey: .index)
    try container.encode(logprobs, forKey: .logprobs)
    try container.encode(finishReason?.rawValue, forKey: .finishReason)
    switch content {
    case .text(let text): try container.encode(text, forKey: .text)
    case .message(let text):
      var message = container.nestedContainer(keyedBy: MessageKeys.self, forKey: .message)
      try message.encode("assistant", forKey: .role)
      try message.encode(text, forKey: .content)
      try message.encodeNil(forKey: .refusal)
    case .delta(let role, let text):
      var delta = container.nestedContainer(keyedBy: MessageKeys.self, forKey: .delta)
      try delta.encodeIfPresent(role, forKey: .role)
      try delta.encodeIfPresent(text, forKey: .content)
    }
  }
}

/// A scored prompt in the form of OpenAI's completions.
struct ScoredText: Encodable {
  /// The prompt as text.
  var text = ""
  private var tokens: [String] = []
  private var token_logprobs: [Double?] = []
  private var top_logprobs: [[String: Double]?]?
  private var text_offset: [Int] = []

  private enum CodingKeys: CodingKey { case tokens, token_logprobs, top_logprobs, text_offset }

  /// - Parameter namesBest: whether the likeliest token is named beside each.
  init(_ scores: [TokenScore], model: any ServedModel, namesBest: Bool) {
    var assembler = model.makeAssembler()
    var best: [[String: Double]?] = []
    for score in scores {
      text_offset.append(text.unicodeScalars.count)
      let piece = assembler.append(score.token)
      text += piece
      tokens.append(piece)
      token_logprobs.append(score.logProbability)
      best.append(Self.named(score, model))
    }
    text += assembler.finish()
    top_logprobs = namesBest ? best : nil
  }

  private static func named(_ score: TokenScore, _ model: any ServedModel) -> [String: Double]? {
    guard let best = score.best, let logarithm = score.bestLogProbability else { return nil }
    var assembler = model.makeAssembler()
    return [assembler.append(best) + assembler.finish(): logarithm]
  }
}

/// A whole answer or one chunk of it.
struct AnswerBody: Encodable {
  /// What a body says of usage: nothing, null (chunks of a stream that ends with a usage chunk), or the figures.
  enum UsageField {
    case absent
    case null
    case figures(Usage)
  }
  var id: String
  var object: String
  var created: Int
  var model: String
  var choices: [AnswerChoice]
  var usage: UsageField = .absent
  var sift: SiftReport?

  private enum CodingKeys: CodingKey { case id, object, created, model, choices, usage, sift }
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(object, forKey: .object)
    try container.encode(created, forKey: .created)
    try container.encode(model, forKey: .model)
    try container.encode(choices, forKey: .choices)
    switch usage {
    case .absent: break
    case .null: try container.encodeNil(forKey: .usage)
    case .figures(let figures): try container.encode(figures, forKey: .usage)
    }
    try container.encodeIfPresent(sift, forKey: .sift)
  }
}
