// The bounds on a layer's error, on every token of real text (docs/theory, B1 and B2).

import ExpertExec
import HostIO
import SiftTestKit
import Testing

/// Executes all experts of every layer on the rows of a step and tries random decisions on them.
private final class BoundProbe: ForwardProbe {
  let host: ExpertHost
  let width: Int
  var random = SeededGenerator(seed: 51)
  var hidden: UnsafeBufferPointer<Float>?
  var tried = 0
  /// Largest ‖y − ỹ‖ / bound.
  var worstReplacing = 0.0
  var worstRenormalising = 0.0

  init(_ engine: Engine, rows: Int) throws {
    host = try ExpertHost(engine: engine, limits: ExpertHost.Limits(rows: rows))
    width = engine.description.width
  }

  func see(_ point: ProbePoint, layer: Int, values: UnsafeBufferPointer<Float>, width: Int) {
    if point == .expertInput { hidden = values }
  }

  func see(layer: Int, experts: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, perToken: Int) {
    guard let input = hidden?.baseAddress else { return }
    let rows = experts.count / perToken
    let count = host.hostedExperts(layer: layer).count
    var flat = [Float](repeating: 0, count: count * rows * width)
    flat.withUnsafeMutableBufferPointer { out in
      guard let base = out.baseAddress else { return }
      try? host.outputs(layer: layer, experts: Array(0..<count), hidden: input, rows: rows, out: base)
    }
    for row in 0..<rows {
      let outputs = (0..<count).map { expert in
        flat[((expert * rows + row) * width)..<((expert * rows + row + 1) * width)].map(Double.init)
      }
      let routed = (0..<perToken).map { Int(experts[row * perToken + $0]) }
      attempt(outputs, routed, (0..<perToken).map { Double(weights[row * perToken + $0]) })
    }
  }

  private func norm(_ a: [Double]) -> Double { a.reduce(0) { $0 + $1 * $1 }.squareRoot() }
  private func minus(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 - $1 } }
  private func sum(_ weights: [Double], _ vectors: [[Double]]) -> [Double] {
    var sum = [Double](repeating: 0, count: width)
    for (weight, vector) in zip(weights, vectors) { for at in 0..<width { sum[at] += weight * vector[at] } }
    return sum
  }

  private func attempt(_ outputs: [[Double]], _ routed: [Int], _ weights: [Double]) {
    tried += 1
    let exact = sum(weights, routed.map { outputs[$0] })
    let nothing = [Double](repeating: 0, count: width)
    // B1: each routed expert keeps its place, is skipped, or is replaced by any other.
    let served = routed.map { expert -> [Double] in
      switch Int.random(in: 0..<3, using: &random) {
      case 0: outputs[expert]
      case 1: nothing
      default: outputs[Int.random(in: 0..<outputs.count, using: &random)]
      }
    }
    var bound = 0.0
    for (at, expert) in routed.enumerated() { bound += weights[at] * norm(minus(outputs[expert], served[at])) }
    let error = norm(minus(exact, sum(weights, served)))
    if bound > 0 { worstReplacing = max(worstReplacing, error / bound) }
    renormalise(outputs, routed, weights, exact)
  }

  /// B2: some are skipped and the weights of the others scaled up.
  private func renormalise(_ outputs: [[Double]], _ routed: [Int], _ weights: [Double], _ exact: [Double]) {
    let kept = Int.random(in: 1..<routed.count, using: &random)
    let keptWeight = weights[..<kept].reduce(0, +)
    let total = weights.reduce(0, +)
    let scaled = weights[..<kept].map { $0 * total / keptWeight }
    let error = norm(minus(exact, sum(Array(scaled), routed[..<kept].map { outputs[$0] })))
    var bound = 0.0
    for skipped in kept..<routed.count {
      for other in 0..<kept {
        let distance = norm(minus(outputs[routed[skipped]], outputs[routed[other]]))
        bound += weights[skipped] * weights[other] / keptWeight * distance
      }
    }
    if bound > 0 { worstRenormalising = max(worstRenormalising, error / bound) }
  }
}

@Suite struct LayerBoundTests {
  @Test func noTokenEverExceedsTheBounds() throws {
    let engine = try Engine(folder: ReferenceModel.folder, threads: 2)
    let probe = try BoundProbe(engine, rows: 64)
    let session = try InferenceSession(engine: engine, options: SessionOptions(maxRows: 64, cacheTokens: 512))
    session.probe = probe
    for name in ["novels", "code", "chat"] {
      let bytes = try readSmallFile(ReferenceModel.file("text/\(name).txt"), limit: 1 << 20)
      let tokens = engine.tokenizer.encode(String(decoding: bytes.suffix(4_000), as: UTF8.self), parseSpecial: true)
      let sequence = try session.open(capacity: 512)
      for start in stride(from: 0, to: min(512, tokens.count), by: 64) {
        let end = min(start + 64, min(512, tokens.count))
        try session.forward([Chunk(sequence: sequence, tokens: tokens[start..<end], wanted: .none)])
      }
      session.close(sequence)
    }
    #expect(probe.tried > 5_000)
    // Only rounding may exceed 1; a bound that nothing comes near would say little.
    #expect(probe.worstReplacing <= 1 + 1e-9 && probe.worstReplacing > 0.9)
    #expect(probe.worstRenormalising <= 1 + 1e-9 && probe.worstRenormalising > 0.6)
  }
}
