// A seeded campaign of faults against one connection while two threads use it all the time.

import ExpertExec
import SiftCluster
import SiftCore
import SiftTestKit
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct CampaignTests {
  private enum Fault: CaseIterable { case cut, stall, garbageDown, garbageUp, refuse, restart, slow }

  /// What the using threads saw.
  private struct Tally: Sendable {
    var done = 0
    var late = 0
    var lost = 0
    var notSent = 0
    var wrong = 0
    var ended: Int { done + late + lost + notSent }
  }

  /// What the campaign and the using threads share.
  private final class Field: Sendable {
    let isOver = Atomic<Bool>(false)
    let tally = Mutex(Tally())
  }

  @Test(arguments: [1, 2]) func whateverHappensEveryVisitEndsAndNoSumIsWrong(seed: Int) async throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    let pair = try await Pair()
    await pair.connected()
    let field = Field()
    let transport = pair.transport
    var server = pair.server
    let tls = try pair.certificates.tls("a")
    await withTaskGroup(of: Void.self) { group in
      for thread in 0..<2 {
        group.addTask { await use(transport, seed: UInt64(1000 * seed + thread), field) }
      }
      for _ in 0..<24 {
        switch Fault.allCases.randomElement(using: &generator) ?? .cut {
        case .cut: await pair.proxy.cut()
        case .stall:
          pair.proxy.stall()
          await visits(field, more: 3)
          await pair.proxy.resume()
        case .garbageDown: await pair.proxy.inject(garbage(&generator), .toGateway)
        case .garbageUp: await pair.proxy.inject(garbage(&generator), .toHost)
        case .refuse:
          pair.proxy.refuse(true)
          await pair.proxy.cut()
          await visits(field, more: 5)
          pair.proxy.refuse(false)
        case .restart:
          await server.stop()
          server = ExpertServer(host: pair.host, address: "127.0.0.1", port: pair.port, tls: tls)
          _ = try? await server.start()
        case .slow:
          pair.proxy.delay(.milliseconds(1))
          await done(field, more: 3)
          pair.proxy.delay(.zero)
        }
        // Between two faults the peer is used again.
        await done(field, more: 5)
      }
      field.isOver.store(true, ordering: .releasing)
      await group.waitForAll()
    }
    let seen = field.tally.withLock { $0 }
    #expect(seen.wrong == 0)
    #expect(seen.done >= 120)
    #expect(seen.lost + seen.late + seen.notSent > 0)
    checkAnnouncements(pair.peerEvents.events.map(\.change))
    await server.stop()
    await pair.stop()
  }

  /// Lost and recovered take turns: nothing is told twice.
  private func checkAnnouncements(_ changes: [PeerEvent.Change]) {
    #expect(changes.first == .connected(sameArithmetic: true))
    for (before, after) in zip(changes, changes.dropFirst()) {
      if case .lost = after {
        #expect(before == .recovered || before == .connected(sameArithmetic: true))
      } else if case .refused = after {
        #expect(before != after)
      } else {
        #expect(after == .recovered && before != .recovered)
      }
    }
  }

  private func use(_ transport: PeerTransport, seed: UInt64, _ field: Field) async {
    var round: UInt64 = 0
    while !field.isOver.load(ordering: .acquiring) {
      round += 1
      let visit = OwnedVisit(layer: Int(round % 3), rows: 1 + Int(round % 4), seed: seed &* 100_000 &+ round)
      var answer: Answer?
      if transport.statistics(of: NodeIndex(1))?.isConnected == true {
        answer = await transport.exchange(visit, patience: .milliseconds(40))
      } else {
        await Task.yield()
      }
      field.tally.withLock { tally in
        switch answer?.outcome {
        case nil: tally.notSent += 1
        case .done:
          tally.done += 1
          if answer?.sums != visit.expected { tally.wrong += 1 }
        case .late: tally.late += 1
        case .lost: tally.lost += 1
        }
      }
    }
  }

  /// Until so many visits more have ended, in any way.
  private func visits(_ field: Field, more: Int) async {
    let before = field.tally.withLock { $0.ended }
    #expect(await eventually { field.tally.withLock { $0.ended } >= before + more })
  }

  /// Until so many more have been answered.
  private func done(_ field: Field, more: Int) async {
    let before = field.tally.withLock { $0.done }
    #expect(await eventually { field.tally.withLock { $0.done } >= before + more })
  }

  private func garbage(_ generator: inout SeededGenerator) -> [UInt8] {
    (0..<Int.random(in: 1...200, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }
}
