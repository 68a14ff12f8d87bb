// Prompt in, tokens out: one sequence written to its end. For tools and tests; the daemon has a scheduler.

import SiftCore

/// A text that was written.
public struct Generation: Sendable, Hashable {
  public enum Ending: Sendable, Hashable {
    /// This token ended the text; it is not among `tokens`.
    case stop(Int32)
    /// The most tokens that were asked for.
    case length
    /// The caller wanted no more.
    case cancelled
  }
  public var tokens: [Int32]
  public var ending: Ending
}

extension InferenceSession {
  /// Reads `prompt` and writes up to `limit` tokens, in a sequence that is opened and closed here.
  ///
  /// - Parameters:
  ///   - stop: tokens that end the text.
  ///   - onToken: sees every token as it is chosen; false ends the text there.
  /// - Throws: `SessionError`, for instance when prompt and answer do not fit the context.
  public func generate(
    prompt: [Int32], limit: Int, sampling: SamplingParameters = .greedy, stop: Set<Int32> = [],
    onToken: (Int32) -> Bool = { _ in true }
  ) throws(SessionError) -> Generation {
    guard !prompt.isEmpty else { throw .noTokens }
    let id = try open(capacity: prompt.count + max(limit, 0))
    defer { close(id) }
    try read(prompt, into: id)
    var sampler = Sampler(sampling, kernels: engine.kernels)
    var generation = Generation(tokens: [], ending: .length)
    generation.tokens.reserveCapacity(max(limit, 0))
    var chunks = [Chunk(sequence: id, token: 0)]
    while generation.tokens.count < limit {
      let token = sampler.pick(logits(row: 0))
      if stop.contains(token) {
        generation.ending = .stop(token)
        break
      }
      generation.tokens.append(token)
      guard onToken(token) else {
        generation.ending = .cancelled
        break
      }
      if generation.tokens.count == limit { break }
      chunks[0] = Chunk(sequence: id, token: token)
      try forward(chunks)
    }
    return generation
  }

  /// Appends a prompt to a sequence in steps of at most `options.maxRows` rows; the last gives the last token's logits.
  public func read(_ prompt: [Int32], into id: SequenceID) throws(SessionError) {
    guard !prompt.isEmpty else { throw .noTokens }
    for start in stride(from: 0, to: prompt.count, by: options.maxRows) {
      let end = min(start + options.maxRows, prompt.count)
      let chunk = Chunk(sequence: id, tokens: prompt[start..<end], wanted: end == prompt.count ? .last : .none)
      try forward([chunk])
    }
  }
}
