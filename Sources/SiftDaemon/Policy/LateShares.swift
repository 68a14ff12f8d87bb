// How much oftener each node was late than its channel explains.

/// Moving shares, `[node]`, of visits that failed where the forecast had none fail: hosts that are slow, and all outages
/// where nothing is known of the channel. With p the channel's forecast and x the share, the chance that a visit fails is
/// 1 − (1 − p)(1 − x). Kept apart for visits to nodes whose answer was overdue: TCP delivers in order, so what is sent then
/// waits behind what did not get through.
struct LateShares {
  /// Weight of one more visit.
  private static let pace = 0.03
  /// What a step leaves of a share: a node that is not visited any more gets another chance.
  private static let memory = 0.999

  private var shares: [Double] = []
  private let start: Double

  /// - Parameter start: of a node that nothing is known of.
  init(start: Double = 0) { self.start = start }

  mutating func reserve(nodes: Int) {
    // Shares of nodes that stay are kept: a placement changes, its nodes do not.
    while shares.count < nodes { shares.append(start) }
  }

  subscript(node: Int) -> Double { shares.indices.contains(node) ? shares[node] : 0 }

  mutating func beginStep() { for node in shares.indices { shares[node] *= Self.memory } }

  /// - Parameter expected: the chance of failing that the decision reckoned with, x included.
  mutating func observe(_ node: Int, isLate: Bool, expected: Double) {
    guard shares.indices.contains(node) else { return }
    shares[node] = min(1, max(0, shares[node] + ((isLate ? 1 : 0) - expected) * Self.pace))
  }
}
