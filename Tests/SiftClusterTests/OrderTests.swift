// Several hosts whose replies come in any order: the sums have the bits of one host.

import ExpertExec
import SiftCluster
import SiftCore
import SiftTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct OrderTests {
  @Test func sumsOfTwoHostsInAnyOrderHaveTheBitsOfOne() async throws {
    let certificates = try CertificateFixture("gateway", "a", "b")
    let names = ["a", "b"]
    var servers: [ExpertServer] = []
    var proxies: [DelayProxy] = []
    var addresses: [PeerAddress] = []
    for (index, name) in names.enumerated() {
      let server = ExpertServer(
        host: Sample.host([2 * index, 2 * index + 1]), address: "127.0.0.1", port: 0, tls: try certificates.tls(name))
      let proxy = DelayProxy(target: try await server.start())
      addresses.append(PeerAddress(name: name, host: "127.0.0.1", port: try await proxy.start()))
      servers.append(server)
      proxies.append(proxy)
    }
    let events = EventLog<PeerEvent>()
    let transport = PeerTransport(
      peers: addresses, tls: try certificates.tls("gateway"), modelHash: Sample.hash, arithmetic: "fma16",
      width: Sample.width, layers: Sample.layers, settings: Pair.quick, onEvent: { events.append($0) })
    transport.start()
    await events.wait(count: 2) { if case .connected = $0.change { true } else { false } }
    var firstWasB = 0
    for round in 0..<30 {
      // The slower host changes from round to round, and so does the order in which replies are asked for.
      proxies[0].delay(round % 2 == 0 ? .milliseconds(3) : .zero)
      proxies[1].delay(round % 2 == 0 ? .zero : .milliseconds(3))
      let whole = OwnedVisit(layer: round % 3, rows: 4, seed: UInt64(round))
      let parts = whole.split { Int($0) / 2 }
      let tickets = parts.map { part in part.with { transport.send($0) } }
      let order = round % 3 == 0 ? [0, 1] : [1, 0]
      let sums = await onThread {
        var total = [Double](repeating: 0, count: whole.hidden.count)
        for index in order {
          guard let ticket = tickets[index] else { continue }
          let answer = transport.redeem(ticket, parts[index], until: .now + .seconds(30))
          for at in total.indices { total[at] += answer.sums[at] }
        }
        return total
      }
      if order[0] == 1 { firstWasB += 1 }
      #expect(sums.map(\.bitPattern) == whole.expected.map(\.bitPattern))
    }
    #expect(firstWasB == 20)
    await onThread { transport.stop() }
    for proxy in proxies { await proxy.stop() }
    for server in servers { await server.stop() }
  }
}

extension OwnedVisit {
  /// The rows for two hosts: every row keeps, at each, one pair at least (of weight zero where it has none there).
  func split(_ host: (Int32) -> Int) -> [OwnedVisit] {
    (0..<2).map { index in
      var counts: [Int32] = []
      var experts: [Int32] = []
      var weights: [Float] = []
      var pair = 0
      for count in self.counts {
        let mine = (pair..<pair + Int(count)).filter { host(self.experts[$0]) == index }
        pair += Int(count)
        counts.append(Int32(max(1, mine.count)))
        experts += mine.isEmpty ? [Int32(2 * index)] : mine.map { self.experts[$0] }
        weights += mine.isEmpty ? [0] : mine.map { self.weights[$0] }
      }
      return OwnedVisit(
        node: index + 1, layer: layer, width: width, counts: counts, experts: experts, weights: weights, hidden: hidden)
    }
  }
}
