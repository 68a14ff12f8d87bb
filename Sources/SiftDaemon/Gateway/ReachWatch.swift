// Which peers went out of reach while requests ran.

import SiftCore

/// Compares what one step saw with what the step before saw. Indices are node numbers less one.
package struct ReachWatch {
  private var isWithin: [Bool]

  package init(peers: Int) { isWithin = Array(repeating: false, count: peers) }

  /// Starts anew: what is out of reach now is no news.
  package mutating func begin(_ conditions: Conditions) { look(conditions) { _ in } }

  /// - Parameter gone: is given every peer that was within reach at the look before and is no longer.
  package mutating func look(_ conditions: Conditions, gone: (Int) -> Void) {
    for index in isWithin.indices {
      let node = index + 1
      let isReachable = conditions.nodes.indices.contains(node) && conditions.nodes[node].isReachable
      if isWithin[index] && !isReachable { gone(index) }
      isWithin[index] = isReachable
    }
  }
}
