// The reference model gives the figures that the published implementation gives, on every kernel path of this machine.

import ExpertExec
import SiftTestKit
import Testing

struct GoldenTests {
  private static let layers = 6
  private static let width = 256

  private func recorded(_ kernels: KernelTable, _ golden: Golden) throws -> (Recorder, [[Float]]) {
    let session = try InferenceSession(engine: referenceEngine(kernels))
    let recorder = Recorder()
    session.probe = recorder
    let id = try session.open(capacity: golden.ids.count)
    try session.forward([Chunk(sequence: id, tokens: golden.ids, wanted: .all)])
    return (recorder, (0..<session.logitRows).map { Array(session.logits(row: $0)) })
  }

  @Test(arguments: KernelTable.available, Array(0..<Golden.count))
  func `the router chooses the published experts`(kernels: KernelTable, prompt: Int) throws {
    let golden = try Golden(prompt: prompt)
    let (seen, _) = try recorded(kernels, golden)
    let logits = (0..<Self.layers).flatMap { seen.values[.routerLogits]?[$0] ?? [] }
    let experts = (0..<Self.layers).flatMap { seen.experts[$0] ?? [] }
    let weights = (0..<Self.layers).flatMap { seen.weights[$0] ?? [] }
    #expect(experts.map(Int.init) == (try golden.integers("top4_ids")))
    #expect(distance(logits, try golden.floats("router_logits")) < 2e-4)
    #expect(distance(weights, try golden.floats("top4_weights")) < 1e-5)
  }

  @Test(arguments: KernelTable.available, Array(0..<Golden.count))
  func `every stage of the last token has the published values`(kernels: KernelTable, prompt: Int) throws {
    let golden = try Golden(prompt: prompt)
    let (seen, _) = try recorded(kernels, golden)
    func expect(_ point: ProbePoint, _ name: String, within tolerance: Float) throws {
      let figures = seen.lastRows(point, layers: Self.layers, width: Self.width)
      let difference = distance(figures, try golden.floats(name))
      #expect(difference < tolerance, "\(name) differs by \(difference)")
    }
    try expect(.attentionInput, "attn_input_last", within: 1e-4)
    try expect(.attentionOutput, "attn_output_last", within: 1e-4)
    try expect(.expertInput, "moe_input_last", within: 1e-4)
    try expect(.expertOutput, "moe_output_last", within: 2e-4)
    try expect(.layerOutput, "hidden_after_layer_last", within: 4e-4)
    let embedded = seen.values[.embedding]?[-1] ?? []
    #expect(Array(embedded.suffix(Self.width)) == (try golden.floats("embed_last")))
    let final = seen.values[.finalNorm]?[Self.layers]?.suffix(Self.width) ?? []
    #expect(distance(final, try golden.floats("final_norm_last")) < 5e-4)
  }

  @Test(arguments: KernelTable.available, Array(0..<Golden.count))
  func `logits are within 2e-3 of the published ones`(kernels: KernelTable, prompt: Int) throws {
    let golden = try Golden(prompt: prompt)
    let (_, logits) = try recorded(kernels, golden)
    #expect(distance(try #require(logits.last), try golden.floats("logits_last")) < 2e-3)
    let ids = try golden.integers("top20_ids")
    let best = try golden.floats("top20_logits")
    for (row, figures) in logits.enumerated() {
      let ours = (0..<20).map { figures[ids[row * 20 + $0]] }
      #expect(distance(ours, best[row * 20..<(row + 1) * 20]) < 2e-3, "top 20 of position \(row)")
    }
  }

  @Test(arguments: KernelTable.available, Array(0..<Golden.count))
  func `64 greedy tokens are the published ones`(kernels: KernelTable, prompt: Int) throws {
    let golden = try Golden(prompt: prompt)
    let session = try InferenceSession(engine: referenceEngine(kernels))
    let written = try session.generate(prompt: golden.ids, limit: golden.greedy.count)
    #expect(written.tokens == golden.greedy)
    #expect(written.ending == .length)
  }
}
