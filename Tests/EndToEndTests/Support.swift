// What the three-process tests share: a cluster of real siftd processes with the reference model, and requests to it.

import Foundation
import HostIO
import SiftTestKit
import SiftTools
import Testing

/// Every test here runs several processes that compute: one test at a time.
@Suite("Whole processes", .serialized, .timeLimit(.minutes(5)))
struct EndToEnd {
  /// A prompt after which the model writes on for more than 200 tokens.
  static let prompt = "1 In the beginning God created the heaven and the earth.\n2 And"

  /// The siftd that was built with the tests: it lies beside them.
  static func siftd() throws -> String {
    let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("siftd").path
  }

  /// A layout of the reference model with a node for each of `ports`, in a folder of its own.
  /// - Parameters:
  ///   - ports: kept by the caller as long as the nodes may come and go.
  ///   - change: what is different from the usual.
  static func layout(
    _ ports: ReservedPorts, in folder: TemporaryFolder, change: (inout ClusterLayout) -> Void = { _ in }
  ) throws -> ClusterLayout {
    var layout = ClusterLayout(
      model: ReferenceModel.folder, modelName: "reference", experts: 16, folder: folder.path,
      socket: folder.file("siftd.sock"), ports: ports.numbers, threads: 1)
    // A busy machine must not make a reply late: what is tested here is what happens, not how fast.
    layout.extra["policy"] = ["latency-ms = 20000"]
    change(&layout)
    return layout
  }

  /// Runs `body` with a cluster and a client of its gateway; the processes are gone afterwards, whatever happens.
  static func withCluster<Result: Sendable>(
    nodes: Int = 3, isWhole: Bool = true, change: (inout ClusterLayout) -> Void = { _ in },
    body: @Sendable (LocalCluster, ControlClient) async throws -> Result
  ) async throws -> Result {
    let folder = try TemporaryFolder()
    let ports = try ReservedPorts(nodes)
    defer { withExtendedLifetime(ports) {} }
    let layout = try layout(ports, in: folder, change: change)
    return try await LocalCluster.with(layout, program: try siftd(), isWhole: isWhole) { cluster in
      try await ControlClient.with(cluster.address, patience: .seconds(120)) { try await body(cluster, $0) }
    }
  }

  /// What one answer was.
  struct Answer: Sendable {
    var text = ""
    var tokens = 0
    var figures: SiftFigures?
  }

  /// Streams a completion of `tokens` tokens. `onPiece` is told how many pieces of text have come.
  static func stream(
    _ client: ControlClient, tokens: Int, policy: String = "topk", prompt: String = Self.prompt,
    onPiece: (Int) -> Void = { _ in }
  ) async throws -> Answer {
    var request = CompletionRequest(model: "reference", prompt: prompt, maxTokens: tokens)
    request.sift = try PolicySetting(policy)
    request.stream = true
    request.streamOptions = .init(includeUsage: true)
    var answer = Answer()
    var pieces = 0
    try await client.stream("/v1/completions", request) { data in
      let chunk = try client.decodeEvent(CompletionAnswer.self, data)
      answer.tokens = chunk.usage?.completionTokens ?? answer.tokens
      answer.figures = chunk.sift ?? answer.figures
      guard let text = chunk.choices.first?.text, !text.isEmpty else { return }
      answer.text += text
      pieces += 1
      onPiece(pieces)
    }
    return answer
  }

  /// What one process with all experts writes, by the engine in this process.
  static func alone(tokens: Int, prompt: String = Self.prompt) throws -> String {
    var text = ""
    let tool = GenerateTool(prompt: prompt, maxTokens: tokens)
    let outcome = try tool.offline(model: ReferenceModel.folder, threads: 1) { piece throws(ToolFailure) in
      text += piece
    }
    try #require(outcome.tokens == tokens, "the reference text must not end before \(tokens) tokens")
    return text
  }
}
