// Peers that are late, gone, or answer nonsense: no request stops, every change is told once, and all comes back.

import ExpertExec
import Foundation
import HostIO
import NIOCore
import SiftCluster
import SiftCore
import SiftTestKit
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct FaultTests {
  // MARK: late

  @Test func aLateReplyIsDroppedAndTheNextVisitGetsItsOwn() async throws {
    let pair = try await Pair()
    await pair.connected()
    let gate = Gate()
    pair.host.behave { _, _ in gate.pass() }
    let slow = OwnedVisit(seed: 1)
    let late = try #require(await pair.transport.exchange(slow, patience: .milliseconds(20)))
    #expect(late.outcome == .late)
    #expect(late.isUntouched)
    pair.host.behave(nil)
    gate.open()
    let next = OwnedVisit(seed: 2)
    let answer = try #require(await pair.transport.exchange(next))
    #expect(answer.sums == next.expected)
    let figures = try #require(pair.transport.statistics(of: NodeIndex(1)))
    #expect(figures.late == 1 && figures.lateReplies == 1 && figures.done == 1)
    #expect(pair.peerEvents.events.count == 1)
    await pair.stop()
  }

  @Test func aVisitWhosePatienceIsOverBeforeItsTurnIsNotComputed() async throws {
    let pair = try await Pair()
    await pair.connected()
    let gate = Gate()
    pair.host.behave { _, _ in gate.pass() }
    let visits = (1...3).map { OwnedVisit(seed: UInt64($0)) }
    let transport = pair.transport
    // The first holds the host up. The others come while it is busy; one of them has no patience at all.
    let patience: [Duration] = [.seconds(30), .zero, .seconds(30)]
    let tickets = zip(visits, patience).map { visit, patience in visit.with(patience: patience) { transport.send($0) } }
    #expect(await eventually { pair.host.executions > 0 })
    pair.host.behave(nil)
    gate.open()
    let answers = await onThread {
      zip(visits, tickets).map { visit, ticket in
        ticket.map { transport.redeem($0, visit, until: .now + .seconds(30)) }
      }
    }
    #expect(answers[0]?.sums == visits[0].expected)
    #expect(answers[1]?.outcome == .late)
    #expect(answers[2]?.sums == visits[2].expected)
    #expect(pair.host.executions == 2)
    #expect(pair.server.statistics.late == 1)
    await pair.stop()
  }

  @Test func anAnswerThatTakesLongerThanAnswersDoIsAskedFor() async throws {
    let pair = try await Pair()
    await pair.connected()
    let transport = pair.transport
    for seed in 1...8 { _ = await transport.exchange(OwnedVisit(seed: UInt64(seed))) }
    let gate = Gate()
    pair.host.behave { _, _ in gate.pass() }
    let before = try #require(transport.statistics(of: NodeIndex(1)))
    let slow = OwnedVisit(seed: 9)
    async let awaited = transport.exchange(slow, patience: .seconds(30))
    #expect(await eventually { (transport.statistics(of: NodeIndex(1))?.probes ?? 0) >= before.probes + 2 })
    gate.open()
    #expect(await awaited?.sums == slow.expected)
    // The pongs of all that was asked are no nonsense, and the next answer is its own.
    let next = OwnedVisit(seed: 10)
    #expect(await transport.exchange(next)?.sums == next.expected)
    let after = try #require(transport.statistics(of: NodeIndex(1)))
    #expect(after.done == 10 && after.late == 0 && after.isConnected)
    await pair.stop()
  }

  @Test func aPeerThatOwesAnAnswerIsAskedAgainAndAgain() async throws {
    let pair = try await Pair()
    await pair.connected()
    let transport = pair.transport
    pair.proxy.stall()
    let late = await transport.exchange(OwnedVisit(seed: 1), patience: .milliseconds(5))
    #expect(late?.outcome == .late)
    #expect(await eventually { (transport.statistics(of: NodeIndex(1))?.probes ?? 0) >= 4 })
    await pair.proxy.resume()
    #expect(await eventually { transport.statistics(of: NodeIndex(1))?.isOverdue == false })
    let visit = OwnedVisit(seed: 2)
    #expect(await transport.exchange(visit)?.sums == visit.expected)
    #expect(pair.peerEvents.events.count == 1)
    await pair.stop()
  }

  @Test func aPeerThatStallsIsLeftAloneUntilItGivesASignOfLife() async throws {
    let pair = try await Pair()
    await pair.connected()
    pair.proxy.stall()
    for seed in 1...3 {
      let answer = await pair.transport.exchange(OwnedVisit(seed: UInt64(seed)), patience: .milliseconds(5))
      #expect(answer?.outcome == .late)
    }
    await pair.lost()
    #expect(await pair.transport.exchange(OwnedVisit(), patience: .seconds(30)) == nil)
    #expect(pair.transport.statistics(of: NodeIndex(1))?.lastProblem == "no answer to 3 visits in a row")
    await pair.proxy.resume()
    await pair.recovered()
    let visit = OwnedVisit(seed: 9)
    #expect(await pair.transport.exchange(visit)?.sums == visit.expected)
    #expect(pair.peerEvents.events.count == 3)
    await pair.stop()
  }

  // MARK: gone

  @Test func aCutConnectionLosesItsVisitsAtOnceAndIsMadeAnew() async throws {
    let pair = try await Pair()
    await pair.connected()
    let gate = Gate()
    pair.host.behave { _, _ in gate.pass() }
    let transport = pair.transport
    let visits = (1...4).map { OwnedVisit(seed: UInt64($0)) }
    let tickets = visits.map { visit in visit.with { transport.send($0) } }
    async let answers = onThread {
      zip(visits, tickets).map { visit, ticket in
        ticket.map { transport.redeem($0, visit, until: .now + .seconds(600)) }
      }
    }
    #expect(await eventually { pair.host.executions > 0 })
    await pair.proxy.cut()
    for answer in await answers {
      guard case .lost(let reason)? = answer?.outcome else {
        Issue.record("\(String(describing: answer))")
        continue
      }
      #expect(reason == "closed by the peer" || reason == "connection reset by peer")
    }
    pair.host.behave(nil)
    gate.open()
    await pair.recovered()
    #expect(await transport.exchange(visits[0])?.sums == visits[0].expected)
    #expect(pair.peerEvents.events.count == 3)
    #expect(transport.statistics(of: NodeIndex(1))?.lost == 4)
    await pair.stop()
  }

  @Test func aHostThatStopsSaysGoodbyeAndOneThatReturnsIsUsedAgain() async throws {
    let pair = try await Pair()
    await pair.connected()
    await pair.server.stop()
    await pair.lost()
    #expect(await pair.transport.exchange(OwnedVisit()) == nil)
    guard case .lost(let reason)? = pair.peerEvents.events.last?.change else {
      Issue.record("\(pair.peerEvents.events)")
      return
    }
    #expect(reason == "said goodbye: shutting down")
    let again = ExpertServer(
      host: pair.host, address: "127.0.0.1", port: pair.port, tls: try pair.certificates.tls("a"))
    try await again.start()
    await pair.recovered()
    let visit = OwnedVisit()
    #expect(await pair.transport.exchange(visit)?.sums == visit.expected)
    #expect(pair.peerEvents.events.count == 3)
    await again.stop()
    await pair.stop()
  }

  @Test func visitsThatWereAcceptedAreServedBeforeAHostStops() async throws {
    let pair = try await Pair()
    await pair.connected()
    let gate = Gate()
    pair.host.behave { _, _ in gate.pass() }
    let transport = pair.transport
    let visits = (1...4).map { OwnedVisit(seed: UInt64($0)) }
    // In one piece, so that the host has them all when it executes the first.
    pair.proxy.stall()
    let tickets = visits.map { visit in visit.with { transport.send($0) } }
    await pair.proxy.resume()
    #expect(await eventually { pair.host.executions > 0 })
    async let stopped: Void = pair.server.stop()
    pair.host.behave(nil)
    gate.open()
    let answers = await onThread {
      zip(visits, tickets).map { visit, ticket in
        ticket.map { transport.redeem($0, visit, until: .now + .seconds(30)) }
      }
    }
    await stopped
    #expect(answers.first??.sums == visits[0].expected)
    let served = answers.compactMap { $0 }.count { if case .done = $0.outcome { true } else { false } }
    #expect(served == pair.host.executions)
    await pair.stop()
  }

  @Test func anUnreachablePeerIsToldOnceHoweverOftenItIsTried() async throws {
    let certificates = try CertificateFixture("gateway", "a")
    let ports = try ReservedPorts(1)
    defer { withExtendedLifetime(ports) {} }
    let port = Int(ports.numbers[0])
    let events = EventLog<PeerEvent>()
    let transport = PeerTransport(
      peers: [PeerAddress(name: "a", host: "127.0.0.1", port: port)], tls: try certificates.tls("gateway"),
      modelHash: Sample.hash, arithmetic: "fma16", width: Sample.width, layers: Sample.layers, settings: Pair.quick,
      onEvent: { events.append($0) })
    transport.start()
    await events.wait { $0.change == .lost(reason: "127.0.0.1:\(port): connection refused") }
    #expect(transport.exchangeHere(OwnedVisit()) == nil)
    let server = ExpertServer(
      host: Sample.host(), address: "127.0.0.1", port: port, tls: try certificates.tls("a"))
    try await server.start()
    await events.wait { $0.change == .connected(sameArithmetic: true) }
    #expect(events.events.count == 2, "\(events.events)")
    await onThread { transport.stop() }
    await server.stop()
  }

  // MARK: nonsense from a host

  struct Nonsense: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: @Sendable (VisitHeader) -> ByteBuffer
    var testDescription: String { name }

    static func reply(_ name: String, _ change: @escaping @Sendable (inout ReplyHeader, inout [Double]) -> Void)
      -> Nonsense
    {
      Nonsense(name: name) { visit in
        var header = ReplyHeader(
          number: visit.number, execution: 1, energy: nil, standing: nil, rows: visit.rows, status: .done,
          encoding: .f32)
        var sums = [Double](repeating: 0, count: Int(visit.rows) * Sample.width)
        change(&header, &sums)
        var buffer = ByteBuffer()
        sums.withUnsafeBufferPointer { ReplyCodec.write(header, sums: $0, into: &buffer) }
        return buffer
      }
    }

    static let all = [
      reply("reply.sums") { $1[3] = .nan },
      reply("reply.sums") { $1[0] = 0.1 },
      reply("reply.rows") { header, _ in header.rows += 1 },
      reply("reply.number") { header, _ in header.number += 1000 },
      reply("reply.sums") { $1.removeLast() },
      reply("reply.length") { $1.append(0) },
      reply("reply.encoding") { header, _ in header.encoding = .bf16 },
      reply("reply.energy") {
        header, _ in
        header.energy = .joules(-1)
        header.standing = .measured
      },
      Nonsense(name: "frame.kind") { _ in ByteBuffer(bytes: [0, 0, 0, 0, 4, 1, 0, 0]) },
      Nonsense(name: "frame.length") { _ in ByteBuffer(bytes: [255, 255, 255, 255, 5, 1, 0, 0]) },
      Nonsense(name: "frame.version") { _ in ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n") },
      Nonsense(name: "pong.number") { _ in ByteBuffer(bytes: [8, 0, 0, 0, 7, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]) },
    ]
  }

  @Test(arguments: Nonsense.all) func nonsenseLosesTheVisitAndTheConnectionAndIsToldByField(nonsense: Nonsense)
    async throws
  {
    let certificates = try CertificateFixture("gateway", "a")
    let host = try await RawHost(tls: try certificates.tls("a")) { kind, body in
      switch kind {
      case .hello: return RawHost.welcome()
      case .visit:
        let header: VisitHeader? = body.withUnsafeReadableBytes { bytes in
          var reader = WireReader(bytes, frame: "visit")
          return try? VisitCodec.readHeader(&reader)
        }
        return header.map(nonsense.bytes)
      default: return nil
      }
    }
    let events = EventLog<PeerEvent>()
    let transport = PeerTransport(
      peers: [PeerAddress(name: "a", host: "127.0.0.1", port: host.port)], tls: try certificates.tls("gateway"),
      modelHash: Sample.hash, arithmetic: "fma16", width: Sample.width, layers: Sample.layers, settings: Pair.quick,
      onEvent: { events.append($0) })
    transport.start()
    await events.wait { if case .connected = $0.change { true } else { false } }
    let answer = try #require(await transport.exchange(OwnedVisit()))
    guard case .lost(let reason) = answer.outcome else {
      Issue.record("\(answer.outcome)")
      return
    }
    #expect(reason.hasPrefix("nonsense: \(nonsense.name)"))
    #expect(answer.isUntouched)
    await events.wait { $0.change == .lost(reason: reason) }
    await onThread { transport.stop() }
    await host.end()
  }

  // MARK: nonsense from a gateway

  @Test(
    arguments: [
      ("half a frame", [100, 0, 0, 0, 4, 1, 0, 0, 1, 2, 3], true),
      ("oversized", [0, 0, 0, 5, 4, 1, 0, 0], false),
      ("unknown kind", [0, 0, 0, 0, 42, 1, 0, 0], false),
      ("a second hello", [0, 0, 0, 0, 1, 1, 0, 0], false),
      ("an empty visit", [0, 0, 0, 0, 4, 1, 0, 0], false),
      ("a reply", [0, 0, 0, 0, 5, 1, 0, 0], false),
    ] as [(String, [UInt8], Bool)])
  func aGatewayThatMisbehavesIsSentAwayAndDisturbsNobody(name: String, bytes: [UInt8], closes: Bool) async throws {
    let pair = try await Pair()
    await pair.connected()
    let raw = try await RawGateway(port: pair.port, tls: try pair.certificates.tls("b"))
    raw.send(RawGateway.hello("b"))
    await raw.received.wait { $0.kind == .welcome }
    raw.send(ByteBuffer(bytes: bytes))
    if closes { raw.close() } else { await raw.received.wait { $0 == .closed } }
    await pair.serverEvents.wait {
      guard case .disconnected("b", let reason) = $0 else { return false }
      return closes ? reason == "closed by the peer" : reason.hasPrefix("frame.") || reason.hasPrefix("visit.")
    }
    let visit = OwnedVisit()
    #expect(await pair.transport.exchange(visit)?.sums == visit.expected)
    #expect(pair.peerEvents.events.count == 1)
    await raw.end()
    await pair.stop()
  }

  @Test func garbageInTheStreamBreaksTheConnectionAndItComesBack() async throws {
    let pair = try await Pair()
    await pair.connected()
    await pair.proxy.inject([0x17, 3, 3, 0, 20] + [UInt8](repeating: 0xAA, count: 20), .toGateway)
    _ = await pair.transport.exchange(OwnedVisit(), patience: .milliseconds(100))
    await pair.recovered()
    let visit = OwnedVisit()
    #expect(await pair.transport.exchange(visit)?.sums == visit.expected)
    await pair.stop()
  }
}
