// Takes text through the model with every expert executed, and gives the distances of each token.

import SiftCore

/// Receives what `DistanceReader` measures.
package protocol DistanceKeeping: AnyObject {
  /// The norm of the exact output of `layer` for the next token.
  func keep(layer: Int, outputNorm: Double)
  /// A token was routed to `routed` with router weight `weight`: `distances[j]` = ‖f_routed − f_j‖, and last ‖f_routed‖
  /// (a skip); `norms[j]` = ‖f_j‖. Valid during the call; not divided by anything.
  func keep(
    layer: Int, routed: Int, weight: Float, distances: UnsafeBufferPointer<Float>, norms: UnsafeBufferPointer<Float>)
  /// Whether the next method is wanted of `layer`.
  func wantsProducts(layer: Int) -> Bool
  /// The routed experts of a token, their weights, and ⟨f_a, f_b⟩ of all unordered pairs (`GramTable.pair`).
  func keep(
    layer: Int, routed: Slice<UnsafeBufferPointer<Int32>>, weights: Slice<UnsafeBufferPointer<Float>>,
    products: UnsafeBufferPointer<Float>)
}

extension DistanceKeeping {
  package func wantsProducts(layer: Int) -> Bool { false }
  package func keep(
    layer: Int, routed: Slice<UnsafeBufferPointer<Int32>>, weights: Slice<UnsafeBufferPointer<Float>>,
    products: UnsafeBufferPointer<Float>
  ) {}
}

/// Reads text window by window with Top-K and executes all experts of every layer beside it. One thread's.
package final class DistanceReader {
  /// Tokens of a window.
  package let window: Int
  package private(set) var tokens = 0
  private let session: InferenceSession
  private let probe: DistanceProbe

  package init(engine: Engine, window: Int, keeper: any DistanceKeeping) throws(SessionError) {
    guard window >= 1 else { throw .option("a window needs at least one token, got \(window)") }
    self.window = min(window, engine.description.contextLength)
    session = try InferenceSession(
      engine: engine, options: SessionOptions(maxRows: self.window, maxLogitRows: 1, cacheTokens: self.window))
    probe = try DistanceProbe(engine: engine, rows: self.window, keeper: keeper)
  }

  /// Counts tokens that were read by an earlier run.
  package func goOn(after tokens: Int) { self.tokens = tokens }

  /// Reads one text. - Parameter progress: called after each window with the tokens read since the last call.
  package func read(_ text: [Int32], progress: (Int) throws -> Void = { _ in }) throws {
    session.probe = probe
    defer { session.probe = nil }
    var start = 0
    while start < text.count {
      let end = min(start + window, text.count)
      let sequence = try session.open(capacity: end - start)
      defer { session.close(sequence) }
      try session.forward([Chunk(sequence: sequence, tokens: text[start..<end], wanted: .none)])
      if let failure = probe.failure { throw failure }
      tokens += end - start
      try progress(end - start)
      start = end
    }
  }
}

/// Executes all experts on the rows of every layer and hands on the distances.
private final class DistanceProbe: ForwardProbe {
  private(set) var failure: ExpertHostingError?
  private let keeper: any DistanceKeeping
  private let host: ExpertHost
  private let width: Int
  private var hidden: UnsafeBufferPointer<Float>?
  private var outputs: [Float] = []
  private var distances: [Float] = []
  private var norms: [Float] = []
  private var products: [Float] = []
  private var exact: [Float]

  init(engine: Engine, rows: Int, keeper: any DistanceKeeping) throws(SessionError) {
    self.keeper = keeper
    host = try ExpertHost(engine: engine, limits: ExpertHost.Limits(rows: rows))
    width = engine.description.width
    exact = Array(repeating: 0, count: width)
  }

  func see(_ point: ProbePoint, layer: Int, values: UnsafeBufferPointer<Float>, width: Int) {
    if point == .expertInput { hidden = values }
  }

  func see(layer: Int, experts: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, perToken: Int) {
    guard failure == nil, let input = hidden?.baseAddress else { return }
    let rows = experts.count / perToken
    let count = host.hostedExperts(layer: layer).count
    if outputs.count < count * rows * width { outputs = Array(repeating: 0, count: count * rows * width) }
    do {
      try outputs.withUnsafeMutableBufferPointer { buffer throws(ExpertHostingError) in
        guard let out = buffer.baseAddress else { return }
        try host.outputs(layer: layer, experts: Array(0..<count), hidden: input, rows: rows, out: out)
      }
    } catch {
      failure = error
      return
    }
    outputs.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for row in 0..<rows {
        let range = row * perToken..<(row + 1) * perToken
        measure(layer, row, rows, count, base, experts[range], weights[range])
      }
    }
  }

  /// One token: the norm of its exact output, and the distances of each of its routed experts.
  private func measure(
    _ layer: Int, _ row: Int, _ rows: Int, _ count: Int, _ outputs: UnsafePointer<Float>,
    _ routed: Slice<UnsafeBufferPointer<Int32>>, _ weights: Slice<UnsafeBufferPointer<Float>>
  ) {
    for at in 0..<width { exact[at] = 0 }
    for (expert, weight) in zip(routed, weights) {
      let output = outputs + (Int(expert) * rows + row) * width
      for at in 0..<width { exact[at] += weight * output[at] }
    }
    keeper.keep(layer: layer, outputNorm: Double(ExpertDistances.norm(exact, width)))
    if keeper.wantsProducts(layer: layer) { multiply(layer, row, rows, count, outputs, routed, weights) }
    norms.removeAll(keepingCapacity: true)
    for other in 0..<count { norms.append(ExpertDistances.norm(outputs + (other * rows + row) * width, width)) }
    for (expert, weight) in zip(routed, weights) {
      let own = outputs + (Int(expert) * rows + row) * width
      distances.removeAll(keepingCapacity: true)
      for other in 0..<count {
        distances.append(ExpertDistances.distance(own, outputs + (other * rows + row) * width, width))
      }
      distances.append(norms[Int(expert)])
      distances.withUnsafeBufferPointer { apart in
        norms.withUnsafeBufferPointer {
          keeper.keep(layer: layer, routed: Int(expert), weight: weight, distances: apart, norms: $0)
        }
      }
    }
  }

  private func multiply(
    _ layer: Int, _ row: Int, _ rows: Int, _ count: Int, _ outputs: UnsafePointer<Float>,
    _ routed: Slice<UnsafeBufferPointer<Int32>>, _ weights: Slice<UnsafeBufferPointer<Float>>
  ) {
    products.removeAll(keepingCapacity: true)
    for b in 0..<count {
      for a in 0...b {
        products.append(
          ExpertDistances.product(
            outputs + (a * rows + row) * width, outputs + (b * rows + row) * width, width))
      }
    }
    products.withUnsafeBufferPointer {
      keeper.keep(layer: layer, routed: routed, weights: weights, products: $0)
    }
  }
}
