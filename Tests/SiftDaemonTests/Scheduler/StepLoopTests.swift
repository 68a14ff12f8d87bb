// The scheduler's rules, step by step, on this test's own thread.

import ExpertExec
import SiftCore
import SiftDaemon
import Synchronization
import Testing

/// A loop with a fake engine, a clock that a test moves, and the events of its requests.
private final class Bench {
  let log = EngineLog()
  let windows = FakeWindows()
  let loop: StepLoop
  private let collected: Collected
  private var next: UInt64 = 1

  private final class Collected: Sendable {
    let events = Mutex<[UInt64: [GenerationEvent]]>([:])
    let finished = Mutex<[GenerationSummary]>([])
  }

  init(
    running: Int = 8, rows: Int = 64, room: Int = .max, context: Int = 512, troubleOn: Int32? = nil,
    coreSecondsPerStep: Double = 1
  ) {
    let collected = Collected()
    self.collected = collected
    let start = ContinuousClock().now
    var cpu = 0.0
    loop = StepLoop(
      engine: FakeEngine(log: log, room: room, troubleOn: troubleOn), model: FakeModel(context: context),
      energy: windows, limits: SchedulerLimits(running: running, waiting: 8, rows: rows), now: { start },
      // Read before and after each step.
      processorSeconds: {
        cpu += coreSecondsPerStep / 2
        return cpu * 2
      },
      finished: { _, summary in collected.finished.withLock { $0.append(summary) } })
  }

  @discardableResult
  func submit(
    _ prompts: [String], answers: Int = 1, maxTokens: Int = 16, stops: [String] = [], temperature: Double = 0,
    seed: UInt64 = 7, policy: String = "topk"
  ) -> UInt64 {
    let number = next
    next += 1
    let request = GenerationRequest(
      id: "r\(number)", model: "fake", prompts: prompts.map { FakeModel().encode($0) }, answers: answers,
      maxTokens: maxTokens, stops: stops,
      sampling: SamplingChoice(temperature: temperature, topP: 1, seed: seed),
      sift: SiftChoice(policy: policy, errorBudget: 0, latency: .seconds(1)))
    let collected = collected
    loop.submit(request, number: number) { event in
      collected.events.withLock { $0[number, default: []].append(event) }
    }
    return number
  }

  func run(steps: Int = 10_000) {
    for _ in 0..<steps where !loop.isIdle { loop.step() }
  }

  func text(_ number: UInt64, sequence: Int = 0) -> String {
    events(number).reduce("") {
      if case .text(sequence, let text) = $1 { $0 + text } else { $0 }
    }
  }
  func reason(_ number: UInt64, sequence: Int = 0) -> FinishReason? {
    for case .ended(sequence, let reason) in events(number) { return reason }
    return nil
  }
  func summary(_ number: UInt64) -> GenerationSummary? {
    for case .done(let summary) in events(number) { return summary }
    return nil
  }
  func events(_ number: UInt64) -> [GenerationEvent] { collected.events.withLock { $0[number] ?? [] } }
  var finished: [GenerationSummary] { collected.finished.withLock { $0 } }
}

@Suite("One request")
struct OneRequestTests {
  @Test("the answer is the model's text up to its end token, which is not part of it")
  func script() {
    let bench = Bench()
    let request = bench.submit(["say:hello, wörld|"], maxTokens: 100)
    bench.run()
    #expect(bench.text(request) == "hello, wörld")
    #expect(bench.reason(request) == .stop)
    // 13 bytes and the end token.
    #expect(bench.summary(request)?.tokensOut == 14)
    #expect(bench.summary(request)?.tokensIn == "say:hello, wörld|".utf8.count)
    #expect(bench.log.open.isEmpty)
  }

  @Test("max_tokens ends it as length, exactly there")
  func maxTokens() {
    let bench = Bench()
    let request = bench.submit(["say:hello|"], maxTokens: 3)
    bench.run()
    #expect(bench.text(request) == "hel")
    #expect(bench.reason(request) == .length)
    #expect(bench.summary(request)?.tokensOut == 3)
  }

  @Test("a character that max_tokens cuts in two becomes one replacement character, not half a byte")
  func cutCharacter() {
    let bench = Bench()
    let request = bench.submit(["say:aö|"], maxTokens: 2)
    bench.run()
    #expect(bench.text(request) == "a\u{FFFD}")
  }

  @Test(
    "a stop string ends it and is not part of the answer, wherever the tokens cut it", arguments: ["lo", "o, w", "wör"])
  func stops(stop: String) {
    let bench = Bench()
    let request = bench.submit(["say:hello, wörld|"], maxTokens: 100, stops: ["nowhere", stop])
    bench.run()
    #expect(bench.text(request) == "hello, wörld".components(before: stop))
    #expect(bench.reason(request) == .stop)
  }

  @Test("a full context ends it as length")
  func fullContext() {
    let bench = Bench(context: 12)
    let request = bench.submit(["say:abcdefghij|"].map { String($0.prefix(10)) }, maxTokens: 100)
    bench.run()
    #expect(bench.reason(request) == .length)
    // 10 tokens of prompt; the tokens given to the engine are 12, one more was sampled.
    #expect(bench.summary(request)?.tokensOut == 3)
  }

  @Test("the prompt is read in pieces of at most the step's rows")
  func prefillInChunks() {
    let bench = Bench(running: 4, rows: 16)
    bench.submit([String(repeating: "x", count: 40)], maxTokens: 1)
    bench.run()
    #expect(bench.log.steps.map(\.total) == [16, 16, 8])
  }
}

@Suite("Several requests")
struct SharedStepTests {
  @Test("two requests share every decoding step")
  func share() {
    let bench = Bench()
    bench.submit(["say:aaaaaaaa|"], maxTokens: 8)
    bench.submit(["say:bbbbbbbb|"], maxTokens: 8)
    bench.run()
    // One step reads both prompts, seven decode both.
    #expect(bench.log.steps.count == 8)
    #expect(bench.log.steps.dropFirst().allSatisfy { $0.rows.count == 2 })
  }

  @Test("what a request answers depends on its seed and not on its neighbours", arguments: [1, 2, 5])
  func independence(neighbours: Int) {
    let alone = Bench()
    let request = alone.submit(["once upon"], maxTokens: 30, temperature: 1, seed: 42)
    alone.run()
    let crowded = Bench(running: 4, rows: 8)
    for index in 0..<neighbours {
      crowded.submit(["other \(index)"], maxTokens: 17, temperature: 1, seed: UInt64(index))
    }
    crowded.run(steps: 3)
    let again = crowded.submit(["once upon"], maxTokens: 30, temperature: 1, seed: 42)
    crowded.run()
    #expect(alone.text(request).count == 30)
    #expect(crowded.text(again) == alone.text(request))
    let other = alone.submit(["once upon"], maxTokens: 30, temperature: 1, seed: 43)
    alone.run()
    #expect(alone.text(other) != alone.text(request))
  }

  @Test("a decoding sequence gets a row in every step, however long the prompts beside it")
  func decodingNeverWaits() {
    let bench = Bench(running: 4, rows: 8)
    let fast = bench.submit(["say:abcdefghijkl|"], maxTokens: 12)
    bench.run(steps: 3)
    let reading = bench.log.steps.count
    for _ in 0..<3 { bench.submit([String(repeating: "x", count: 200)], maxTokens: 1) }
    bench.run(steps: 10)
    #expect(bench.log.steps[reading...].prefix(9).allSatisfy { $0.rows[1] == 1 && $0.total == 8 })
    bench.run()
    #expect(bench.text(fast) == "abcdefghijkl")
  }

  @Test("a short prompt does not wait for a long one before it")
  func shortPrompt() {
    let bench = Bench(running: 4, rows: 8)
    let long = bench.submit([String(repeating: "x", count: 400)], maxTokens: 1)
    let short = bench.submit(["say:a|"], maxTokens: 2)
    bench.run(steps: 5)
    #expect(bench.text(short) == "a")
    #expect(bench.summary(long) == nil)
  }

  @Test("a request with many prompts leaves places to others")
  func manyPrompts() {
    let bench = Bench(running: 2)
    let many = bench.submit((0..<10).map { "say:long answer \($0)|" }, maxTokens: 40)
    let one = bench.submit(["say:hi|"], maxTokens: 5)
    // After the first of the ten has ended, the newcomer has a place.
    bench.run(steps: 20)
    #expect(bench.text(one) == "hi")
    bench.run()
    #expect((0..<10).allSatisfy { bench.text(many, sequence: $0) == "long answer \($0)" })
  }

  @Test("answers of one prompt differ by their seeds and count its tokens once")
  func answers() {
    let bench = Bench()
    let request = bench.submit(["tell"], answers: 3, maxTokens: 12, temperature: 1)
    bench.run()
    #expect(Set((0..<3).map { bench.text(request, sequence: $0) }).count == 3)
    #expect(bench.summary(request)?.tokensIn == 4)
    #expect(bench.summary(request)?.tokensOut == 36)
  }
}

@Suite("Ends and errors")
struct EndTests {
  @Test("cancelling frees the sequence at once and leaves the others alone")
  func cancel() {
    let bench = Bench()
    let endless = bench.submit(["endless"], maxTokens: 400)
    let other = bench.submit(["say:fine|"], maxTokens: 10)
    bench.run(steps: 2)
    #expect(bench.log.open == [1, 2])
    bench.loop.cancel(endless)
    #expect(bench.log.open == [2])
    #expect(bench.summary(endless)?.outcome == .cancelled)
    bench.run()
    #expect(bench.text(other) == "fine")
    #expect(bench.windows.stillOpen.isEmpty)
  }

  @Test("a request that waits can be cancelled before it was ever opened")
  func cancelWaiting() {
    let bench = Bench(running: 1)
    bench.submit(["say:abc|"], maxTokens: 10)
    let waiting = bench.submit(["say:never|"], maxTokens: 10)
    bench.run(steps: 1)
    bench.loop.cancel(waiting)
    bench.run()
    #expect(bench.summary(waiting)?.outcome == .cancelled)
    #expect(bench.log.opened == 1)
    #expect(bench.summary(waiting)?.energy.total == 0)
  }

  @Test("a sequence for which the cache has no room waits until another ends")
  func noRoom() {
    let bench = Bench(room: 1)
    let first = bench.submit(["say:first|"], maxTokens: 10)
    let second = bench.submit(["say:second|"], maxTokens: 10)
    bench.run(steps: 2)
    #expect(bench.log.opened == 1)
    bench.run()
    #expect(bench.text(first) == "first")
    #expect(bench.text(second) == "second")
  }

  @Test("a sequence that never fits fails in words instead of waiting for ever")
  func neverFits() {
    let bench = Bench(room: 0)
    let request = bench.submit(["say:x|"], maxTokens: 10)
    bench.run(steps: 1)
    #expect(bench.summary(request)?.outcome == .failed("no room for 16 tokens"))
    #expect(bench.loop.isIdle)
  }

  @Test("a step that the engine refuses fails the request to blame and nobody else")
  func poison() throws {
    let bench = Bench()
    let good = bench.submit(["say:survivor|"], maxTokens: 20)
    bench.run(steps: 2)
    let number: UInt64 = 99
    let failed = Mutex<GenerationSummary?>(nil)
    bench.loop.submit(
      GenerationRequest(
        id: "bad", model: "fake", prompts: [[104, 255]], maxTokens: 5,
        sampling: SamplingChoice(temperature: 0, topP: 1, seed: 0),
        sift: SiftChoice(policy: "topk", errorBudget: 0, latency: .seconds(1))), number: number
    ) { event in
      if case .done(let summary) = event { failed.withLock { $0 = summary } }
    }
    bench.run()
    #expect(bench.text(good) == "survivor")
    let summary = try #require(failed.withLock { $0 })
    #expect(summary.outcome == .failed("the engine refused a step: token 255 is poison"))
    #expect(bench.log.open.isEmpty)
  }

  @Test(
    "who was late is named in the books of the request whose experts fell back, who is gone in those of all who may ask"
  )
  func trouble() {
    let bench = Bench(troubleOn: 33)
    let hit = bench.submit(["say:hit!|"], maxTokens: 10)
    let beside = bench.submit(["say:beside|"], maxTokens: 10)
    let alone = bench.submit(["say:alone|"], maxTokens: 10, policy: "local-only")
    bench.run()
    let gone = PeerTrouble(peer: "cellar", isGone: true, reason: "out of reach")
    #expect(bench.summary(hit)?.troubles == [PeerTrouble(peer: "attic", reason: "late"), gone])
    #expect(bench.summary(hit)?.peersInTrouble == ["attic", "cellar"])
    #expect(bench.summary(beside)?.troubles == [gone])
    #expect(bench.summary(alone)?.troubles == [])
  }
}

@Suite("Energy of requests")
struct EnergyTests {
  @Test("the processor time of shared steps goes to requests by their rows, all of it")
  func shares() throws {
    let bench = Bench()
    bench.submit(["say:aaaa|"], maxTokens: 4)
    bench.submit(["say:bbbb and more|"], maxTokens: 4)
    bench.run()
    let work = bench.windows.activities.map(\.coreSeconds)
    // Four steps of a core second: first 9 rows and 18, then one each.
    #expect(bench.windows.steps == 4)
    #expect(abs(work[0] - (9.0 / 27 + 1.5)) < 1e-9)
    #expect(abs(work[0] + work[1] - 4) < 1e-9)
  }

  @Test("a request has the energy that its books say")
  func alone() throws {
    let bench = Bench()
    let request = bench.submit(["say:aaaa|"], maxTokens: 4)
    bench.run()
    let energy = try #require(bench.summary(request)).energy
    #expect(energy == RequestEnergy(total: 10, dynamic: 4, uncertainty: 0.5, standing: .measured))
    // Four steps, a core second each.
    #expect(bench.windows.activities.first?.coreSeconds == 4)
  }
}

extension String {
  fileprivate func components(before stop: String) -> String {
    guard let range = firstRange(of: stop) else { return self }
    return String(self[..<range.lowerBound])
  }
}
