// The journey of tokens: sequences with their caches, and steps that take rows of several of them through the model.

import CExpertKernels
import SiftCore
import Synchronization

private let nextSequence = Atomic<UInt64>(1)

/// Sequences being read and written with one engine. One thread's: it owns caches, buffers and a team of threads.
///
/// A step (`forward`) takes chunks of several sequences together. The result of a row depends on the tokens of its own
/// sequence only: neither on the rows beside it, nor on how a prompt was cut, nor on the number of threads, to the bit.
public final class InferenceSession {
  public let engine: Engine
  public let options: SessionOptions
  /// Figures of the latest step.
  public internal(set) var statistics = StepStatistics()
  /// Where a fraction of the decisions is kept, to be measured with `measure`; nil keeps none.
  public var errorSamples: ErrorSamples?
  /// Sees inside of steps; slower while set.
  package weak var probe: (any ForwardProbe)?

  let team: ThreadTeam
  let activations: Activations
  let clock = ContinuousClock()
  var layout: StepLayout
  var experts: LocalExperts
  var dispatch: ExpertDispatch
  private var rotary: RotaryTable
  private var caches: [SequenceCache] = []
  private var reserved = 0

  /// - Parameters:
  ///   - selector: decides what stands in for each routed expert; nil executes every routed expert here (Top-K).
  ///   - transport: carries visits to other nodes; nil when there are none.
  /// - Throws: `SessionError` for options out of range, or when memory or threads are refused.
  public init(
    engine: Engine, options: SessionOptions = SessionOptions(), selector: (any ExpertSelecting)? = nil,
    transport: (any ExpertTransport)? = nil
  ) throws(SessionError) {
    try options.check()
    guard selector != nil || options.hosted == nil else {
      throw .option("hosted names some experts only, which needs a selector")
    }
    let threads = options.threads ?? engine.threads
    guard let team = ThreadTeam(threads: threads) else { throw .noThreads(threads) }
    let shape = engine.shape
    self.engine = engine
    self.options = options
    self.team = team
    activations = try Activations(shape: shape, options: options, threads: threads)
    layout = try StepLayout(maxRows: options.maxRows, maxLogitRows: options.maxLogitRows)
    experts = try LocalExperts(
      engine: engine, arena: activations.arena, maxPairs: options.maxRows * shape.perToken)
    dispatch = try ExpertDispatch(engine: engine, options: options, selector: selector, transport: transport)
    rotary = try RotaryTable(
      context: min(shape.context, options.cacheTokens), headDim: shape.headDim,
      theta: engine.description.rope.base)
  }

  // MARK: Sequences

  /// Begins a sequence of at most `capacity` tokens, prompt and answer together.
  /// - Throws: `SessionError` when the model or the cache has no room for it.
  public func open(capacity: Int) throws(SessionError) -> SequenceID {
    guard capacity >= 1 else { throw .option("a sequence needs a capacity of at least 1, got \(capacity)") }
    guard capacity <= engine.shape.context else {
      throw .beyondContext(tokens: capacity, context: engine.shape.context)
    }
    guard capacity <= options.cacheTokens - reserved else {
      throw .cacheFull(asked: capacity, free: options.cacheTokens - reserved)
    }
    let id = SequenceID(nextSequence.wrappingAdd(1, ordering: .relaxed).oldValue)
    caches.append(try SequenceCache(id: id, capacity: capacity, shape: engine.shape))
    reserved += capacity
    return id
  }

  /// Ends a sequence and frees its cache; does nothing when it is not open.
  public func close(_ id: SequenceID) {
    guard let index = caches.firstIndex(where: { $0.id == id }) else { return }
    reserved -= caches[index].capacity
    caches.remove(at: index)
  }

  /// Tokens that a sequence holds; nil when it is not open.
  public func length(of id: SequenceID) -> Int? { cache(id)?.length }

  /// Forgets the tokens of a sequence from `length` on; 0 begins it anew.
  public func rewind(_ id: SequenceID, to length: Int) throws(SessionError) {
    guard let cache = cache(id) else { throw .unknownSequence(id) }
    cache.length = min(cache.length, max(length, 0))
  }

  /// Tokens for which sequences may still be opened.
  public var freeCacheTokens: Int { options.cacheTokens - reserved }
  /// Bytes that one token takes in the KV cache.
  public var cacheBytesPerToken: Int { engine.shape.cacheBytesPerToken }

  private func cache(_ id: SequenceID) -> SequenceCache? { caches.first { $0.id == id } }

  // MARK: Steps

  /// Takes the tokens of all chunks through the model and appends them to their sequences.
  /// - Throws: `SessionError`, before anything is touched.
  public func forward(_ chunks: [Chunk]) throws(SessionError) {
    let start = clock.now
    try admit(chunks)
    statistics.reset(rows: layout.rows)
    rotary.fill(layout.reach)
    dispatch.beginStep(layout.rows, chunks)
    embed()
    for layer in 0..<engine.shape.layers {
      attend(layer, rotary.cosine(0), rotary.sine(0))
      feedForward(layer)
    }
    giveLogits()
    for chunk in chunks { cache(chunk.sequence)?.length += chunk.count }
    statistics.duration = clock.now - start
  }

  /// Rows of logits that the latest step gave.
  public var logitRows: Int { layout.wantedCount }

  /// The logits of a wanted row of the latest step, `[vocabulary]`; rows count over the wanted ones in the order of the
  /// chunks. Valid until the next step.
  /// - Precondition: `0 ≤ row < logitRows`.
  public func logits(row: Int) -> UnsafeBufferPointer<Float> {
    precondition(row >= 0 && row < layout.wantedCount, "row \(row) of \(layout.wantedCount) logits")
    let count = engine.shape.vocabulary
    return UnsafeBufferPointer(start: activations.logits.base + row * count, count: count)
  }

  /// Checks everything, then lays out the rows.
  private func admit(_ chunks: [Chunk]) throws(SessionError) {
    var rows = 0
    var wanted = 0
    for (index, chunk) in chunks.enumerated() {
      try check(chunk)
      for other in 0..<index where chunks[other].sequence == chunk.sequence {
        throw .repeatedSequence(chunk.sequence)
      }
      rows += chunk.count
      wanted += chunk.wantedCount
    }
    guard rows > 0 else { throw .noTokens }
    guard rows <= options.maxRows else { throw .tooManyRows(rows, limit: options.maxRows) }
    guard wanted <= options.maxLogitRows else { throw .tooManyLogits(wanted, limit: options.maxLogitRows) }
    layout.reset()
    for chunk in chunks { if let cache = cache(chunk.sequence) { layout.append(chunk, to: cache) } }
  }

  private func check(_ chunk: Chunk) throws(SessionError) {
    guard let cache = cache(chunk.sequence) else { throw .unknownSequence(chunk.sequence) }
    guard chunk.count > 0 else { throw .noTokens }
    let length = cache.length + chunk.count
    guard length <= engine.shape.context else { throw .beyondContext(tokens: length, context: engine.shape.context) }
    guard length <= cache.capacity else { throw .beyondCapacity(tokens: length, capacity: cache.capacity) }
    for index in 0..<chunk.count {
      let token = chunk[index]
      guard token >= 0, token < engine.shape.vocabulary else {
        throw .unknownToken(token, vocabulary: engine.shape.vocabulary)
      }
    }
  }
}
