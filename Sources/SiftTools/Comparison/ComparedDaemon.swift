// What a comparison asks of a daemon, and the real one behind it.

import SiftDaemon

/// A daemon that can be compared with itself under another policy. Tests have one without a network.
public protocol ComparedDaemon: Sendable {
  /// - Throws: `ToolFailure`.
  func node() async throws -> ComparedNode
  /// One request. - Throws: `ToolFailure`; `.unavailable` ends the comparison.
  func ask(_ prompt: String, under policy: PolicySetting, maxTokens: Int) async throws -> BlockAnswer
  /// nil where the daemon does not tell.
  func conditions() async throws -> BlockConditions?
  /// Sum of −ln p over the tokens of a text but the first. - Throws: `ToolFailure`.
  func score(_ text: String, under policy: PolicySetting) async throws -> (predicted: Int, loss: Double)
}

/// A running daemon.
public struct LiveDaemon: ComparedDaemon {
  private let client: ControlClient
  private let model: String

  public init(_ client: ControlClient) async throws(ToolFailure) {
    self.client = client
    model = try await client.modelName()
  }

  public func node() async throws -> ComparedNode {
    let status = try await client.status()
    return ComparedNode(
      node: status.node, model: status.model.name, modelHash: status.model.hash, rails: status.meter.rails)
  }

  public func ask(_ prompt: String, under policy: PolicySetting, maxTokens: Int) async throws -> BlockAnswer {
    var request = CompletionRequest(model: model, prompt: prompt, maxTokens: maxTokens)
    request.sift = policy
    let start = ContinuousClock.now
    let answer = try await client.post("/v1/completions", request, as: CompletionAnswer.self)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    guard let usage = answer.usage, let sift = answer.sift else {
      throw ToolFailure(.failure, "siftd at \(client.address): the answer has no books")
    }
    var block = BlockAnswer(
      tokensIn: usage.promptTokens, tokensOut: usage.completionTokens, seconds: seconds, joules: sift.energy,
      peerJoules: sift.peerEnergy, dynamicJoules: sift.dynamicEnergy, standing: sift.energyStanding)
    block.visits = sift.visits
    block.bytes = sift.bytesUp + sift.bytesDown
    block.errorMean = sift.errorMean
    block.errorRMS = sift.errorRMS
    block.late = sift.experts.late
    return block
  }

  public func conditions() async throws -> BlockConditions? {
    // An older daemon does not have them; that is no reason to stop.
    try? await client.get("/sift/conditions", as: BlockConditions.self)
  }

  public func score(_ text: String, under policy: PolicySetting) async throws -> (predicted: Int, loss: Double) {
    let request = ScoreRequest(model: model, prompt: text, sift: policy)
    let answer = try await client.post("/v1/completions", request, as: ScoreAnswer.self)
    let logarithms = answer.choices.first?.logprobs.token_logprobs.compactMap { $0 } ?? []
    return (logarithms.count, -logarithms.reduce(0, +))
  }
}

/// A prompt that is scored and not continued.
private struct ScoreRequest: Encodable {
  var model: String
  var prompt: String
  var sift: PolicySetting
  var echo = true
  var logprobs = 0
  var max_tokens = 0
}

private struct ScoreAnswer: Decodable {
  struct Choice: Decodable {
    struct Scores: Decodable { var token_logprobs: [Double?] }
    var logprobs: Scores
  }
  var choices: [Choice]
}
