// Writes a text: with a model of this process's own, or with a daemon's.

import ExpertExec
import SiftPolicy

/// What to write.
public struct GenerateTool: Sendable {
  public var prompt: String
  /// Most tokens to write.
  public var maxTokens: Int
  public var temperature: Double
  public var topP: Double
  public var seed: UInt32

  public init(prompt: String, maxTokens: Int, temperature: Double = 0, topP: Double = 1, seed: UInt32 = 0) {
    self.prompt = prompt
    self.maxTokens = maxTokens
    self.temperature = temperature
    self.topP = topP
    self.seed = seed
  }

  /// How a text came about.
  public struct Outcome: Sendable, Hashable {
    public var promptTokens: Int
    public var tokens: Int
    /// Seconds until the first piece of text, and from then to the end.
    public var firstSeconds: Double
    public var restSeconds: Double
    /// What the daemon said of its decisions; nil offline.
    public var remarks: String?

    /// One line for standard error.
    public var line: String {
      let rate = restSeconds > 0 && tokens > 1 ? Double(tokens - 1) / restSeconds : 0
      return "\(promptTokens) tokens read and the first written in \(FigureText.prefixed(firstSeconds, "s")), "
        + "\(tokens) written at \(FigureText.fixed(rate, 1)) tokens/s" + (remarks.map { "; " + $0 } ?? "")
    }
  }

  /// Writes with the model in `folder`, all experts executed here.
  /// - Parameters:
  ///   - threads: threads that compute.
  ///   - onText: gets whole characters as they are complete.
  /// - Throws: `ToolFailure`.
  public func offline(
    model folder: String, threads: Int, onText: (String) throws(ToolFailure) -> Void
  ) throws(ToolFailure) -> Outcome {
    let (engine, tokenizer) = try Self.load(folder, threads)
    let ids = tokenizer.encode(prompt)
    guard !ids.isEmpty else { throw ToolFailure(.usage, "the prompt is empty: there is nothing to continue") }
    let context = engine.description.contextLength
    guard ids.count < context else {
      throw ToolFailure(.usage, "the prompt has \(ids.count) tokens, the model reads at most \(context - 1)")
    }
    let limit = min(maxTokens, context - ids.count)
    let sampling = SamplingParameters(temperature: temperature, topP: topP, seed: UInt64(seed))
    if let problem = sampling.problem { throw ToolFailure(.usage, problem) }
    var text = TextAssembler(tokenizer)
    var failure: ToolFailure?
    let start = ContinuousClock.now
    var first: ContinuousClock.Instant?
    let generation: Generation
    do {
      let session = try InferenceSession(
        engine: engine, options: SessionOptions(maxRows: 128, maxLogitRows: 1, cacheTokens: ids.count + limit))
      generation = try session.generate(prompt: ids, limit: limit, sampling: sampling, stop: engine.endTokens) { id in
        if first == nil { first = ContinuousClock.now }
        do throws(ToolFailure) { try onText(text.append(id)) } catch { failure = error }
        return failure == nil
      }
    } catch {
      throw ToolFailure(.failure, "\(folder): \(error)")
    }
    if let failure { throw failure }
    let end = ContinuousClock.now
    try onText(text.finish())
    return Outcome(
      promptTokens: ids.count, tokens: generation.tokens.count, firstSeconds: ((first ?? end) - start) / .seconds(1),
      restSeconds: (end - (first ?? end)) / .seconds(1))
  }

  private static func load(_ folder: String, _ threads: Int) throws(ToolFailure) -> (Engine, Tokenizer) {
    do {
      let engine = try Engine(folder: folder, threads: threads)
      return (engine, try Tokenizer(folder: folder, vocabulary: engine.description.vocabulary))
    } catch {
      throw ToolFailure(.badData, "\(error)")
    }
  }

  /// Writes with a daemon's model, under a policy.
  /// - Throws: `ToolFailure`, or what `onText` throws.
  public func remote(
    _ client: ControlClient, policy: PolicySetting, onText: (String) throws -> Void
  ) async throws -> Outcome {
    var request = CompletionRequest(model: try await client.modelName(), prompt: prompt, maxTokens: maxTokens)
    request.temperature = temperature
    request.topP = topP
    request.seed = seed
    request.stream = true
    request.streamOptions = .init(includeUsage: true)
    request.sift = policy
    let start = ContinuousClock.now
    var first: ContinuousClock.Instant?
    var usage: CompletionAnswer.Usage?
    var figures: SiftFigures?
    try await client.stream("/v1/completions", request) { data in
      let chunk = try client.decodeEvent(CompletionAnswer.self, data)
      let text = chunk.choices.first?.text ?? ""
      if first == nil, !text.isEmpty { first = ContinuousClock.now }
      usage = chunk.usage ?? usage
      figures = chunk.sift ?? figures
      try onText(text)
    }
    let end = ContinuousClock.now
    return Outcome(
      promptTokens: usage?.promptTokens ?? 0, tokens: usage?.completionTokens ?? 0,
      firstSeconds: ((first ?? end) - start) / .seconds(1), restSeconds: (end - (first ?? end)) / .seconds(1),
      remarks: figures.map(Self.remarks))
  }

  private static func remarks(_ figures: SiftFigures) -> String {
    let joules = FigureText.prefixed(figures.energy + figures.peerEnergy, "J")
    // In the measure that the policy keeps its budget in.
    let square = figures.policy == PolicyName.siftmoe.rawValue ? figures.errorRMS : nil
    return "\(figures.policy): \(joules) (\(figures.energyStanding)), \(figures.visits) node visits, "
      + "\(square == nil ? "mean" : "root mean square") error "
      + "\(FigureText.fixed(square ?? figures.errorMean, 4)) of "
      + FigureText.fixed(figures.errorBudget, 4)
  }
}
