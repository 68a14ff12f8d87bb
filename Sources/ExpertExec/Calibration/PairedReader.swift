// Reads text once as it is and once under each of several selectors, in step, and compares them token by token.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

import CExpertKernels
import SiftCore

/// What a selector's decisions did to one predicted token. z are the exact logits, z + Δz those under the selector.
public struct TokenEffect: Sendable, Hashable {
  /// −ln p of the right token, exact and under the selector, in nats.
  public var exactLoss: Double
  public var loss: Double
  /// KL(softmax(z) ‖ softmax(z + Δz)) in nats: the expected increase of loss if the exact model is right.
  public var divergence: Double
  /// max Δz − min Δz.
  public var range: Double
  /// Difference of the two largest exact logits.
  public var margin: Double
  /// Whether the most probable token is the same (ties to the lower id).
  public var keepsGreedy: Bool
}

/// Takes windows of text through the model once with Top-K and once with every selector, side by side in one session with
/// a sequence for each. Memory for logits is bounded, whatever the vocabulary. One thread's.
package final class PairedReader {
  package let window: Int
  /// `[selector]`: what decides in each variant.
  private let selectors: [any ExpertSelecting]
  private let session: InferenceSession
  private let turn: SelectorTurn
  private let rows: Int
  private let vocabulary: Int
  private var exact: [Float]
  private var shares: [Float]
  /// `[row]`: the right token's exact loss, ln Σ exp z, and the margin.
  private var exactFigures: [(loss: Double, normaliser: Double, best: Int, margin: Double)] = []

  /// Logits of one step take no more than this, in bytes.
  private static let logitBytesMax = 1 << 26

  package init(engine: Engine, window: Int, selectors: [any ExpertSelecting]) throws(SessionError) {
    guard window >= 2 else { throw .option("a window needs at least 2 tokens, got \(window)") }
    self.window = min(window, engine.description.contextLength)
    self.selectors = selectors
    vocabulary = engine.description.vocabulary
    rows = min(self.window, max(1, Self.logitBytesMax / (4 * vocabulary)))
    turn = SelectorTurn()
    session = try InferenceSession(
      engine: engine,
      options: SessionOptions(
        maxRows: rows, maxLogitRows: rows, cacheTokens: self.window * (selectors.count + 1)), selector: turn)
    exact = Array(repeating: 0, count: rows * vocabulary)
    shares = Array(repeating: 0, count: vocabulary)
  }

  /// Sees the steps of all variants, the exact one's first; set it before `read`.
  package var probe: (any ForwardProbe)? {
    get { session.probe }
    set { session.probe = newValue }
  }
  /// The variant whose step is under way: nil for the exact one.
  package private(set) var variant: Int?

  /// Reads one window of 2 tokens or more.
  /// - Parameter each: called for every predicted token and variant, tokens in order, in steps of some tokens.
  package func read(
    window tokens: ArraySlice<Int32>, each: (_ variant: Int, _ effect: TokenEffect) -> Void
  ) throws(SessionError) {
    guard tokens.count >= 2 else { throw .noTokens }
    var sequences: [SequenceID] = []
    defer { for id in sequences { session.close(id) } }
    for _ in 0...selectors.count { sequences.append(try session.open(capacity: tokens.count)) }
    let inputs = tokens.dropLast()
    for start in stride(from: inputs.startIndex, to: inputs.endIndex, by: rows) {
      let part = inputs[start..<min(start + rows, inputs.endIndex)]
      try step(sequences[0], part, nil)
      keepExact(part, tokens)
      for index in selectors.indices {
        try step(sequences[index + 1], part, index)
        for row in part.indices {
          each(index, effect(row - part.startIndex, right: Int(tokens[row + 1])))
        }
      }
    }
  }

  private func step(_ id: SequenceID, _ part: ArraySlice<Int32>, _ index: Int?) throws(SessionError) {
    variant = index
    turn.selector = index.map { selectors[$0] }
    try session.forward([Chunk(sequence: id, tokens: part, wanted: .all)])
  }

  private func keepExact(_ part: ArraySlice<Int32>, _ tokens: ArraySlice<Int32>) {
    exactFigures.removeAll(keepingCapacity: true)
    exact.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for index in part.indices {
        let row = index - part.startIndex
        let logits = session.logits(row: row)
        guard let source = logits.baseAddress else { continue }
        (base + row * vocabulary).update(from: source, count: vocabulary)
        let best = Int(Sampler.greatest(logits))
        var second = -Float.infinity
        for at in 0..<vocabulary where at != best && logits[at] > second { second = logits[at] }
        let normaliser = normaliser(logits, best)
        exactFigures.append(
          (
            normaliser - Double(logits[Int(tokens[index + 1])]), normaliser, best,
            Double(logits[best]) - Double(second)
          ))
      }
    }
  }

  /// ln Σ exp z; leaves the softmax in `shares`.
  private func normaliser(_ logits: UnsafeBufferPointer<Float>, _ best: Int) -> Double {
    shares.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress, let source = logits.baseAddress else { return .nan }
      base.update(from: source, count: logits.count)
      session.engine.kernels.table.pointee.softmax(base, logits.count)
      return Double(logits[best]) - log(Double(buffer[best]))
    }
  }

  private func effect(_ row: Int, right: Int) -> TokenEffect {
    let logits = session.logits(row: row)
    let figures = exactFigures[row]
    let best = Int(Sampler.greatest(logits))
    let after = normaliser(logits, best)
    var low = Float.infinity
    var high = -Float.infinity
    var fall = 0.0
    exact.withUnsafeBufferPointer { buffer in
      let before = UnsafeBufferPointer(rebasing: buffer[row * vocabulary..<(row + 1) * vocabulary])
      for at in 0..<vocabulary {
        let change = logits[at] - before[at]
        low = min(low, change)
        high = max(high, change)
      }
      fall = expectedFall(before, logits, figures.normaliser)
    }
    return TokenEffect(
      exactLoss: figures.loss, loss: after - Double(logits[right]),
      divergence: max(0, fall + after - figures.normaliser), range: Double(high) - Double(low), margin: figures.margin,
      keepsGreedy: best == figures.best)
  }

  /// E_p (z − z̃) under the exact shares p.
  private func expectedFall(
    _ before: UnsafeBufferPointer<Float>, _ after: UnsafeBufferPointer<Float>, _ normaliser: Double
  ) -> Double {
    shares.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress, let source = before.baseAddress else { return 0 }
      base.update(from: source, count: vocabulary)
      session.engine.kernels.table.pointee.softmax(base, vocabulary)
      var fall = 0.0
      for at in 0..<vocabulary { fall += Double(buffer[at]) * Double(before[at] - after[at]) }
      return fall
    }
  }
}

/// Decides by another selector, or serves every routed expert by itself here.
private final class SelectorTurn: ExpertSelecting {
  var selector: (any ExpertSelecting)?

  func beginStep(rows: [SequenceID]) { selector?.beginStep(rows: rows) }

  func decide(layer: Int, routed: RoutedTokens, plan: inout LayerPlan) {
    if let selector { return selector.decide(layer: layer, routed: routed, plan: &plan) }
    for at in 0..<routed.rows * routed.perToken {
      plan.choices[at] = ExpertChoice(target: routed.experts[at], node: 0, weight: routed.weights[at])
    }
  }

  func settle(layer: Int, plan: LayerPlan, fellBack: [Bool]) {
    selector?.settle(layer: layer, plan: plan, fellBack: fellBack)
  }
}
