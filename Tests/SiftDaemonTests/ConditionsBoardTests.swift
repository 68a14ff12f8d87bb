import SiftCore
import SiftDaemon
import Testing

@Suite struct ConditionsBoardTests {
  private static func conditions(_ epoch: UInt64, reachable: Bool) -> Conditions {
    let node = NodeConditions(isReachable: reachable, visit: .zero, computeEnergy: 0, computeTime: 0)
    return Conditions(epoch: epoch, nodes: [node, node], wakeEnergy: 0, wakeTime: 0)
  }

  // Two looks at the world overlap: the one that began first ends last, and has not seen the peer yet.
  @Test func anOlderViewTakesNothingBack() {
    let without = Placement(nodes: [[[0]], [[]]])
    let with = Placement(nodes: [[[0]], [[1]]])
    let board = ConditionsBoard(conditions: Self.conditions(0, reachable: false), placement: without)
    board.publish(Self.conditions(2, reachable: true), with)
    board.publish(Self.conditions(1, reachable: false), without)
    #expect(board.conditions.epoch == 2 && board.conditions.nodes[1].isReachable)
    #expect(board.placement.0 == with && board.placement.epoch == 2)
    board.publish(Self.conditions(3, reachable: true), with)
    #expect(board.conditions.epoch == 3 && board.placement.epoch == 2)
  }
}
