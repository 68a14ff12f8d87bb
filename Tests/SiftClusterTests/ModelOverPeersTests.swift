// The reference model with its experts on two other nodes, over real TLS and proxies that change which is the slower.

import ExpertExec
import SiftCluster
import SiftCore
import SiftTestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct ModelOverPeersTests {
  @Test func twoHundredTokensOverThreeNodesHaveTheBitsOfOne() async throws {
    let engine = try Engine(folder: ReferenceModel.folder)
    let layers = engine.description.layers.count
    let certificates = try CertificateFixture("gateway", "a", "b")
    var servers: [ExpertServer] = []
    var proxies: [DelayProxy] = []
    var addresses: [PeerAddress] = []
    // Experts 0–5 at the gateway, 6–10 at a, 11–15 at b.
    for (name, experts) in [("a", Array(6..<11)), ("b", Array(11..<16))] {
      let host = try ExpertHost(engine: engine, hosted: Array(repeating: experts, count: layers), threads: 1)
      let server = ExpertServer(host: host, address: "127.0.0.1", port: 0, tls: try certificates.tls(name))
      let proxy = DelayProxy(target: try await server.start())
      addresses.append(PeerAddress(name: name, host: "127.0.0.1", port: try await proxy.start()))
      servers.append(server)
      proxies.append(proxy)
    }
    let events = EventLog<PeerEvent>()
    let transport = PeerTransport(
      peers: addresses, tls: try certificates.tls("gateway"), modelHash: engine.hash, arithmetic: engine.arithmetic,
      width: engine.description.width, layers: layers, onEvent: { events.append($0) })
    transport.start()
    await events.wait(count: 2) { $0.change == .connected(sameArithmetic: true) }
    let slower = proxies
    let outcome = await onThread {
      compare(engine, layers, transport) { step in
        slower[step % 2].delay(.microseconds(300))
        slower[1 - step % 2].delay(.zero)
      }
    }
    #expect(outcome == Comparison(tokens: 200, different: 0, fellBack: 0, error: nil))
    for node in 1...2 {
      let figures = try #require(transport.statistics(of: NodeIndex(node)))
      #expect(figures.done == figures.visits && figures.done > 200)
    }
    await onThread { transport.stop() }
    for proxy in proxies { await proxy.stop() }
    for server in servers { await server.stop() }
  }

  private struct Comparison: Equatable, Sendable {
    var tokens = 0
    var different = 0
    var fellBack = 0
    var error: String?
  }

  /// Greedy tokens on one node and over three, their logits bit by bit; `disturb` is called before every token.
  private func compare(
    _ engine: Engine, _ layers: Int, _ transport: PeerTransport, disturb: @Sendable (Int) -> Void
  ) -> Comparison {
    var seen = Comparison()
    do {
      let alone = try InferenceSession(engine: engine)
      var options = SessionOptions()
      options.hosted = Array(repeating: Array(0..<6), count: layers)
      let selector = FixedSelector.topK { _, expert in expert < 6 ? 0 : expert < 11 ? 1 : 2 }
      let cluster = try InferenceSession(engine: engine, options: options, selector: selector, transport: transport)
      let ids = (try alone.open(capacity: 300), try cluster.open(capacity: 300))
      let prompt: [Int32] = engine.tokenizer.encode("In the beginning")
      try alone.forward([Chunk(sequence: ids.0, tokens: prompt, wanted: .last)])
      try cluster.forward([Chunk(sequence: ids.1, tokens: prompt, wanted: .last)])
      for step in 0..<200 {
        disturb(step)
        let logits = (alone.logits(row: 0), cluster.logits(row: 0))
        if !logits.0.elementsEqual(logits.1, by: { $0.bitPattern == $1.bitPattern }) { seen.different += 1 }
        let token = Sampler.greatest(alone.logits(row: 0))
        try alone.forward([Chunk(sequence: ids.0, token: token)])
        try cluster.forward([Chunk(sequence: ids.1, token: token)])
        seen.fellBack += cluster.statistics.fellBack
        seen.tokens += 1
      }
    } catch {
      seen.error = "\(error)"
    }
    return seen
  }
}
