// Sampled decisions: which are kept, and what they are measured to be.

import ExpertExec
import SiftCore
import SiftTestKit
import Testing

@Suite struct ErrorSampleTests {
  static let tokens: [Int32] = (0..<40).map { ($0 * 37) % 250 }

  /// Experts 0 and 1 are here, 2 and 3 at node 1. Expert 0 is skipped, 2 replaced by 3 with half its weight.
  static func rule(_ layer: Int, _ row: Int, _ expert: Int32, _ weight: Float) -> ExpertChoice {
    switch expert {
    case 0: ExpertChoice(target: ExpertChoice.skip, node: 0, weight: weight)
    case 2: ExpertChoice(target: 3, node: 1, weight: weight / 2)
    default: ExpertChoice(target: expert, node: expert < 2 ? 0 : 1, weight: weight)
    }
  }

  /// A model of four experts.
  static func folder() throws -> TemporaryFolder {
    var model = TinyModel()
    model.experts = 4
    return try model.make()
  }

  /// A session over a gateway and one node that has read `tokens`.
  static func session(
    _ engine: Engine, capacity: Int, period: Int,
    script: @escaping @Sendable (InProcessTransport.Letter) -> InProcessTransport.Fate = { _ in .delivered }
  ) throws -> InferenceSession {
    let layers = engine.description.layers.count
    let host = try ExpertHost(engine: engine, hosted: Array(repeating: [2, 3], count: layers))
    let session = try InferenceSession(
      engine: engine,
      options: SessionOptions(
        maxRows: 40, maxLogitRows: 1, cacheTokens: 40, hosted: Array(repeating: [0, 1], count: layers)),
      selector: FixedSelector(rule: rule), transport: InProcessTransport(hosts: [host], script: script))
    session.errorSamples = ErrorSamples(engine: engine, capacity: capacity, period: period)
    let id = try session.open(capacity: 40)
    try session.forward([Chunk(sequence: id, tokens: tokens[...], wanted: .none)])
    return session
  }

  @Test func theMeasuredErrorIsTheOneThatWasMade() throws {
    let folder = try Self.folder()
    let engine = try Engine(folder: folder.path)
    #expect(engine.experts(layer: 0) == 4)
    let session = try Self.session(engine, capacity: 100, period: 1)
    let whole = try ExpertHost(engine: engine)
    var measured = 0
    while let sample = session.errorSamples?.take() {
      let square = try #require(session.measure(sample) { $0 < 2 ? nil : 1 })
      let outputs = try Self.outputs(whole, sample)
      var error = [Double](repeating: 0, count: whole.width)
      for rank in sample.experts.indices {
        let weight = Double(sample.weights[rank])
        for at in error.indices {
          switch sample.experts[rank] {
          case 0: error[at] += weight * outputs[0][at]
          case 2: error[at] += weight * (outputs[2][at] - outputs[3][at] / 2)
          default: break
          }
        }
      }
      let expected = error.reduce(0) { $0 + $1 * $1 }
      #expect(abs(square - expected) <= 1e-4 * expected && expected > 0)
      measured += 1
    }
    #expect(measured >= 2)
  }

  /// `[expert][width]` of a sample's layer.
  static func outputs(_ host: ExpertHost, _ sample: ErrorSample) throws -> [[Double]] {
    let count = host.hostedExperts(layer: sample.layer).count
    var flat = [Float](repeating: 0, count: count * host.width)
    try flat.withUnsafeMutableBufferPointer { out in
      try sample.hidden.withUnsafeBufferPointer { hidden in
        guard let base = out.baseAddress, let input = hidden.baseAddress else { return }
        try host.outputs(layer: sample.layer, experts: Array(0..<count), hidden: input, rows: 1, out: base)
      }
    }
    return (0..<count).map { expert in (0..<host.width).map { Double(flat[expert * host.width + $0]) } }
  }

  @Test func everyPeriodthRowIsLookedAtWhileThereIsRoom() throws {
    let folder = try Self.folder()
    let engine = try Engine(folder: folder.path)
    let all = try Self.session(engine, capacity: 1_000, period: 1)
    let some = try Self.session(engine, capacity: 1_000, period: 7)
    let few = try Self.session(engine, capacity: 2, period: 1)
    let counts = [all, some, few].map { $0.errorSamples?.count ?? -1 }
    #expect(counts[0] > counts[1] && counts[1] >= 1 && counts[2] == 2, "\(counts)")
    while let sample = all.errorSamples?.take() { #expect(sample.experts.indices.contains { sample.isChanged($0) }) }
    #expect(all.errorSamples?.count == 0)
  }

  @Test func whatFellBackOrCannotBeReachedIsNotMeasured() throws {
    let folder = try Self.folder()
    let engine = try Engine(folder: folder.path)
    // The node never answers: what was sent to it fell back, so only rows without it are kept.
    let lost = try Self.session(engine, capacity: 1_000, period: 1) { _ in .late }
    while let sample = lost.errorSamples?.take() {
      #expect(sample.choices.allSatisfy { $0.isSkip || $0.node == 0 })
    }
    let session = try Self.session(engine, capacity: 1_000, period: 1)
    var isRefused = false
    while let sample = session.errorSamples?.take() {
      if session.measure(sample, node: { _ in nil }) == nil { isRefused = true }
    }
    #expect(isRefused)
  }
}
