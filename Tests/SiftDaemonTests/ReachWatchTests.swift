// Which peers a request lost on its way.

import SiftCore
import SiftDaemon
import Testing

@Suite("Peers that go out of reach")
struct ReachWatchTests {
  private func conditions(_ reachable: Bool...) -> Conditions {
    Conditions(
      epoch: 1,
      nodes: ([true] + reachable).map {
        NodeConditions(isReachable: $0, visit: .zero, computeEnergy: 0, computeTime: 0)
      }, wakeEnergy: 0, wakeTime: 0)
  }

  private func gone(_ watch: inout ReachWatch, _ conditions: Conditions) -> [Int] {
    var gone: [Int] = []
    watch.look(conditions) { gone.append($0) }
    return gone
  }

  @Test("a peer that goes is told once, and again only after it was back")
  func once() {
    var watch = ReachWatch(peers: 2)
    watch.begin(conditions(true, true))
    #expect(gone(&watch, conditions(true, true)) == [])
    #expect(gone(&watch, conditions(true, false)) == [1])
    #expect(gone(&watch, conditions(true, false)) == [])
    #expect(gone(&watch, conditions(true, true)) == [])
    #expect(gone(&watch, conditions(false, false)) == [0, 1])
  }

  @Test("who was away before the beginning is not told; a view without a peer counts as out of reach")
  func beginning() {
    var watch = ReachWatch(peers: 2)
    watch.begin(conditions(true, true))
    watch.begin(conditions(false, true))
    #expect(gone(&watch, conditions(false, true)) == [])
    #expect(gone(&watch, conditions(true)) == [1])
  }
}
