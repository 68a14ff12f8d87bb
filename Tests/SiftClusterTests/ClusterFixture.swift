// A small cluster in one process: certificates in a temporary folder, fake hosts, real servers, a real transport.

import ExpertExec
import Foundation
import HostIO
import SiftCluster
import SiftCore
import SiftTestKit

/// Certificates for some nodes of one authority.
struct CertificateFixture: Sendable {
  let folder: TemporaryFolder

  init(_ names: String..., now: Date = Date(), days: Int = 30) throws {
    folder = try TemporaryFolder()
    _ = try CertificateFolder(path: folder.path).fill(nodes: names.map { ($0, []) }, now: now, days: days)
  }

  func tls(_ name: String) throws -> ClusterTLS {
    try ClusterTLS(
      certificate: folder.file("\(name).pem"), key: folder.file("\(name)-key.pem"), authority: folder.file("ca.pem"))
  }
}

/// What the tests agree on.
enum Sample {
  static let width = 32
  static let layers = 3
  static let hash = hash(7)
  static func hash(_ byte: UInt8) -> ContentHash {
    guard let hash = ContentHash(bytes: [UInt8](repeating: byte, count: 32)) else { fatalError("32 bytes are a hash") }
    return hash
  }
  static func host(_ experts: [Int] = [0, 1, 2, 3], hash: ContentHash = hash) -> FakeExpertHost {
    FakeExpertHost(hash: hash, width: width, layers: layers, hosted: experts)
  }
}

/// A visit that owns its arrays.
final class OwnedVisit: @unchecked Sendable {
  // Sendable because nothing changes after init.
  let node: NodeIndex
  let layer: Int
  let counts: [Int32]
  let experts: [Int32]
  let weights: [Float]
  let hidden: [Float]
  let width: Int

  init(
    node: Int = 1, layer: Int = 0, rows: Int = 2, experts: [Int32] = [0, 1, 2, 3], width: Int = Sample.width,
    seed: UInt64 = 1
  ) {
    var generator = SeededGenerator(seed: seed)
    self.node = NodeIndex(node)
    self.layer = layer
    self.width = width
    counts = (0..<rows).map { _ in Int32.random(in: 1...Int32(experts.count), using: &generator) }
    let pairs = Int(counts.reduce(0, +))
    self.experts = (0..<pairs).map { _ in experts.randomElement(using: &generator) ?? 0 }
    weights = (0..<pairs).map { _ in Float.random(in: 0...1, using: &generator) }
    hidden = (0..<rows * width).map { _ in generator.float(within: 4) }
  }

  /// A visit as given.
  init(node: Int = 1, layer: Int, width: Int, counts: [Int32], experts: [Int32], weights: [Float], hidden: [Float]) {
    self.node = NodeIndex(node)
    self.layer = layer
    self.width = width
    self.counts = counts
    self.experts = experts
    self.weights = weights
    self.hidden = hidden
  }

  func with<Value>(patience: Duration = .seconds(10), _ body: (ExpertVisit) -> Value) -> Value {
    hidden.withUnsafeBufferPointer { hidden in
      counts.withUnsafeBufferPointer { counts in
        experts.withUnsafeBufferPointer { experts in
          weights.withUnsafeBufferPointer { weights in
            guard let start = hidden.baseAddress else { fatalError("a visit has rows") }
            return body(
              ExpertVisit(
                node: node, layer: layer, width: width, rows: counts.count, hidden: start, counts: counts,
                experts: experts, weights: weights, patience: patience))
          }
        }
      }
    }
  }

  /// What the fake host answers, computed here.
  var expected: [Double] {
    var sums = [Double](repeating: 0, count: hidden.count)
    with { visit in sums.withUnsafeMutableBufferPointer { FakeExpertHost.sum(visit, into: $0) } }
    return sums
  }
}

/// An answer and the sums that came with it.
struct Answer: Sendable {
  let outcome: VisitOutcome
  let sums: [Double]
  /// Nothing was written.
  var isUntouched: Bool { sums.allSatisfy { $0.isNaN } }
}

extension PeerTransport {
  /// Sends and waits on a thread of its own. nil: it could not be sent.
  func exchange(_ visit: OwnedVisit, patience: Duration = .seconds(10)) async -> Answer? {
    await onThread { self.exchangeHere(visit, patience: patience) }
  }

  func exchangeHere(_ visit: OwnedVisit, patience: Duration = .seconds(10)) -> Answer? {
    guard let ticket = visit.with(patience: patience, { send($0) }) else { return nil }
    return redeem(ticket, visit, until: .now + patience)
  }

  func redeem(_ ticket: VisitTicket, _ visit: OwnedVisit, until deadline: ContinuousClock.Instant) -> Answer {
    var sums = [Double](repeating: .nan, count: visit.hidden.count)
    let outcome = sums.withUnsafeMutableBufferPointer { receive(ticket, until: deadline, sums: $0) }
    return Answer(outcome: outcome, sums: sums)
  }
}

/// One gateway and one host over real TLS on loopback.
final class Pair: Sendable {
  let certificates: CertificateFixture
  let host: FakeExpertHost
  let server: ExpertServer
  /// The server's; a server that is stopped can be followed by another one.
  let port: Int
  private let ports: ReservedPorts
  let proxy: DelayProxy
  let transport: PeerTransport
  let peerEvents: EventLog<PeerEvent>
  let serverEvents: EventLog<ServerEvent>

  init(
    host: FakeExpertHost = Sample.host(), encoding: PayloadEncoding = .f32, peerName: String = "a",
    gatewayHash: ContentHash = Sample.hash, gateways: Set<String>? = nil, limits: ServerLimits = Pair.patient,
    settings: PeerSettings = Pair.quick, meter: VisitMeter? = nil
  ) async throws {
    let peers = EventLog<PeerEvent>()
    let servers = EventLog<ServerEvent>()
    certificates = try CertificateFixture("gateway", "a", "b")
    self.host = host
    ports = try ReservedPorts(1)
    server = ExpertServer(
      host: host, address: "127.0.0.1", port: Int(ports.numbers[0]), tls: try certificates.tls("a"), gateways: gateways,
      limits: limits,
      meter: meter, onEvent: { servers.append($0) })
    port = try await server.start()
    proxy = DelayProxy(target: port)
    let entrance = try await proxy.start()
    transport = PeerTransport(
      peers: [PeerAddress(name: peerName, host: "127.0.0.1", port: entrance)], tls: try certificates.tls("gateway"),
      modelHash: gatewayHash, arithmetic: "fma16", width: Sample.width, layers: Sample.layers, encoding: encoding,
      settings: settings, onEvent: { peers.append($0) })
    peerEvents = peers
    serverEvents = servers
    transport.start()
  }

  /// Hundreds of tests share the processors: a handshake that waits for its turn must not count as refused.
  static var patient: ServerLimits {
    var limits = ServerLimits()
    limits.handshakeTimeout = .seconds(60)
    return limits
  }

  /// Short pauses, so that tests which wait for another attempt do not take long.
  static var quick: PeerSettings {
    var settings = PeerSettings()
    settings.handshakeTimeout = .seconds(60)
    settings.backoffFirst = .milliseconds(5)
    settings.backoffCap = .milliseconds(20)
    return settings
  }

  func connected() async { await peerEvents.wait { if case .connected = $0.change { true } else { false } } }
  func lost(_ count: Int = 1) async {
    await peerEvents.wait(count: count) { if case .lost = $0.change { true } else { false } }
  }
  func recovered(_ count: Int = 1) async { await peerEvents.wait(count: count) { $0.change == .recovered } }
  func refusal() async -> String {
    await peerEvents.wait { if case .refused = $0.change { true } else { false } }
    for event in peerEvents.events { if case .refused(let reason) = event.change { return reason } }
    return ""
  }

  func stop() async {
    let transport = transport
    await onThread { transport.stop() }
    await proxy.stop()
    await server.stop()
  }
}
