// Measures distances between experts with the real model: every expert is executed on every sample token.

import SiftCore

/// Reads sample text with a model and measures how far apart its experts are (docs/theory, §2).
///
/// Each window of the text is taken through the model once with Top-K, everything local. In every layer all experts are
/// executed on all rows together, and for each token and routed expert i the distances ‖f_i − f_j‖ to every j and the
/// norm ‖f_i‖ are taken. Memory is bounded: beyond `memory` bytes a random subset of the tokens stands for all of them in
/// the quantiles; means are always over all.
///
/// One thread's.
public final class Calibrator {
  public let engine: Engine
  /// α of the conformal quantile.
  public let missRate: Double
  /// Tokens of a window.
  public let window: Int
  /// Gram tables are left out where those of all layers together would take more while they are summed up.
  public static let gramBytesMax = 64 << 20
  private let reader: DistanceReader
  private let samples: SampleKeeper
  public var tokens: Int { reader.tokens }

  /// - Parameters:
  ///   - missRate: 0 < α < 1.
  ///   - window: tokens that are read as one text; at most the model's context.
  ///   - memory: bytes that kept distances may take.
  ///   - seed: of the random subset.
  public init(
    engine: Engine, missRate: Double = 0.1, window: Int = 512, memory: Int = 1 << 29, seed: UInt64 = 1
  ) throws(SessionError) {
    guard missRate > 0, missRate < 1 else { throw .option("the miss rate must lie between 0 and 1, got \(missRate)") }
    guard window >= 1 else { throw .option("a window needs at least one token, got \(window)") }
    self.engine = engine
    self.missRate = missRate
    samples = SampleKeeper(engine: engine, memory: memory, seed: seed)
    reader = try DistanceReader(engine: engine, window: window, keeper: samples)
    self.window = reader.window
  }

  /// Reads one text, cut into windows.
  /// - Parameter progress: called after each window with the tokens read since the last call.
  public func read(_ text: [Int32], progress: (Int) throws -> Void = { _ in }) throws {
    try reader.read(text, progress: progress)
  }

  /// Puts what was measured so far into `part`.
  package func save(to part: inout CalibrationPart) {
    part.add("tokens", [tokens])
    samples.save(to: &part)
  }

  /// Goes on from where the run that wrote `part` was. Before the first `read`; texts are then read from there on.
  /// - Returns: false, and nothing is changed, when the part has not all of it.
  package func restore(from part: CalibrationPart) -> Bool {
    guard let count = part.integers("tokens"), count.count == 1, count[0] > 0, samples.restore(from: part) else {
      return false
    }
    reader.goOn(after: count[0])
    return true
  }

  /// What was measured so far.
  /// - Throws: `SessionError.noTokens` before anything was read.
  public func calibration() throws(SessionError) -> Calibration {
    guard tokens > 0 else { throw .noTokens }
    let layers = samples.layers.map { $0?.layer(missRate: missRate) }
    return Calibration(modelHash: engine.hash, missRate: missRate, tokens: tokens, layers: layers)
  }
}

/// Keeps what the reader measures, layer by layer.
private final class SampleKeeper: DistanceKeeping {
  private(set) var layers: [DistanceSample?]

  init(engine: Engine, memory: Int, seed: UInt64) {
    let counts = engine.description.layers.indices.map { engine.experts(layer: $0) }
    let rowBytes = counts.reduce(0) { $0 + $1 * ($1 + 1) } * MemoryLayout<Float>.size
    let capacity = max(1, memory / max(1, rowBytes))
    let hasGram = counts.reduce(0) { $0 + GramSample.bytes($1) } <= Calibrator.gramBytesMax
    layers = counts.enumerated().map { layer, experts in
      experts > 0
        ? DistanceSample(experts: experts, capacity: capacity, seed: seed &+ UInt64(layer), hasGram: hasGram) : nil
    }
  }

  func save(to part: inout CalibrationPart) {
    for (index, layer) in layers.enumerated() { layer?.save("layer.\(index).", to: &part) }
  }

  func restore(from part: CalibrationPart) -> Bool {
    var restored = layers
    for index in restored.indices where restored[index] != nil {
      guard restored[index]?.restore("layer.\(index).", from: part) == true else { return false }
    }
    layers = restored
    return true
  }

  func wantsProducts(layer: Int) -> Bool { layers[layer]?.gram != nil }

  func keep(
    layer: Int, routed: Slice<UnsafeBufferPointer<Int32>>, weights: Slice<UnsafeBufferPointer<Float>>,
    products: UnsafeBufferPointer<Float>
  ) {
    layers[layer]?.gram?.add(routed, weights, products: products)
  }

  func keep(layer: Int, outputNorm: Double) { layers[layer]?.add(outputNorm: outputNorm) }
  func keep(
    layer: Int, routed: Int, weight: Float, distances: UnsafeBufferPointer<Float>, norms: UnsafeBufferPointer<Float>
  ) {
    layers[layer]?.add(routed, weight: Double(weight), distances, norms: norms)
  }
}
