// One sequence while it is decoded: what was given to the engine, what comes next, and the text so far.

import ExpertExec
import SiftCore

/// The state of one sequence. Lives on the scheduler's thread.
struct SequenceRun {
  let id: SequenceID
  /// Index within its request.
  let index: Int
  /// Tokens the sequence was opened for.
  let capacity: Int
  private let prompt: [Int32]
  private let maxTokens: Int
  private let endTokens: Set<Int32>
  private var given = 0
  private var next: Int32?
  private(set) var generated = 0
  private var sampler: any TokenSampling
  private var assembler: any TokenAssembling
  private var matcher: StopMatcher
  private var told = SequenceEffort(operations: 0)
  /// The prompt is scored, not continued.
  let isScoring: Bool
  private var scores: [TokenScore] = []

  init(id: SequenceID, index: Int, capacity: Int, request: GenerationRequest, model: any ServedModel) {
    self.id = id
    self.index = index
    self.capacity = capacity
    prompt = request.prompts[index / request.answers]
    maxTokens = request.maxTokens
    isScoring = request.scoresPrompts
    endTokens = model.endTokens
    // Answers of one prompt differ by their seeds; the first has the seed the client gave.
    var sampling = request.sampling
    sampling.seed &+= UInt64(index % request.answers)
    sampler = model.makeSampler(sampling)
    assembler = model.makeAssembler()
    matcher = StopMatcher(request.stops)
  }

  var isDecoding: Bool { next != nil }
  var promptTokens: Int { prompt.count }
  var plan: PlannedSequence {
    PlannedSequence(pending: isDecoding ? 1 : prompt.count - given, isDecoding: isDecoding)
  }

  /// - Returns: what is in `effort` and was not in the one before.
  mutating func news(_ effort: SequenceEffort) -> SequenceEffort {
    defer { told = effort }
    var news = effort
    news.visits -= told.visits
    news.bytes -= told.bytes
    news.radioJoules -= told.radioJoules
    return news
  }

  /// The chunk of the next step with `rows` rows (≥ 1).
  func chunk(rows: Int) -> Chunk {
    if let next { return Chunk(sequence: id, token: next) }
    let end = given + rows
    if isScoring { return Chunk(sequence: id, tokens: prompt[given..<end], wanted: .all) }
    return Chunk(sequence: id, tokens: prompt[given..<end], wanted: end == prompt.count ? .last : .none)
  }

  /// What a step brought.
  enum Progress {
    /// More of the prompt is to be read.
    case reading
    case text(String)
    case scored([TokenScore])
    case ended(String, FinishReason)
  }

  /// Takes the result of a step that gave this sequence `rows` rows.
  /// - Parameter logits: of its last row; nil when its chunk wanted none.
  mutating func advance(rows: Int, logits: UnsafeBufferPointer<Float>?) -> Progress {
    given += rows
    guard let logits else { return .reading }
    let token = sampler.pick(logits)
    generated += 1
    if endTokens.contains(token) { return end("", .stop) }
    let (text, stopped) = matcher.append(assembler.append(token))
    if stopped { return .ended(text, .stop) }
    // The next step would give the engine one token more than now.
    if generated >= maxTokens || given >= capacity { return end(text, .length) }
    next = token
    return .text(text)
  }

  /// Takes the result of a step that gave this sequence `rows` rows of the prompt that it scores.
  /// - Parameter logits: of row 0 ..< `rows` of its own.
  mutating func score(rows: Int, logits: (Int) -> UnsafeBufferPointer<Float>) -> Progress {
    if scores.isEmpty, let first = prompt.first { scores.append(TokenScore(token: first)) }
    // The last token foretells nothing.
    for row in 0..<rows where given + row + 1 < prompt.count {
      scores.append(TokenScore(token: prompt[given + row + 1], after: logits(row)))
    }
    given += rows
    return given < prompt.count ? .reading : .scored(scores)
  }

  private mutating func end(_ text: String, _ reason: FinishReason) -> Progress {
    let (last, stopped) = matcher.append(assembler.finish())
    return .ended(text + last + (stopped ? "" : matcher.finish()), stopped ? .stop : reason)
  }
}
