// What a request asks to be continued: prompts of /v1/completions, messages of /v1/chat/completions.

/// A checked request.
struct ParsedRequest {
  var request: GenerationRequest
  var streams: Bool
  var includesUsage: Bool
  /// Likeliest tokens to name beside each scored one: 0 or 1.
  var namesBest = false
}

/// `echo` and `logprobs` of /v1/completions: together with `max_tokens` 0 they score the prompt.
struct ScoringFields {
  var namesBest: Bool

  /// - Returns: nil when nothing is to be scored.
  init?(_ fields: inout FieldReader) throws(APIError) {
    let echoes = try fields.boolean("echo") ?? false
    let probabilities = try fields.integer("logprobs", in: 0...5)
    guard echoes else {
      guard probabilities == nil else {
        throw fields.wrong(
          "logprobs", "is supported only with 'echo': true and 'max_tokens': 0, which scores the prompt",
          code: "unsupported_parameter")
      }
      return nil
    }
    guard let probabilities else {
      throw fields.wrong(
        "echo", "is supported only with 'logprobs' and 'max_tokens': 0, which scores the prompt",
        code: "unsupported_parameter")
    }
    guard probabilities <= 1 else {
      throw fields.wrong(
        "logprobs", "names one likeliest token at most: 0 or 1, got \(probabilities)", code: "unsupported_parameter")
    }
    namesBest = probabilities == 1
  }

  func check(_ common: CommonFields) throws(APIError) {
    guard common.isMaxTokensGiven, common.maxTokens == 0 else {
      throw .badRequest(
        "'echo' is supported only with 'max_tokens': 0", parameter: "max_tokens", code: "unsupported_parameter")
    }
    guard !common.streams else {
      throw .badRequest("'stream' is not supported with 'echo'", parameter: "stream", code: "unsupported_parameter")
    }
    guard common.answers == 1 else {
      throw .badRequest("'n' must be 1 with 'echo'", parameter: "n", code: "unsupported_parameter")
    }
  }
}

/// Turns bodies into requests.
struct RequestParser {
  let model: any ServedModel
  let defaults: RequestDefaults
  /// Used when the client gives no seed.
  let seed: UInt64
  let id: String

  func completion(_ body: JSONValue) throws(APIError) -> ParsedRequest {
    var fields = try FieldReader(body)
    try checkModel(&fields)
    guard let prompt = fields.take("prompt") else {
      throw .badRequest("'prompt' is missing", parameter: "prompt", code: "missing_parameter")
    }
    let scoring = try ScoringFields(&fields)
    let common = try CommonFields(
      &fields, defaults: defaults, seed: seed, leastTokens: scoring == nil ? 1 : 0)
    try scoring?.check(common)
    if let best = try fields.integer("best_of", in: 1...20), best != common.answers {
      throw fields.wrong("best_of", "is not supported: only the value of 'n' is", code: "unsupported_parameter")
    }
    try CommonFields.checkRest(&fields, refused: ["suffix"])
    var parsed = try assemble(try prompts(prompt), common, parameter: "prompt")
    parsed.request.scoresPrompts = scoring != nil
    parsed.namesBest = scoring?.namesBest ?? false
    return parsed
  }

  func chat(_ body: JSONValue) throws(APIError) -> ParsedRequest {
    var fields = try FieldReader(body)
    try checkModel(&fields)
    guard let messages = fields.take("messages") else {
      throw .badRequest("'messages' is missing", parameter: "messages", code: "missing_parameter")
    }
    let common = try CommonFields(&fields, defaults: defaults, seed: seed)
    try checkChatOnly(&fields)
    try CommonFields.checkRest(
      &fields,
      refused: [
        "functions", "function_call", "audio", "prediction", "reasoning_effort", "web_search_options", "verbosity",
      ])
    return try assemble([try render(try turns(messages))], common, parameter: "messages")
  }

  private func render(_ turns: [ChatTurn]) throws(APIError) -> [Int32] {
    do {
      return try model.encode(turns)
    } catch {
      switch error {
      case .noTemplate:
        throw .badRequest(
          "the model has no chat template; use /v1/completions", parameter: "messages", code: "no_chat_template")
      case .template(let why):
        throw .badRequest("the chat template refuses these messages: \(why)", parameter: "messages")
      }
    }
  }

  /// Chat fields whose absence or default is fine and whose other values would change the answer.
  private func checkChatOnly(_ fields: inout FieldReader) throws(APIError) {
    if try fields.boolean("logprobs") == true {
      throw fields.wrong(
        "logprobs", "is not supported: this daemon gives no log probabilities", code: "unsupported_parameter")
    }
    if let top = try fields.integer("top_logprobs", in: 0...20), top > 0 {
      throw fields.wrong("top_logprobs", "is not supported", code: "unsupported_parameter")
    }
    if case .array(let tools)? = fields.take("tools"), !tools.isEmpty {
      throw fields.wrong("tools", "is not supported: the model cannot call tools", code: "unsupported_parameter")
    }
    if let choice = fields.take("tool_choice"), choice != .string("none"), choice != .string("auto") {
      throw fields.wrong("tool_choice", "is not supported", code: "unsupported_parameter")
    }
    _ = try fields.boolean("parallel_tool_calls")
    if let format = fields.take("response_format"), format != .object(["type": .string("text")]) {
      throw fields.wrong(
        "response_format", "is not supported: only {\"type\": \"text\"} is", code: "unsupported_parameter")
    }
    if let modalities = fields.take("modalities"), modalities != .array([.string("text")]) {
      throw fields.wrong("modalities", "is not supported: only [\"text\"] is", code: "unsupported_parameter")
    }
  }

  private func checkModel(_ fields: inout FieldReader) throws(APIError) {
    guard let name = try fields.string("model") else {
      throw .badRequest(
        "'model' is missing; this daemon serves \(model.name.literal)", parameter: "model", code: "missing_parameter")
    }
    guard name == model.name else {
      throw .notFound(
        "no model \(name.prefix(100).description.literal) here; this daemon serves \(model.name.literal)",
        parameter: "model",
        code: "model_not_found")
    }
  }

  // MARK: Prompts

  private func prompts(_ value: JSONValue) throws(APIError) -> [[Int32]] {
    switch value {
    case .string(let text): return [model.encode(text)]
    case .array(let elements):
      guard let first = elements.first else { throw Self.empty("prompt") }
      if case .integer = first { return [try tokens(elements)] }
      var prompts: [[Int32]] = []
      for element in elements {
        switch element {
        case .string(let text): prompts.append(model.encode(text))
        case .array(let ids): prompts.append(try tokens(ids))
        default: throw Self.mixed(element)
        }
      }
      return prompts
    default: throw Self.mixed(value)
    }
  }

  private func tokens(_ values: [JSONValue]) throws(APIError) -> [Int32] {
    var tokens: [Int32] = []
    tokens.reserveCapacity(values.count)
    for value in values {
      guard case .integer(let id) = value else { throw Self.mixed(value) }
      guard (0..<model.vocabulary).contains(id) else {
        throw .badRequest(
          "'prompt' has token \(id); the vocabulary has 0 to \(model.vocabulary - 1)", parameter: "prompt")
      }
      tokens.append(Int32(id))
    }
    return tokens
  }

  private static func empty(_ name: String) -> APIError {
    .badRequest("'\(name)' is empty: there is nothing to continue", parameter: name, code: "empty_prompt")
  }

  private static func mixed(_ value: JSONValue) -> APIError {
    .badRequest(
      "'prompt' must be a string, strings, token ids, or arrays of token ids; got \(value.words)",
      parameter: "prompt")
  }

  // MARK: Messages

  private func turns(_ value: JSONValue) throws(APIError) -> [ChatTurn] {
    guard case .array(let elements) = value else {
      throw .badRequest("'messages' must be an array, got \(value.words)", parameter: "messages")
    }
    guard !elements.isEmpty else { throw Self.empty("messages") }
    var turns: [ChatTurn] = []
    for (index, element) in elements.enumerated() { turns.append(try turn(element, at: "messages[\(index)].")) }
    return turns
  }

  private func turn(_ value: JSONValue, at path: String) throws(APIError) -> ChatTurn {
    var fields = try FieldReader(value, prefix: path)
    guard let role = try fields.string("role") else { throw fields.wrong("role", "is missing") }
    guard ["system", "developer", "user", "assistant"].contains(role) else {
      throw fields.wrong(
        "role", "must be system, developer, user or assistant, got \(role.prefix(40).description.literal)")
    }
    guard let content = fields.take("content") else { throw fields.wrong("content", "is missing") }
    // Templates know "system"; "developer" is OpenAI's newer word for it.
    return ChatTurn(role: role == "developer" ? "system" : role, content: try text(content, fields))
  }

  /// A string, or an array of text parts.
  private func text(_ content: JSONValue, _ message: FieldReader) throws(APIError) -> String {
    switch content {
    case .string(let text): return text
    case .array(let parts):
      var text = ""
      for part in parts {
        guard case .object(let fields) = part, fields["type"] == .string("text"),
          case .string(let piece)? = fields["text"]
        else { throw message.wrong("content", "takes only parts of type text") }
        text += piece
      }
      return text
    default: throw message.wrong("content", "must be a string or an array of text parts, got \(content.words)")
    }
  }

  // MARK: Limits

  private func assemble(_ prompts: [[Int32]], _ common: CommonFields, parameter: String) throws(APIError)
    -> ParsedRequest
  {
    guard prompts.count * common.answers <= CommonFields.mostSequences else {
      throw .badRequest(
        "'\(parameter)' asks for \(prompts.count * common.answers) answers, at most \(CommonFields.mostSequences)",
        parameter: parameter)
    }
    for prompt in prompts {
      guard !prompt.isEmpty else { throw Self.empty(parameter) }
      guard prompt.count <= model.context else { throw tooLong(prompt.count, 0, parameter) }
      if common.isMaxTokensGiven, common.maxTokens > model.context - prompt.count + 1 {
        throw tooLong(prompt.count, common.maxTokens, parameter)
      }
    }
    let request = GenerationRequest(
      id: id, model: model.name, prompts: prompts, answers: common.answers, maxTokens: common.maxTokens,
      stops: common.stops, sampling: common.sampling, sift: common.sift)
    return ParsedRequest(request: request, streams: common.streams, includesUsage: common.includesUsage)
  }

  private func tooLong(_ prompt: Int, _ answer: Int, _ parameter: String) -> APIError {
    let asked =
      answer > 0 ? "\(prompt) in the \(parameter) and \(answer) in max_tokens" : "\(prompt) in the \(parameter)"
    return .badRequest(
      "the model's context is \(model.context) tokens, asked are \(asked)",
      parameter: answer > 0 ? "max_tokens" : parameter,
      code: "context_length_exceeded")
  }
}
