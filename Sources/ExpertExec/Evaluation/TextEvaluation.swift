// How well a model foretells a text: log-loss and next-token accuracy over windows.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

import CExpertKernels
import SiftCore

/// Figures of a text by the definition of `siftctl eval`: the tokens are cut into windows (the last, shorter one counts
/// if it has at least two tokens), and in each window every token but the first is foretold from those before it.
public struct TextEvaluation: Sendable, Hashable {
  /// Tokens of the text.
  public var tokens = 0
  /// Tokens foretold.
  public var predicted = 0
  /// Sum of −ln p over the predicted tokens, in nats.
  public var lossSum = 0.0
  /// Predicted tokens that were the most probable one (ties to the lower id).
  public var hits = 0

  public init() {}

  /// Mean −ln p, in nats; nil when nothing was predicted.
  public var logLoss: Double? { predicted > 0 ? lossSum / Double(predicted) : nil }
  public var perplexity: Double? { logLoss.map { exp($0) } }
  public var accuracy: Double? { predicted > 0 ? Double(hits) / Double(predicted) : nil }

  /// Adds the figures of another text.
  public mutating func add(_ other: TextEvaluation) {
    tokens += other.tokens
    predicted += other.predicted
    lossSum += other.lossSum
    hits += other.hits
  }
}

extension InferenceSession {
  /// Evaluates a text window by window, whatever this session's selector and transport do with its experts.
  ///
  /// - Parameters:
  ///   - window: tokens a window, at least 2.
  ///   - onWindow: called after every window with the tokens done so far; false ends the evaluation there.
  /// - Throws: `SessionError` when a window does not fit the context or the cache.
  public func evaluate(
    tokens: [Int32], window: Int = 512, onWindow: (Int) -> Bool = { _ in true }
  ) throws(SessionError) -> TextEvaluation {
    guard window >= 2 else { throw .option("a window needs at least 2 tokens, got \(window)") }
    var result = TextEvaluation()
    guard !tokens.isEmpty else { return result }
    let id = try open(capacity: min(window, tokens.count))
    defer { close(id) }
    var scratch: [Float] = Array(repeating: 0, count: engine.description.vocabulary)
    for start in stride(from: 0, to: tokens.count, by: window) {
      let piece = tokens[start..<min(start + window, tokens.count)]
      result.tokens += piece.count
      if piece.count >= 2 { try evaluate(window: piece, id, &scratch, &result) }
      guard onWindow(result.tokens) else { break }
    }
    return result
  }

  private func evaluate(
    window: ArraySlice<Int32>, _ id: SequenceID, _ scratch: inout [Float], _ result: inout TextEvaluation
  ) throws(SessionError) {
    try rewind(id, to: 0)
    // The last token foretells nothing.
    let inputs = window.dropLast()
    let rows = min(options.maxRows, options.maxLogitRows)
    for start in stride(from: inputs.startIndex, to: inputs.endIndex, by: rows) {
      let part = inputs[start..<min(start + rows, inputs.endIndex)]
      try forward([Chunk(sequence: id, tokens: part, wanted: .all)])
      for index in part.indices {
        judge(logits(row: index - part.startIndex), right: Int(window[index + 1]), &scratch, &result)
      }
    }
  }

  /// Books one prediction. With p the softmax, −ln p[right] = (greatest − logit[right]) − ln p[greatest].
  private func judge(
    _ logits: UnsafeBufferPointer<Float>, right: Int, _ scratch: inout [Float], _ result: inout TextEvaluation
  ) {
    let best = Int(Sampler.greatest(logits))
    let table = engine.kernels.table
    scratch.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress, let source = logits.baseAddress else { return }
      base.update(from: source, count: logits.count)
      table.pointee.softmax(base, logits.count)
    }
    result.predicted += 1
    result.hits += best == right ? 1 : 0
    result.lossSum += Double(logits[best] - logits[right]) - log(Double(scratch[best]))
  }
}
