// Three processes over real mutual TLS: the same text as one, and what happens when one of them goes.

import HostIO
import SiftTestKit
import SiftTools
import Testing

extension EndToEnd {
  @Test("Top-K over three nodes writes the 200 tokens that one node writes")
  func sameAsOneNode() async throws {
    let expected = try Self.alone(tokens: 200)
    try await Self.withCluster { cluster, client in
      let answer = try await Self.stream(client, tokens: 200)
      #expect(answer.text == expected)
      #expect(answer.tokens == 200)
      let figures = try #require(answer.figures)
      #expect(figures.visits > 0 && figures.experts.remote > 0, "the experts were to be elsewhere")
      #expect(figures.experts.late == 0 && figures.errorMean == 0)
      let gateway = try #require(cluster.process(0))
      let record = try #require(await gateway.log.line(containing: " completed: "))
      #expect(!record.contains("host-"), "nobody was missing: \(record)")
    }
  }

  @Test("siftmoe with no error allowed writes what Top-K writes; with some it visits less and books the error")
  func budget() async throws {
    let expected = try Self.alone(tokens: 64)
    try await Self.withCluster { _, client in
      let exact = try await Self.stream(client, tokens: 64, policy: "siftmoe:0")
      #expect(exact.text == expected)
      #expect(exact.figures?.errorMean == 0)
      let loose = try await Self.stream(client, tokens: 64, policy: "siftmoe:0.3")
      let figures = try #require(loose.figures)
      #expect(figures.visits < (exact.figures?.visits ?? 0))
      let error = try #require(figures.errorRMS)
      #expect(error > 0.2 && error <= 0.33, "\(error)")
      #expect(figures.experts.replaced + figures.experts.skipped > 0)
    }
  }

  @Test(
    "A host that is killed in the middle of an answer costs error, not the answer, and is used again when it is back")
  func killed() async throws {
    let expected = try Self.alone(tokens: 40)
    try await Self.withCluster { cluster, client in
      let answer = try await Self.stream(client, tokens: 200) { pieces in
        if pieces == 10 { cluster.process(1)?.signal(9) }
      }
      #expect(answer.tokens == 200)
      let figures = try #require(answer.figures)
      // Late where it was lost in the middle of a step, skipped from the next step on.
      #expect(figures.experts.skipped > 0)
      #expect(figures.errorMean > 0)

      // The record of the request names the peer and the booked error.
      let gateway = try #require(cluster.process(0))
      #expect(await gateway.log.line(containing: "peer host-1 is lost") != nil)
      let record = try #require(await gateway.log.line(containing: "completed: 14 tokens in, 200 out"))
      #expect(record.contains("mean error 0."), "\(record)")
      #expect(record.contains("went on without host-1 (out of reach)"), "\(record)")
      #expect(!record.contains("host-2"), "it was there all the time: \(record)")
      let fellBack = record.contains(/\d+ experts? fell back because of host-1 \(/)
      #expect(fellBack == (figures.experts.late > 0), "\(record)")

      // Back: used again within 10 s of being ready.
      await cluster.kill(1)
      try await cluster.start(1)
      let back = await LocalCluster.answer(within: .seconds(10)) {
        await gateway.log.line(containing: "peer host-1 is back")
      }
      try #require(back != nil, "host-1 was not taken back within 10 s")
      let again = try await Self.stream(client, tokens: 40)
      #expect(again.text == expected)
      #expect(again.figures?.experts.late == 0)
    }
  }

  @Test("A peer with another model is refused by its hash, and the gateway goes on without it")
  func otherModel() async throws {
    let folder = try TemporaryFolder()
    try ModelCopy.make(at: folder.path + "/other", changingLastByteOf: "model.safetensors")
    try await Self.withCluster(nodes: 2, isWhole: false, change: { $0.nodes[1].model = folder.path + "/other" }) {
      cluster, client in
      let gateway = try #require(cluster.process(0))
      let said = await LocalCluster.answer(within: .seconds(30)) {
        await gateway.log.line(containing: "host-1 is refused")
      }
      #expect(said?.contains("model") == true)
      let answer = try await Self.stream(client, tokens: 5)
      #expect(answer.tokens == 5)
      #expect(answer.figures?.experts.remote == 0)
      let record = await gateway.log.line(containing: " completed: ")
      #expect(record?.contains("; went on without host-1 (out of reach)") == true)
    }
  }

  @Test("Two streams over slow links both get their own right text")
  func slowLinks() async throws {
    let other = "The return value is a pointer to"
    let expected = [try Self.alone(tokens: 40), try Self.alone(tokens: 40, prompt: other)]
    let ports = try ReservedPorts(3)
    defer { withExtendedLifetime(ports) {} }
    let proxies = [1, 2].map { DelayProxy(target: Int(ports.numbers[$0]), delay: .milliseconds(1)) }
    var visited: [UInt16] = []
    for proxy in proxies { visited.append(UInt16(try await proxy.start())) }
    let between = visited
    try await Self.withCluster(change: { layout in
      for node in 1...2 {
        layout.nodes[node].port = ports.numbers[node]
        layout.nodes[node].visitedAt = between[node - 1]
      }
    }) { _, client in
      async let first = Self.stream(client, tokens: 40)
      async let second = Self.stream(client, tokens: 40, prompt: other)
      let texts = try await [first.text, second.text]
      #expect(texts == expected)
    }
    for proxy in proxies { await proxy.stop() }
  }
}
