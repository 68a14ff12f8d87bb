// Texts that the model was never trained on are foretold as well as the published figures say.

import ExpertExec
import HostIO
import SiftTestKit
import Testing

struct EvaluationTests {
  private static let texts = [
    "chat", "code", "dictionary", "lexicon", "manuals", "novels", "pydocs", "scripture", "sqldocs",
  ]

  private func expected(_ text: String) throws -> JSONObject {
    let file = try readSmallFile(ReferenceModel.file("text/expected.json"), limit: 1 << 20)
    return try #require(try JSONParser.parse(file).object?[text]?.object)
  }

  @Test(arguments: texts) func `a text has the published log-loss`(text: String) throws {
    let expected = try expected(text)
    let engine = try referenceEngine(threads: 2)
    let bytes = try readSmallFile(ReferenceModel.file("text/\(text).txt"), limit: 1 << 20)
    // The published figures take the chat text's turn marks for the special tokens they spell.
    let tokens = engine.tokenizer.encode(String(decoding: bytes, as: UTF8.self), parseSpecial: true)
    let result = try InferenceSession(engine: engine).evaluate(tokens: tokens)
    #expect(result.tokens == expected["tokens"]?.integer)
    #expect(result.predicted == expected["predicted"]?.integer)
    let loss = try #require(expected["log_loss_nats"]?.double)
    let accuracy = try #require(expected["next_token_accuracy"]?.double)
    #expect(abs(try #require(result.logLoss) - loss) < 0.002)
    #expect(abs(try #require(result.accuracy) - accuracy) < 0.002)
  }

  @Test func `windows of one token and an empty text foretell nothing`() throws {
    let session = try InferenceSession(engine: referenceEngine())
    let empty = try session.evaluate(tokens: [])
    #expect(empty.predicted == 0 && empty.logLoss == nil)
    let single = try session.evaluate(tokens: [5])
    #expect(single.tokens == 1 && single.predicted == 0)
    // Windows of 2, 2 and 1 tokens.
    let odd = try session.evaluate(tokens: [5, 6, 7, 8, 9], window: 2)
    #expect(odd.tokens == 5 && odd.predicted == 2)
    #expect(throws: SessionError.self) { try session.evaluate(tokens: [5, 6], window: 1) }
  }

  @Test func `the log-loss is that of the logits`() throws {
    let engine = try referenceEngine()
    let session = try InferenceSession(engine: engine)
    let tokens: [Int32] = [852, 268, 2964]
    let id = try session.open(capacity: 3)
    var loss = 0.0
    for at in 0..<2 {
      try session.forward([Chunk(sequence: id, token: tokens[at])])
      let logits = session.logits(row: 0).map(Double.init)
      let greatest = logits.max() ?? 0
      let sum = logits.reduce(0) { $0 + exponential($1 - greatest) }
      loss += logarithm(sum) + greatest - logits[Int(tokens[at + 1])]
    }
    #expect(abs(try session.evaluate(tokens: tokens).lossSum - loss) < 1e-5)
  }

  /// e^x by its series after halving, so that the check shares nothing with what it checks.
  private func exponential(_ x: Double) -> Double {
    var term = 1.0
    var sum = 1.0
    let small = x / 1024
    for k in 1..<20 {
      term *= small / Double(k)
      sum += term
    }
    for _ in 0..<10 { sum *= sum }
    return sum
  }

  /// ln y by Newton's steps.
  private func logarithm(_ y: Double) -> Double {
    var x = 1.0
    for _ in 0..<100 { x += y / exponential(x) - 1 }
    return x
  }
}
