// The shipped calibration on text that it never saw: the quantile's promise, and the bound on a layer's error.

import ExpertExec
import SiftCore
import SiftTestKit
import SiftTools
import Testing

/// Counts how often a distance exceeds its calibrated quantile.
private final class MissCounter: DistanceKeeping {
  let calibration: Calibration
  /// `[layer]` → misses and comparisons of the window at work, and the shares of the windows before.
  var misses: [Int]
  var comparisons: [Int]
  var shares: [[Double]]

  init(_ calibration: Calibration) {
    self.calibration = calibration
    misses = calibration.layers.map { _ in 0 }
    comparisons = misses
    shares = calibration.layers.map { _ in [] }
  }

  func keep(layer: Int, outputNorm: Double) {}

  func keep(
    layer: Int, routed: Int, weight: Float, distances: UnsafeBufferPointer<Float>, norms: UnsafeBufferPointer<Float>
  ) {
    guard let table = calibration.layers[layer] else { return }
    let experts = table.experts
    for target in 0...experts where target != routed {
      let limit = target == experts ? table.skipQuantile[routed] : table.quantile[routed * experts + target]
      if distances[target] / table.scale > limit { misses[layer] += 1 }
      comparisons[layer] += 1
    }
  }

  func endWindow() {
    for layer in shares.indices {
      shares[layer].append(Double(misses[layer]) / Double(comparisons[layer]))
      misses[layer] = 0
      comparisons[layer] = 0
    }
  }
}

@Suite struct CoverageTests {
  static let texts = [
    "chat", "code", "dictionary", "lexicon", "manuals", "novels", "pydocs", "scripture", "sqldocs",
  ].map { ReferenceModel.file("text/\($0).txt") }

  @Test func freshTextExceedsTheQuantileNoMoreOftenThanItPromises() throws {
    let engine = try Engine(folder: ReferenceModel.folder, threads: 2)
    let tokenizer = try Tokenizer(folder: ReferenceModel.folder)
    let experts = engine.description.layers.indices.map { engine.experts(layer: $0) }
    let calibration = try Calibration(
      path: ReferenceModel.file("calibration.safetensors"), modelHash: engine.hash, experts: experts)
    let counter = MissCounter(calibration)
    let reader = try DistanceReader(engine: engine, window: 256, keeper: counter)
    for path in Self.texts {
      let text = try SampleText.read(path, part: .secondHalf)
      try reader.read(tokenizer.encode(text, parseSpecial: true)) { _ in counter.endWindow() }
    }
    for layer in experts.indices {
      let shares = counter.shares[layer]
      let miss = Statistics.mean(shares)
      // Tokens of a window are alike, so windows, not tokens, are the independent draws.
      let error = Statistics.standardDeviation(shares) / Double(shares.count).squareRoot()
      #expect(miss <= calibration.missRate + 3 * error, "layer \(layer): \(miss) ± \(error)")
      // A quantile that is never exceeded would promise nothing.
      #expect(miss > calibration.missRate / 3, "layer \(layer): \(miss)")
    }
  }
}
