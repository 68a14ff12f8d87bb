// Who is let in, and who is not: names, authorities, models, plain text, and the files that say so.

import ExpertExec
import Foundation
import NIOCore
import SiftCluster
import SiftCore
import SiftTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct IdentityTests {
  // MARK: peers

  @Test func aHostWithAnotherModelIsRefusedByItsHashInWords() async throws {
    let pair = try await Pair(gatewayHash: Sample.hash(9))
    let reason = await pair.refusal()
    #expect(reason == "it says: another model: gateway has 090909090909, a has 070707070707")
    await pair.serverEvents.wait { if case .refused(_, let why) = $0 { why.contains("another model") } else { false } }
    #expect(pair.transport.statistics(of: NodeIndex(1))?.isConnected == false)
    #expect(await pair.transport.exchange(OwnedVisit()) == nil)
    await pair.stop()
  }

  @Test func aHostOfAnotherNameIsRefusedAlthoughItsCertificateIsValid() async throws {
    let pair = try await Pair(peerName: "b")
    #expect(await pair.refusal() == "its certificate was made for a, the node configured here is b")
    await pair.stop()
  }

  @Test func aGatewayThatIsNotConfiguredIsRefused() async throws {
    let pair = try await Pair(gateways: ["other"])
    #expect(await pair.refusal().contains("gateway is not among the gateways of a"))
    await pair.stop()
  }

  @Test func aGatewayCannotCallItselfByAnotherName() async throws {
    let pair = try await Pair()
    let raw = try await RawGateway(port: pair.port, tls: try pair.certificates.tls("b"))
    raw.send(RawGateway.hello("gateway"))
    await raw.received.wait { $0.kind == .refuse }
    #expect(raw.received.events.first?.text == "says it is gateway, but its certificate was made for b")
    await raw.received.wait { $0 == .closed }
    await raw.end()
    await pair.stop()
  }

  @Test func aPeerOfAnotherAuthorityIsRefusedOnBothSides() async throws {
    let pair = try await Pair()
    let foreign = try CertificateFixture("gateway", "a")
    let raw = try await RawGateway(port: pair.port, tls: try foreign.tls("gateway"))
    await pair.serverEvents.wait {
      if case .refused(_, let why) = $0 { why.hasPrefix("TLS handshake:") } else { false }
    }
    await raw.end()
    let events = EventLog<PeerEvent>()
    let transport = PeerTransport(
      peers: [PeerAddress(name: "a", host: "127.0.0.1", port: pair.port)], tls: try foreign.tls("gateway"),
      modelHash: Sample.hash, arithmetic: "fma16", width: Sample.width, layers: Sample.layers, settings: Pair.quick,
      onEvent: { events.append($0) })
    transport.start()
    await events.wait {
      if case .refused(let why) = $0.change { why.contains("not signed by our authority") } else { false }
    }
    await onThread { transport.stop() }
    await pair.stop()
  }

  @Test func plainTextIsRefusedAndDisturbsNobody() async throws {
    let pair = try await Pair()
    await pair.connected()
    let raw = try await RawGateway(port: pair.port, tls: nil)
    raw.send(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
    await raw.received.wait { $0 == .closed }
    await pair.serverEvents.wait {
      if case .refused(_, let why) = $0 { why == "TLS handshake: the peer speaks plain HTTP" } else { false }
    }
    let visit = OwnedVisit()
    #expect(await pair.transport.exchange(visit)?.sums == visit.expected)
    #expect(pair.server.statistics.refused == 1)
    await raw.end()
    await pair.stop()
  }

  @Test func whoNeverSaysHelloIsSentAway() async throws {
    var limits = ServerLimits()
    limits.handshakeTimeout = .milliseconds(50)
    let pair = try await Pair(limits: limits)
    let silent = try await RawGateway(port: pair.port, tls: nil)
    await pair.serverEvents.wait { if case .refused(_, let why) = $0 { why.hasPrefix("no hello") } else { false } }
    await silent.received.wait { $0 == .closed }
    await silent.end()
    await pair.stop()
  }

  @Test func connectionsBeyondTheLimitAreClosedAtOnce() async throws {
    var limits = Pair.patient
    limits.connections = 2
    let pair = try await Pair(limits: limits)
    await pair.connected()
    let second = try await RawGateway(port: pair.port, tls: try pair.certificates.tls("gateway"))
    second.send(RawGateway.hello())
    await second.received.wait { $0.kind == .welcome }
    let third = try await RawGateway(port: pair.port, tls: nil)
    await third.received.wait { $0 == .closed }
    let visit = OwnedVisit()
    #expect(await pair.transport.exchange(visit)?.sums == visit.expected)
    await second.end()
    await third.end()
    await pair.stop()
  }

  // MARK: files

  @Test func aKeyThatOthersCanReadIsRefusedWithTheCommandThatHelps() throws {
    let certificates = try CertificateFixture("a")
    let key = certificates.folder.file("a-key.pem")
    try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: key)
    #expect(problem(certificates, "a") == "\(key): others can read this key (mode 640); run: chmod 600 \(key)")
  }

  @Test func missingDamagedAndMismatchedFilesAreNamed() throws {
    let certificates = try CertificateFixture("a", "b")
    let folder = certificates.folder
    #expect(problem(certificates, "c") == "\(folder.file("c-key.pem")): cannot be read: No such file or directory")
    #expect(
      problem(certificates, "a", key: "b-key.pem")
        == "\(folder.file("a.pem")) was not made for the key \(folder.file("b-key.pem")); use the pair of one node")
    #expect(
      problem(certificates, "a", key: "a.pem").hasPrefix("\(folder.file("a.pem")): others can read this key (mode 644)")
    )
    let foreign = try CertificateFixture("x")
    #expect(
      problem(certificates, "a", authority: foreign.folder.file("ca.pem"))
        == "\(folder.file("a.pem")) was not signed by \(foreign.folder.file("ca.pem"))")
    try folder.write("a.pem", "not a certificate")
    #expect(problem(certificates, "a") == "\(folder.file("a.pem")): holds no certificate in PEM form")
    try folder.write("b.pem", [0xFF, 0xFE, 0x00])
    #expect(problem(certificates, "b") == "\(folder.file("b.pem")): is not text (PEM)")
  }

  @Test func anExpiredCertificateIsRefusedWhenLoadedAndByPeers() async throws {
    let old = try CertificateFixture("a", now: Date(timeIntervalSince1970: 1_600_000_000), days: 10)
    #expect(
      problem(old, "a")
        == "\(old.folder.file("a.pem")): not valid at this time (valid from 2020-09-13 to 2020-09-23); "
        + "make a new one: siftctl certs")
    // A node that loaded its certificate in time and runs on meets peers that look at the date.
    let then = Date(timeIntervalSince1970: 1_600_000_000)
    let certificates = try CertificateFixture("gateway", now: then, days: 36_500)
    _ = try CertificateFolder(path: certificates.folder.path).fill(nodes: [("a", [])], now: then, days: 1)
    let folder = certificates.folder
    let expired = try ClusterTLS(
      certificate: folder.file("a.pem"), key: folder.file("a-key.pem"), authority: folder.file("ca.pem"), now: then)
    let server = ExpertServer(host: Sample.host(), address: "127.0.0.1", port: 0, tls: expired)
    let port = try await server.start()
    let events = EventLog<PeerEvent>()
    let transport = PeerTransport(
      peers: [PeerAddress(name: "a", host: "127.0.0.1", port: port)], tls: try certificates.tls("gateway"),
      modelHash: Sample.hash, arithmetic: "fma16", width: Sample.width, layers: Sample.layers, settings: Pair.quick,
      onEvent: { events.append($0) })
    transport.start()
    await events.wait { if case .refused(let why) = $0.change { why.contains("expired") } else { false } }
    await onThread { transport.stop() }
    await server.stop()
  }

  @Test func certificatesAreMadeOnceAndKeysAreForTheirOwnerAlone() throws {
    let certificates = try CertificateFixture("a")
    let folder = CertificateFolder(path: certificates.folder.path)
    #expect(throws: ClusterTLSError.exists(path: certificates.folder.file("a.pem"))) {
      try folder.fill(nodes: [("a", [])], now: Date(), days: 1)
    }
    let added = try folder.fill(nodes: [("b", ["192.0.2.1", "b.example"])], now: Date(), days: 1)
    #expect(added == [certificates.folder.file("b.pem"), certificates.folder.file("b-key.pem")])
    #expect(try certificates.tls("b").nodeName == "b")
    for key in ["ca-key.pem", "a-key.pem", "b-key.pem"] {
      let attributes = try FileManager.default.attributesOfItem(atPath: certificates.folder.file(key))
      #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }
    let before = try String(contentsOfFile: certificates.folder.file("a-key.pem"), encoding: .utf8)
    _ = try CertificateFolder(path: certificates.folder.path, force: true)
      .fill(nodes: [("a", [])], now: Date(), days: 1)
    #expect(try String(contentsOfFile: certificates.folder.file("a-key.pem"), encoding: .utf8) != before)
    #expect(try certificates.tls("a").nodeName == "a")
  }

  @Test(arguments: ["", "ca", "a/b", "..", ".a", "-a", "a b", "é", String(repeating: "x", count: 64)])
  func namesThatAreNoFileNamesAreRefusedBeforeAnythingIsWritten(name: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("certs")
    #expect(throws: ClusterTLSError.badName(name)) {
      try CertificateFolder(path: path).fill(nodes: [("good", []), (name, [])], now: Date(), days: 1)
    }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  private func problem(_ certificates: CertificateFixture, _ name: String, key: String? = nil, authority: String? = nil)
    -> String
  {
    let folder = certificates.folder
    do throws(ClusterTLSError) {
      _ = try ClusterTLS(
        certificate: folder.file("\(name).pem"), key: folder.file(key ?? "\(name)-key.pem"),
        authority: authority ?? folder.file("ca.pem"))
      return "none"
    } catch { return error.description }
  }
}
