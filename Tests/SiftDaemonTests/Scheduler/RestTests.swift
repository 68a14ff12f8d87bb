// Idle time goes to the engine's own work, and only idle time.

import ExpertExec
import SiftCore
import SiftDaemon
import Testing

/// A fake engine with some pieces of work that wait for idle time.
private final class BusyEngine: TokenEngine {
  private let engine = FakeEngine(log: EngineLog())
  var pieces = 3

  func open(capacity: Int, choice: SiftChoice) throws -> SequenceID {
    try engine.open(capacity: capacity, choice: choice)
  }
  func close(_ id: SequenceID) -> SequenceTally { engine.close(id) }
  func forward(_ chunks: [Chunk]) throws { try engine.forward(chunks) }
  func logits(row: Int) -> UnsafeBufferPointer<Float> { engine.logits(row: row) }
  var troubles: [PeerTrouble] { engine.troubles }
  func rest() -> Bool {
    if pieces > 0 { pieces -= 1 } else { return false }
    return true
  }
}

@Suite struct RestTests {
  @Test func theEngineRestsOnlyWhileNobodyWaits() {
    let engine = BusyEngine()
    let start = ContinuousClock().now
    let loop = StepLoop(
      engine: engine, model: FakeModel(context: 512), energy: FakeWindows(),
      limits: SchedulerLimits(running: 1, waiting: 1, rows: 8), now: { start }, processorSeconds: { 0 },
      finished: { _, _ in })
    #expect(loop.rest() && engine.pieces == 2)
    loop.submit(
      GenerationRequest(
        id: "r", model: "fake", prompts: [FakeModel().encode("say:ab|")], answers: 1, maxTokens: 4, stops: [],
        sampling: SamplingChoice(temperature: 0, topP: 1, seed: 1),
        sift: SiftChoice(policy: "topk", errorBudget: 0, latency: .seconds(1))), number: 1
    ) { _ in }
    #expect(!loop.rest() && engine.pieces == 2)
    while !loop.isIdle { loop.step() }
    #expect(loop.rest() && loop.rest() && !loop.rest() && engine.pieces == 0)
  }
}
