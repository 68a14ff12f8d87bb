// echo with logprobs: prompts that are scored, over shared steps and a bounded number of logits.

import ExpertExec
import Foundation
import HummingbirdTesting
import SiftCore
import SiftDaemon
import Synchronization
import Testing

/// A scored answer as a client reads it.
private struct Scored: Decodable {
  struct Choice: Decodable {
    struct Scores: Decodable {
      var tokens: [String]
      var token_logprobs: [Double?]
      var text_offset: [Int]
      var top_logprobs: [[String: Double]?]?
    }
    var text: String
    var logprobs: Scores
  }
  struct Usage: Decodable { var prompt_tokens: Int, completion_tokens: Int }
  var choices: [Choice]
  var usage: Usage
}

@Suite("Scoring")
struct ScoringTests {
  /// −ln p by the definition, one row at a time.
  private func slow(_ text: String) throws -> [Double] {
    let engine = FakeEngine(log: EngineLog())
    let id = try engine.open(capacity: 512, choice: SiftChoice(policy: "topk", errorBudget: 0, latency: .seconds(1)))
    let tokens = FakeModel().encode(text)
    return try zip(tokens, tokens.dropFirst()).map { token, next in
      try engine.forward([Chunk(sequence: id, token: token)])
      let logits = engine.logits(row: 0).map { Double($0) }
      return logits[Int(next)] - log(logits.reduce(0) { $0 + exp($1) })
    }
  }

  @Test("every token of the prompt has its log probability, whatever else shares the steps")
  func scores() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let text = "a text of some length, longer than the logits of a step"
      async let beside = client.post(
        "/v1/completions", #"{"model":"fake","prompt":"abc","max_tokens":40,"temperature":0}"#)
      let response = try await client.post(
        "/v1/completions", #"{"model":"fake","prompt":["\#(text)","xy"],"max_tokens":0,"echo":true,"logprobs":1}"#)
      #expect(response.status == .ok, "\(response.text)")
      let answer = try response.json(Scored.self)
      #expect(answer.choices.map(\.text) == [text, "xy"])
      #expect(answer.usage.prompt_tokens == text.utf8.count + 2 && answer.usage.completion_tokens == 0)
      let scores = answer.choices[0].logprobs
      #expect(scores.tokens.joined() == text && scores.text_offset == Array(0..<text.count))
      #expect(scores.token_logprobs.first == .some(nil))
      let expected = try slow(text)
      #expect(zip(scores.token_logprobs.dropFirst(), expected).allSatisfy { abs(($0 ?? 0) - $1) < 1e-9 })
      #expect(scores.token_logprobs.count == expected.count + 1)
      // The fake's likeliest token is 4 above any other letter at least 2 below it.
      let best = try #require(scores.top_logprobs?[1])
      #expect(best.count == 1 && (best.values.first ?? -9) > -1)
      #expect(try await beside.status == .ok)
    }
  }

  @Test("a step never wants more logits than it may have")
  func limit() {
    let plan = StepPlanner.limitScored([40, 1, 30, 2, 0], isScored: [true, false, true, true, true], logitRows: 8)
    #expect(plan == [2, 1, 2, 2, 0])
    #expect(StepPlanner.limitScored([40, 1], isScored: [false, false], logitRows: 8) == [40, 1])
    #expect(StepPlanner.limitScored([40], isScored: [true], logitRows: 8) == [8])
    #expect(StepPlanner.limitScored([5, 5, 5], isScored: [true, true, true], logitRows: 3) == [1, 1, 1])
  }
}

@Suite("What else comparisons ask")
struct ConditionsTests {
  @Test("without a ledger /sift/energy says what to set; with one, wrong fields are named")
  func energy() async throws {
    let bench = try await APIBench()
    try await bench.serve { client in
      let answer = try await client.execute(uri: "/sift/energy", method: .get)
      #expect(answer.status == .notFound && answer.error?.code == "no_ledger")
      let conditions = try await client.execute(uri: "/sift/conditions", method: .get)
      #expect(try conditions.json(ConditionsReport.self) == ConditionsReport())
    }
  }
}
