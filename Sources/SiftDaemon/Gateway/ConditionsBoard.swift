// The world on a board: written by a background task, read by the engine's thread once a step without waiting.

import ExpertExec
import SiftCore
import Synchronization

/// The latest conditions and placement, and what steps taught about the nodes.
package final class ConditionsBoard: Sendable {
  /// What steps showed of one remote node: a moving mean.
  struct NodeSpeed: Sendable {
    /// Seconds to execute one expert for one token; nil before the first reply.
    var expertSeconds: Double?
  }

  private struct State {
    var conditions: Conditions
    var placement: Placement
    var placementEpoch: UInt64 = 1
    var speeds: [NodeSpeed]
  }

  private let state: Mutex<State>

  /// - Parameter placement: before any peer is connected; element 0 is this node.
  package init(conditions: Conditions, placement: Placement) {
    state = Mutex(
      State(
        conditions: conditions, placement: placement,
        speeds: Array(repeating: NodeSpeed(), count: max(0, placement.nodes.count - 1))))
  }

  /// The latest view. Holds a lock for a copy of a few words; writers hold it as briefly.
  package var conditions: Conditions { state.withLock { $0.conditions } }

  /// The placement and its epoch, which grows when it changes.
  package var placement: (Placement, epoch: UInt64) { state.withLock { ($0.placement, $0.placementEpoch) } }

  /// Element n − 1 is node n.
  var speeds: [NodeSpeed] { state.withLock { $0.speeds } }

  /// Takes a view of the world unless it is older than the one that is here. The placement's epoch grows only when the
  /// placement is another one.
  package func publish(_ conditions: Conditions, _ placement: Placement) {
    state.withLock { state in
      guard conditions.epoch > state.conditions.epoch else { return }
      state.conditions = conditions
      guard state.placement != placement else { return }
      state.placement = placement
      state.placementEpoch += 1
    }
  }

  /// Learns from a step how fast remote nodes are.
  func observe(_ step: StepStatistics) {
    guard !step.nodes.isEmpty else { return }
    state.withLock { state in
      for (index, node) in step.nodes.enumerated()
      where state.speeds.indices.contains(index) && node.experts > 0 && node.execution > .zero {
        let seconds = node.execution.seconds / Double(node.experts)
        let before = state.speeds[index].expertSeconds ?? seconds
        state.speeds[index].expertSeconds = before + (seconds - before) / 8
      }
    }
  }
}
