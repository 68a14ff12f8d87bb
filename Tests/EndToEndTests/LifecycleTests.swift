// One process over its life: a changed configuration, and an end that does not wait for ever.

import Foundation
import SiftTestKit
import SiftTools
import Testing

extension EndToEnd {
  @Test("SIGHUP takes over live keys, says what needs a restart, and a broken file changes nothing")
  func reloads() async throws {
    try await Self.withCluster(nodes: 1) { cluster, client in
      let process = try #require(cluster.process(0))
      let file = cluster.layout.configurationFile(of: 0)
      let before = try String(contentsOfFile: file, encoding: .utf8)
      // The file has a [policy] section already; a second one would not be TOML.
      let changed =
        before.replacing("[policy]\n", with: "[policy]\nname = \"local-only\"\n") + "\n[scheduler]\nrows = 7\n"
      try changed.write(toFile: file, atomically: true, encoding: .utf8)
      process.signal(SIGHUP)
      let line = await process.log.line(containing: "configuration reloaded:")
      #expect(line?.contains("changed policy.name; a restart is needed for scheduler.rows") == true)
      #expect(try await client.status().policy == "local-only")
      try (changed + "nonsense = 1\n").write(toFile: file, atomically: true, encoding: .utf8)
      process.signal(SIGHUP)
      let refusal = await process.log.line(containing: "configuration not reloaded, the old one stays:")
      #expect(refusal?.contains("scheduler.nonsense: unknown key") == true)
      #expect(try await client.status().policy == "local-only")
    }
  }

  @Test("A request that outlives the drain's limit is told that the daemon stops, and the process ends with status 0")
  func drainLimit() async throws {
    try await Self.withCluster(nodes: 1, change: { $0.extra["api"] = ["drain-seconds = 0"] }) { cluster, client in
      var last = ""
      let request = try CompletionRequest(model: "reference", prompt: Self.prompt, maxTokens: 900).streamed(
        under: "topk")
      await #expect(throws: ToolFailure.self) {
        var events = 0
        try await client.stream("/v1/completions", request) { data in
          events += 1
          last = data
          if events == 3 { cluster.process(0)?.signal(SIGTERM) }
        }
      }
      #expect(last.contains("the daemon is stopping"))
      #expect(await cluster.process(0)?.end == .exited(0))
    }
  }
}

extension CompletionRequest {
  /// The same request, streamed under a policy.
  fileprivate func streamed(under policy: String) throws -> CompletionRequest {
    var request = self
    request.sift = try PolicySetting(policy)
    request.stream = true
    return request
  }
}
