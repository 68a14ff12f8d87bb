// From an error of the layers to the answers: B4 (to first order) and B5 (exactly), on text that calibration never saw.

import ExpertExec
import HostIO
import SiftCore
import SiftTestKit
import Testing

/// Leaves out routed experts of odd number that carry less weight than `below`, as policies do: wholly, or the share
/// `share` of their weight.
private func lightExpertsLeftOut(below: Float, share: Float = 1) -> FixedSelector {
  FixedSelector { _, _, expert, weight in
    ExpertChoice(
      target: expert, node: 0, weight: expert % 2 == 1 && weight < below ? weight * (1 - share) : weight)
  }
}

/// Measures the relative error of every layer of a variant, at the input that the layer really got.
private final class ErrorProbe: ForwardProbe {
  weak var reader: PairedReader?
  let host: ExpertHost
  let scales: [Float]
  /// `[variant][layer][row of the window]`, squared.
  var squares: [[[Double]]]
  private var input: [Float] = []
  private var exact: [Double] = []

  init(_ engine: Engine, rows: Int, scales: [Float], variants: Int) throws {
    host = try ExpertHost(engine: engine, limits: ExpertHost.Limits(rows: rows))
    self.scales = scales
    squares = Array(repeating: scales.map { _ in [] }, count: variants)
  }

  func beginWindow() { squares = squares.map { $0.map { _ in [] } } }

  func see(_ point: ProbePoint, layer: Int, values: UnsafeBufferPointer<Float>, width: Int) {
    guard let variant = reader?.variant else { return }
    if point == .expertInput { input = Array(values) }
    guard point == .expertOutput else { return }
    for row in 0..<values.count / width {
      var sum = 0.0
      for at in row * width..<(row + 1) * width {
        let apart = (exact[at] - Double(values[at])) / Double(scales[layer])
        sum += apart * apart
      }
      squares[variant][layer].append(sum)
    }
  }

  func see(layer: Int, experts: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, perToken: Int) {
    guard reader?.variant != nil else { return }
    let rows = experts.count / perToken
    exact = Array(repeating: 0, count: rows * host.width)
    let visit = input.withUnsafeBufferPointer { hidden in
      Array(repeating: Int32(perToken), count: rows).withUnsafeBufferPointer { counts in
        hidden.baseAddress.map {
          ExpertVisit(
            node: NodeIndex(0), layer: layer, width: host.width, rows: rows, hidden: $0, counts: counts,
            experts: experts, weights: weights, patience: .seconds(1))
        }.map { visit in
          exact.withUnsafeMutableBufferPointer { try? host.execute(visit, sums: $0) } != nil
        }
      }
    }
    if visit != true { Issue.record("layer \(layer) could not be executed") }
  }
}

@Suite struct AnswerBoundTests {
  static let texts = ["novels", "code", "chat", "lexicon"]
  static let window = 128

  /// Windows from the second half of each text.
  static func windows(_ engine: Engine, each: Int) throws -> [ArraySlice<Int32>] {
    try texts.flatMap { name -> [ArraySlice<Int32>] in
      let bytes = try readSmallFile(ReferenceModel.file("text/\(name).txt"), limit: 1 << 20)
      let text = String(decoding: bytes.suffix(bytes.count / 2 - 100), as: UTF8.self)
      let tokens = engine.tokenizer.encode(text, parseSpecial: true)
      return (0..<each).map { tokens[$0 * window..<($0 + 1) * window] }
    }
  }

  @Test func whatAReaderSeesIsBoundedByTheRangeForEveryToken() throws {
    let engine = try Engine(folder: ReferenceModel.folder, threads: 2)
    let reader = try PairedReader(
      engine: engine, window: Self.window,
      selectors: [0.1, 0.25, 1].map { lightExpertsLeftOut(below: $0) })
    var tokens = 0
    var broken: [String] = []
    var nearest = (divergence: 0.0, loss: 0.0)
    var decided = 0
    for window in try Self.windows(engine, each: 3) {
      try reader.read(window: window) { _, effect in
        tokens += 1
        let square = effect.range * effect.range / 8
        // Logits are sums of floats: what they are off by is far below a thousandth.
        if effect.divergence > square + 1e-5 || abs(effect.loss - effect.exactLoss) > effect.range + 1e-4
          || effect.margin > effect.range && !effect.keepsGreedy
        {
          broken.append("\(effect)")
        }
        if square > 1e-3 { nearest.divergence = max(nearest.divergence, effect.divergence / square) }
        if effect.range > 0.1 {
          nearest.loss = max(nearest.loss, abs(effect.loss - effect.exactLoss) / effect.range)
        }
        if effect.margin > effect.range { decided += 1 }
      }
    }
    #expect(tokens == 3 * 12 * (Self.window - 1) && broken.isEmpty, "\(broken.prefix(3))")
    // Bounds that nothing comes near, or that speak of no token, would say little.
    #expect(nearest.divergence > 0.1 && nearest.loss > 0.3, "\(nearest)")
    #expect(decided > tokens / 20 && decided < tokens, "\(decided) of \(tokens)")
  }

  @Test func theChangeOfLogitsIsProportionalToASmallError() throws {
    let engine = try Engine(folder: ReferenceModel.folder, threads: 2)
    let reader = try PairedReader(
      engine: engine, window: Self.window,
      selectors: [0.5, 1].map { lightExpertsLeftOut(below: 0.15, share: $0) })
    var ranges = [[Double]](repeating: [], count: 2)
    for window in try Self.windows(engine, each: 2) {
      try reader.read(window: window) { ranges[$0].append($1.range) }
    }
    let ratios = zip(ranges[0], ranges[1]).filter { $0.1 > 0 }.map { $0.0 / $0.1 }.sorted()
    // Half the error makes half the change, to a tenth in the median.
    let median = ratios[ratios.count / 2]
    #expect(abs(median - 0.5) < 0.05, "\(median)")
    #expect(ratios[ratios.count / 10] > 0.35 && ratios[ratios.count * 9 / 10] < 0.65)
  }

  @Test func theCalibratedAmplificationsCoverFreshText() throws {
    let engine = try Engine(folder: ReferenceModel.folder, threads: 2)
    let calibration = try Calibration(
      path: ReferenceModel.file("calibration.safetensors"), modelHash: engine.hash,
      experts: engine.description.layers.indices.map { engine.experts(layer: $0) })
    let layers = calibration.layers.compactMap { $0 }
    let scales = layers.compactMap { $0.squares?.scale }
    let amplifications = try layers.map { Double(try #require($0.effect).amplification) }
    #expect(amplifications.allSatisfy { $0 > 0 })
    let selectors = [lightExpertsLeftOut(below: 0.12), lightExpertsLeftOut(below: 0.2)]
    let reader = try PairedReader(engine: engine, window: Self.window, selectors: selectors)
    let probe = try ErrorProbe(engine, rows: Self.window, scales: scales, variants: selectors.count)
    probe.reader = reader
    reader.probe = probe
    var ranges = [[Double]](repeating: [], count: selectors.count)
    // [variant] → shares of tokens beyond the bound, a window each; and the largest share of the bound that is used.
    var missed = ranges
    var used = ranges
    for window in try Self.windows(engine, each: 3) {
      probe.beginWindow()
      ranges = ranges.map { _ in [] }
      try reader.read(window: window) { ranges[$0].append($1.range) }
      for variant in selectors.indices {
        var sums = scales.map { _ in 0.0 }
        var beyond = 0
        for (row, range) in ranges[variant].enumerated() {
          for layer in scales.indices { sums[layer] += probe.squares[variant][layer][row] }
          let bound = zip(amplifications, sums).reduce(0) { $0 + $1.0 * ($1.1 / Double(row + 1)).squareRoot() }
          if range > bound { beyond += 1 }
          used[variant].append(bound > 0 ? range / bound : 0)
        }
        missed[variant].append(Double(beyond) / Double(ranges[variant].count))
      }
    }
    for variant in selectors.indices {
      let share = missed[variant].reduce(0, +) / Double(missed[variant].count)
      #expect(share <= calibration.missRate, "\(share) of the tokens exceed the bound")
      // Layers' errors partly cancel, so the bound is wide; but not so wide that it says nothing.
      let ordered = used[variant].sorted()
      #expect(ordered[ordered.count / 2] > 0.15, "\(ordered[ordered.count / 2])")
    }
  }
}
