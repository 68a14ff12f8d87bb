// Mean squares by their definition: the calibrator against plain sums over the tokens.

import ExpertExec
import HostIO
import SiftTestKit
import Testing

/// Adds up w²-weighted products of expert outputs, one token after another, in double precision.
private final class PlainSums: ForwardProbe {
  let host: ExpertHost
  var hidden: UnsafeBufferPointer<Float>?
  /// `[layer][routed]` Σ w²; `[layer][routed][a][b]` Σ w²⟨f_a, f_b⟩; Σ ‖y‖².
  var weights: [[Double]]
  var products: [[[[Double]]]]
  var outputs: [Double]
  var tokens = 0

  init(_ engine: Engine, rows: Int) throws {
    host = try ExpertHost(engine: engine, limits: ExpertHost.Limits(rows: rows))
    let experts = host.hostedExperts(layer: 0).count
    let zeros = Array(repeating: 0.0, count: experts)
    weights = Array(repeating: zeros, count: host.layers)
    products = Array(
      repeating: Array(repeating: Array(repeating: zeros, count: experts), count: experts), count: host.layers)
    outputs = Array(repeating: 0, count: host.layers)
  }

  func see(_ point: ProbePoint, layer: Int, values: UnsafeBufferPointer<Float>, width: Int) {
    if point == .expertInput { hidden = values }
  }

  func see(layer: Int, experts: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, perToken: Int) {
    guard let input = hidden?.baseAddress else { return }
    let rows = experts.count / perToken
    let count = host.hostedExperts(layer: layer).count
    let width = host.width
    var flat = [Float](repeating: 0, count: count * rows * width)
    flat.withUnsafeMutableBufferPointer { out in
      guard let base = out.baseAddress else { return }
      try? host.outputs(layer: layer, experts: Array(0..<count), hidden: input, rows: rows, out: base)
    }
    if layer == 0 { tokens += rows }
    for row in 0..<rows {
      let f = (0..<count).map { expert in
        flat[((expert * rows + row) * width)..<((expert * rows + row + 1) * width)].map(Double.init)
      }
      var y = [Double](repeating: 0, count: width)
      for rank in 0..<perToken {
        let routed = Int(experts[row * perToken + rank])
        let weight = Double(weights[row * perToken + rank])
        self.weights[layer][routed] += weight * weight
        for a in 0..<count {
          for b in 0..<count {
            products[layer][routed][a][b] += weight * weight * zip(f[a], f[b]).reduce(0) { $0 + $1.0 * $1.1 }
          }
        }
        for at in 0..<width { y[at] += weight * f[routed][at] }
      }
      outputs[layer] += y.reduce(0) { $0 + $1 * $1 }
    }
  }
}

@Suite struct SquareDistanceTests {
  @Test func theMeanSquaresAreThoseOfTheDefinition() throws {
    let folder = try TinyModel().make()
    let engine = try Engine(folder: folder.path)
    let tokens: [Int32] = (0..<96).map { ($0 * 37) % 250 }
    let calibrator = try Calibrator(engine: engine, missRate: 0.2, window: 48)
    try calibrator.read(tokens)
    let calibration = try calibrator.calibration()
    let sums = try PlainSums(engine, rows: 48)
    let session = try InferenceSession(engine: engine, options: SessionOptions(maxRows: 48, cacheTokens: 96))
    session.probe = sums
    for start in [0, 48] {
      let id = try session.open(capacity: 48)
      try session.forward([Chunk(sequence: id, tokens: tokens[start..<start + 48], wanted: .none)])
      session.close(id)
    }
    for (layer, table) in calibration.layers.enumerated() {
      let squares = try #require(table?.squares)
      let experts = squares.skipping.count
      let output = sums.outputs[layer] / Double(sums.tokens)
      #expect(abs(Double(squares.scale) / output.squareRoot() - 1) < 1e-5)
      for i in 0..<experts where sums.weights[layer][i] > 0 {
        let mean = { (a: Int, b: Int) in sums.products[layer][i][a][b] / sums.weights[layer][i] / output }
        #expect(Self.near(squares.skipping[i], mean(i, i)))
        for j in 0..<experts where j != i {
          let at = i * experts + j
          let factor = max(0, mean(i, j) / mean(j, j))
          #expect(abs(Double(squares.factors[at]) - factor) < 1e-4)
          #expect(Self.near(squares.replacing[at], mean(i, i) + mean(j, j) - 2 * mean(i, j)))
          #expect(Self.near(squares.scaled[at], mean(i, i) - 2 * factor * mean(i, j) + factor * factor * mean(j, j)))
          // Scaling contains replacing (1) and skipping (0).
          #expect(squares.scaled[at] <= squares.replacing[at] && squares.scaled[at] <= squares.skipping[i] * 1.00001)
        }
      }
    }
  }

  /// Whether a root mean square distance is the root of `square`, to rounding.
  static func near(_ distance: Float, _ square: Double) -> Bool {
    abs(Double(distance) * Double(distance) - square) <= 1e-4 * (square + 1e-3)
  }
}

/// Takes decisions and sums up what calibration foretells of their mean square error and what it is.
private final class SquareCounter: ForwardProbe {
  let calibration: Calibration
  let host: ExpertHost
  var hidden: UnsafeBufferPointer<Float>?
  /// Sums over tokens and layers of the squared relative error.
  var measured = 0.0
  var uncorrelated = 0.0
  var correlated = 0.0

  init(_ engine: Engine, _ calibration: Calibration, rows: Int) throws {
    self.calibration = calibration
    host = try ExpertHost(engine: engine, limits: ExpertHost.Limits(rows: rows))
  }

  func see(_ point: ProbePoint, layer: Int, values: UnsafeBufferPointer<Float>, width: Int) {
    if point == .expertInput { hidden = values }
  }

  func see(layer: Int, experts: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, perToken: Int) {
    guard let input = hidden?.baseAddress, let table = calibration.layers[layer], let squares = table.squares,
      let gram = table.gram
    else { return }
    let rows = experts.count / perToken
    let count = table.experts
    var flat = [Float](repeating: 0, count: count * rows * host.width)
    flat.withUnsafeMutableBufferPointer { out in
      guard let base = out.baseAddress else { return }
      try? host.outputs(layer: layer, experts: Array(0..<count), hidden: input, rows: rows, out: base)
    }
    for row in 0..<rows {
      var error = [Double](repeating: 0, count: host.width)
      var served: [GramTable.Served] = []
      for rank in 0..<perToken {
        let expert = Int(experts[row * perToken + rank])
        let weight = Double(weights[row * perToken + rank])
        // Odd experts are skipped, or replaced by their scaled left neighbour.
        let target = expert % 2 == 0 ? expert : expert % 4 == 1 ? expert - 1 : nil
        let factor = target.map { Double(squares.factors[expert * count + $0]) } ?? 0
        served.append(.init(expert: expert, weight: weight, target: target, factor: factor))
        guard target != expert else { continue }
        let distance = Double(target.map { squares.scaled[expert * count + $0] } ?? squares.skipping[expert])
        uncorrelated += weight * weight * distance * distance
        for at in 0..<host.width {
          let own = Double(flat[(expert * rows + row) * host.width + at])
          let other = target.map { Double(flat[($0 * rows + row) * host.width + at]) } ?? 0
          error[at] += weight * (own - factor * other) / Double(squares.scale)
        }
      }
      correlated += gram.meanSquare(served)
      measured += error.reduce(0) { $0 + $1 * $1 }
    }
  }
}

@Suite struct GramTests {
  @Test func withCorrelationsTheEstimateOnFreshTextIsCloserThanWithout() throws {
    let engine = try Engine(folder: ReferenceModel.folder, threads: 2)
    let calibration = try Calibration(
      path: ReferenceModel.file("calibration.safetensors"), modelHash: engine.hash,
      experts: engine.description.layers.indices.map { engine.experts(layer: $0) })
    let counter = try SquareCounter(engine, calibration, rows: 128)
    let session = try InferenceSession(
      engine: engine, options: SessionOptions(maxRows: 128, maxLogitRows: 1, cacheTokens: 128))
    session.probe = counter
    for name in ["novels", "code", "chat", "manuals", "lexicon", "scripture", "dictionary", "pydocs", "sqldocs"] {
      let bytes = try readSmallFile(ReferenceModel.file("text/\(name).txt"), limit: 1 << 20)
      let tokens = engine.tokenizer.encode(String(decoding: bytes.suffix(9_000), as: UTF8.self), parseSpecial: true)
      for start in stride(from: 0, to: 1_024, by: 128) {
        let id = try session.open(capacity: 128)
        try session.forward([Chunk(sequence: id, tokens: tokens[start..<start + 128], wanted: .none)])
        session.close(id)
      }
    }
    let gap = abs(counter.correlated / counter.measured - 1)
    #expect(gap < 0.1, "foretold \(counter.correlated), measured \(counter.measured)")
    #expect(abs(counter.uncorrelated / counter.measured - 1) < 0.4, "\(counter.uncorrelated) of \(counter.measured)")
    #expect(gap < abs(counter.uncorrelated / counter.measured - 1))
  }

  @Test func theMeanSquareIsTheQuadraticFormOfTheErrors() {
    // Two experts with f_0 = (1, 0), f_1 = (1, 1) always: products ⟨0,0⟩ = 1, ⟨0,1⟩ = 1, ⟨1,1⟩ = 2 for every routed pair.
    let table = GramTable(experts: 2, products: Array(repeating: [1, 1, 2], count: 3).flatMap { $0 })
    func square(_ first: Int?, _ second: Int?, factor: Double = 1) -> Double {
      table.meanSquare([
        .init(expert: 0, weight: 0.5, target: first, factor: factor), .init(expert: 1, weight: 2, target: second),
      ])
    }
    #expect(square(0, 1) == 0)
    // 0.5 f_0 is missing: ‖(0.5, 0)‖²; 2 f_1 is: ‖(2, 2)‖²; both: ‖(2.5, 2)‖².
    #expect(square(nil, 1) == 0.25 && square(0, nil) == 8 && square(nil, nil) == 10.25)
    // 2 (f_1 − f_0) = (0, 2); with 0.5 (f_0 − 0.5 f_1) = (0.25, −0.25) beside it: (0.25, 1.75).
    #expect(square(0, 0) == 4 && square(1, 0, factor: 0.5) == 0.0625 + 3.0625)
  }
}
