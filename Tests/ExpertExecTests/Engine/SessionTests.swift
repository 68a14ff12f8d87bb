// What a session refuses, and that a refusal touches nothing.

import ExpertExec
import SiftCore
import SiftTestKit
import Testing

struct SessionTests {
  private func session(_ options: SessionOptions = SessionOptions()) throws -> InferenceSession {
    try InferenceSession(engine: referenceEngine(), options: options)
  }

  /// Expects `body` to throw exactly this.
  private func expect(_ error: SessionError, _ body: () throws -> Void) { #expect(throws: error) { try body() } }

  @Test func `a prompt longer than its sequence is refused and the sequence goes on`() throws {
    let session = try session()
    let id = try session.open(capacity: 4)
    try session.forward([Chunk(sequence: id, tokens: [5, 6], wanted: .last)])
    let control = try session.open(capacity: 4)
    try session.forward([Chunk(sequence: control, tokens: [5, 6], wanted: .last)])
    expect(.beyondCapacity(tokens: 5, capacity: 4)) {
      try session.forward([Chunk(sequence: id, tokens: [7, 8, 9], wanted: .last)])
    }
    #expect(session.length(of: id) == 2)
    try session.forward([Chunk(sequence: id, token: 7)])
    let bits = session.logits(row: 0).map(\.bitPattern)
    try session.forward([Chunk(sequence: control, token: 7)])
    #expect(session.logits(row: 0).map(\.bitPattern) == bits)
  }

  @Test func `one bad chunk refuses the step for all its sequences`() throws {
    let session = try session()
    let (good, bad) = (try session.open(capacity: 8), try session.open(capacity: 8))
    expect(.unknownToken(4096, vocabulary: 4096)) {
      try session.forward([Chunk(sequence: good, token: 5), Chunk(sequence: bad, token: 4096)])
    }
    expect(.unknownToken(-1, vocabulary: 4096)) { try session.forward([Chunk(sequence: good, token: -1)]) }
    expect(.noTokens) {
      try session.forward([Chunk(sequence: good, token: 5), Chunk(sequence: bad, tokens: [], wanted: .last)])
    }
    expect(.repeatedSequence(good)) {
      try session.forward([Chunk(sequence: good, token: 5), Chunk(sequence: good, token: 6)])
    }
    expect(.noTokens) { try session.forward([]) }
    #expect(session.length(of: good) == 0 && session.length(of: bad) == 0)
  }

  @Test func `a closed sequence is unknown and its room is free again`() throws {
    var options = SessionOptions()
    options.cacheTokens = 100
    let session = try session(options)
    let id = try session.open(capacity: 60)
    expect(.cacheFull(asked: 41, free: 40)) { _ = try session.open(capacity: 41) }
    session.close(id)
    session.close(id)
    #expect(session.freeCacheTokens == 100)
    #expect(session.length(of: id) == nil)
    expect(.unknownSequence(id)) { try session.forward([Chunk(sequence: id, token: 5)]) }
    expect(.unknownSequence(id)) { try session.rewind(id, to: 0) }
    #expect(try session.open(capacity: 100) != id)
  }

  @Test func `nothing longer than the context is opened`() throws {
    let session = try session()
    expect(.beyondContext(tokens: 1025, context: 1024)) { _ = try session.open(capacity: 1025) }
    #expect(throws: SessionError.self) { try session.open(capacity: 0) }
    expect(.beyondContext(tokens: 1030, context: 1024)) {
      _ = try session.generate(prompt: Array(repeating: 5, count: 1000), limit: 30)
    }
    expect(.noTokens) { _ = try session.generate(prompt: [], limit: 30) }
    #expect(session.freeCacheTokens == session.options.cacheTokens)
  }

  @Test func `more rows than the session was made for are refused`() throws {
    var options = SessionOptions()
    options.maxRows = 4
    options.maxLogitRows = 2
    let session = try session(options)
    let id = try session.open(capacity: 16)
    expect(.tooManyRows(5, limit: 4)) {
      try session.forward([Chunk(sequence: id, tokens: [5, 6, 7, 8, 9], wanted: .last)])
    }
    expect(.tooManyLogits(3, limit: 2)) {
      try session.forward([Chunk(sequence: id, tokens: [5, 6, 7], wanted: .all)])
    }
    try session.read([5, 6, 7, 8, 9, 10, 11], into: id)
    #expect(session.length(of: id) == 7 && session.logitRows == 1)
  }

  @Test func `options out of range are refused`() throws {
    for change: (inout SessionOptions) -> Void in [
      { $0.maxRows = 0 }, { $0.maxLogitRows = 0 }, { $0.cacheTokens = 0 }, { $0.threads = 0 }, { $0.hosted = [] },
    ] {
      var options = SessionOptions()
      change(&options)
      #expect(throws: SessionError.self) { try session(options) }
    }
    var options = SessionOptions()
    options.hosted = Array(repeating: [16], count: 6)
    #expect(throws: SessionError.self) {
      try InferenceSession(
        engine: referenceEngine(), options: options, selector: FixedSelector.topK { _, _ in 0 })
    }
  }

  @Test func `a generation ends at a stop token, at its length or when the caller has enough`() throws {
    let session = try session()
    let golden = try Golden(prompt: 0)
    let stopped = try session.generate(prompt: golden.ids, limit: 64, stop: [1438])
    #expect(stopped.tokens == Array(golden.greedy.prefix(6)) && stopped.ending == .stop(1438))
    var seen: [Int32] = []
    let cancelled = try session.generate(prompt: golden.ids, limit: 64) {
      seen.append($0)
      return seen.count < 3
    }
    #expect(cancelled.tokens == seen && cancelled.ending == .cancelled && seen.count == 3)
    #expect(try session.generate(prompt: golden.ids, limit: 0).tokens.isEmpty)
  }

  @Test func `a sampled text is the same for the same seed`() throws {
    let session = try session()
    let golden = try Golden(prompt: 1)
    let sampling = SamplingParameters(temperature: 0.8, topP: 0.95, seed: 42)
    let first = try session.generate(prompt: golden.ids, limit: 40, sampling: sampling)
    #expect(try session.generate(prompt: golden.ids, limit: 40, sampling: sampling) == first)
    var other = sampling
    other.seed = 43
    #expect(try session.generate(prompt: golden.ids, limit: 40, sampling: other) != first)
  }
}
