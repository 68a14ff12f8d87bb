// Visits over real mutual TLS on loopback, with a host whose sums can be computed here.

import ExpertExec
import Foundation
import SiftCluster
import SiftCore
import SiftTestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct ExchangeTests {
  @Test func aVisitComesBackWithTheBitsTheHostComputed() async throws {
    let pair = try await Pair()
    await pair.connected()
    for seed in 1...20 {
      let visit = OwnedVisit(layer: seed % 3, rows: 1 + seed, seed: UInt64(seed))
      let answer = try #require(await pair.transport.exchange(visit))
      guard case .done(let execution, let energy, nil) = answer.outcome else {
        Issue.record("\(answer.outcome)")
        continue
      }
      #expect(execution >= .zero)
      #expect(energy == nil)
      #expect(answer.sums.map(\.bitPattern) == visit.expected.map(\.bitPattern))
    }
    let figures = try #require(pair.transport.statistics(of: NodeIndex(1)))
    #expect(figures.isConnected)
    #expect(figures.visits == 20)
    #expect(figures.done == 20)
    #expect(figures.hosted.list(layer: 2) == [0, 1, 2, 3])
    #expect(figures.bytesUp > 0 && figures.bytesDown > figures.bytesUp)
    #expect(figures.tcp != nil)
    #expect(pair.server.statistics.visits == 20)
    await pair.stop()
  }

  @Test func withBf16SumsAreTheNearestToTheHostsOnTheGrid() async throws {
    let pair = try await Pair(encoding: .bf16)
    await pair.connected()
    let visit = OwnedVisit(rows: 5, seed: 3)
    let answer = try #require(await pair.transport.exchange(visit))
    for (got, exact) in zip(answer.sums, visit.expected) {
      // Hidden state and sum are each off by at most 2⁻⁹ of themselves; the terms of a sum may cancel.
      #expect(abs(got - exact) <= 0.01 * abs(exact) + 0.2)
      #expect((got * 0x1p32).rounded() == got * 0x1p32)
    }
    #expect(answer.sums != visit.expected)
    await pair.stop()
  }

  @Test func manyVisitsOfSeveralThreadsAndLayersAreAnsweredEachWithItsOwnSums() async throws {
    let pair = try await Pair()
    await pair.connected()
    let transport = pair.transport
    await withTaskGroup(of: Int.self) { group in
      for thread in 0..<4 {
        group.addTask {
          await onThread {
            var wrong = 0
            for round in 0..<50 {
              // Several visits of several layers under way, redeemed in another order than sent.
              let visits = (0..<6).map { layer in
                OwnedVisit(layer: layer % 3, rows: 1 + layer, seed: UInt64(thread * 1000 + round * 10 + layer))
              }
              let tickets = visits.map { visit in visit.with { transport.send($0) } }
              for (visit, ticket) in zip(visits, tickets).reversed() {
                guard let ticket else {
                  wrong += 1
                  continue
                }
                let answer = transport.redeem(ticket, visit, until: .now + .seconds(30))
                if answer.sums != visit.expected { wrong += 1 }
              }
            }
            return wrong
          }
        }
      }
      for await wrong in group { #expect(wrong == 0) }
    }
    #expect(pair.host.executions == 1200)
    await pair.stop()
  }

  @Test func whatTheHostCannotExecuteIsAReplyAndTheConnectionStays() async throws {
    let pair = try await Pair()
    await pair.connected()
    let wrong = try #require(await pair.transport.exchange(OwnedVisit(experts: [9])))
    guard case .lost(let reason) = wrong.outcome else {
      Issue.record("\(wrong.outcome)")
      return
    }
    #expect(reason == "expert 9 of layer 0 is not hosted here")
    let right = OwnedVisit()
    #expect(await pair.transport.exchange(right)?.sums == right.expected)
    #expect(pair.transport.statistics(of: NodeIndex(1))?.failed == 1)
    #expect(pair.peerEvents.events.count == 1)
    await pair.stop()
  }

  @Test func theHostsEnergyAndItsStandingComeWithTheReply() async throws {
    let pair = try await Pair(meter: { _ in (.joules(0.25), .derived) })
    await pair.connected()
    let answer = try #require(await pair.transport.exchange(OwnedVisit()))
    guard case .done(_, let energy, let standing) = answer.outcome else {
      Issue.record("\(answer.outcome)")
      return
    }
    #expect(energy == .joules(0.25))
    #expect(standing == .derived)
    #expect(pair.server.statistics.energy == .joules(0.25))
    await pair.stop()
  }
}
