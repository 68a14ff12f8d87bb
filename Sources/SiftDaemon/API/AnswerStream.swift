// The events of a generation as server-sent events: which chunk says what, in which order. No input or output here.

/// Makes the chunks of one streamed answer.
struct AnswerStream {
  private let style: AnswerStyle
  private let parsed: ParsedRequest
  private let created: Int
  private var open: Int
  /// The last choice's end waits for the request's books, so that it can carry the `sift` object.
  private var held: AnswerChoice?

  init(style: AnswerStyle, parsed: ParsedRequest, created: Int) {
    self.style = style
    self.parsed = parsed
    self.created = created
    open = parsed.request.sequences
  }

  /// The chunks before the first token: in a chat, who speaks.
  func opening() -> [[UInt8]] {
    guard style == .chat else { return [] }
    return (0..<parsed.request.sequences).map {
      event(body([AnswerChoice(index: $0, content: .delta(role: "assistant", content: ""))]))
    }
  }

  /// The chunks that an event becomes.
  mutating func chunks(for event: GenerationEvent) -> [[UInt8]] {
    switch event {
    case .text(_, let text) where text.isEmpty: []
    case .text(let sequence, let text):
      [self.event(body([AnswerChoice(index: sequence, content: content(text))]))]
    case .scored: []
    case .ended(let sequence, let reason): ended(sequence, reason)
    case .done(let summary): done(summary)
    }
  }

  private mutating func ended(_ sequence: Int, _ reason: FinishReason) -> [[UInt8]] {
    open -= 1
    let end = style == .chat ? AnswerChoice.Content.delta(role: nil, content: nil) : .text("")
    let choice = AnswerChoice(index: sequence, content: end, finishReason: reason)
    guard open == 0 else { return [event(body([choice]))] }
    held = choice
    return []
  }

  private mutating func done(_ summary: GenerationSummary) -> [[UInt8]] {
    switch summary.outcome {
    case .failed(let why): return [event(APIError.internalError(why).body)]
    case .cancelled: return [event(APIError.stopping.body)]
    case .completed: break
    }
    var chunks: [[UInt8]] = []
    if let held {
      var last = body([held])
      last.sift = SiftReport(parsed.request.sift, summary)
      chunks.append(event(last))
    }
    if parsed.includesUsage {
      var usage = body([])
      usage.usage = .figures(Usage(summary))
      usage.sift = SiftReport(parsed.request.sift, summary)
      chunks.append(event(usage))
    }
    return chunks + [Array("data: [DONE]\n\n".utf8)]
  }

  private func content(_ text: String) -> AnswerChoice.Content {
    style == .chat ? .delta(role: nil, content: text) : .text(text)
  }

  private func body(_ choices: [AnswerChoice]) -> AnswerBody {
    AnswerBody(
      id: parsed.request.id, object: style.chunkObject, created: created, model: parsed.request.model,
      choices: choices, usage: parsed.includesUsage ? .null : .absent)
  }

  private func event(_ body: some Encodable) -> [UInt8] {
    Array("data: ".utf8) + JSONResponse.encode(body) + Array("\n\n".utf8)
  }
}

/// Collects the events of an answer that is sent whole.
struct AnswerCollector {
  private var texts: [String]
  private var reasons: [FinishReason?]
  private(set) var summary: GenerationSummary?
  private var scores: [[TokenScore]]

  init(sequences: Int) {
    scores = Array(repeating: [], count: sequences)
    texts = Array(repeating: "", count: sequences)
    reasons = Array(repeating: nil, count: sequences)
  }

  mutating func take(_ event: GenerationEvent) {
    switch event {
    case .text(let sequence, let text): texts[sequence] += text
    case .scored(let sequence, let scores): self.scores[sequence] = scores
    case .ended(let sequence, let reason): reasons[sequence] = reason
    case .done(let summary): self.summary = summary
    }
  }

  /// The answer. - Throws: 500 or 503 when the request did not complete.
  func body(style: AnswerStyle, parsed: ParsedRequest, model: any ServedModel, created: Int) throws(APIError)
    -> AnswerBody
  {
    let request = parsed.request
    guard let summary else { throw .stopping }
    switch summary.outcome {
    case .failed(let why): throw .internalError(why)
    case .cancelled: throw .stopping
    case .completed: break
    }
    let choices = texts.indices.map { index in
      var choice = AnswerChoice(
        index: index, content: style == .chat ? .message(texts[index]) : .text(texts[index]),
        finishReason: reasons[index])
      if request.scoresPrompts {
        let scored = ScoredText(scores[index], model: model, namesBest: parsed.namesBest)
        choice.content = .text(scored.text)
        choice.logprobs = scored
      }
      return choice
    }
    return AnswerBody(
      id: request.id, object: style.object, created: created, model: request.model, choices: choices,
      usage: .figures(Usage(summary)), sift: SiftReport(request.sift, summary))
  }
}
