// The experts that a batch agrees on: the selection of XShare (arXiv 2602.07265).

/// A set of experts for all tokens of a batch.
///
/// Every token's heaviest expert belongs to it; experts are then added by falling weight summed over the batch until the
/// set has the size that is allowed. The summed weight of the set is modular, so of all sets of that size which hold every
/// token's heaviest expert none has more. A token is served by those of its routed experts that belong to the set.
///
/// The paper sums the gate's scores of all experts and lets a token choose again within the set; here only what the router
/// chose is known, so a token chooses among that.
///
/// In steady state nothing is allocated.
public struct SharedExperts: Sendable {
  /// `[expert]`: weight summed over the batch, negative when no token routed to it.
  private var weight: [Double] = []
  private var isKept: [Bool] = []
  /// Experts that some token routed to, in the order met.
  private var met: [Int] = []
  /// Whether `choose` has been called since `begin`.
  public private(set) var isChosen = false

  public init() {}

  /// Forgets the batch before.
  /// - Parameter experts: experts of the layer.
  public mutating func begin(experts: Int) {
    for expert in met {
      weight[expert] = -1
      isKept[expert] = false
    }
    met.removeAll(keepingCapacity: true)
    while weight.count < experts {
      weight.append(-1)
      isKept.append(false)
    }
    isChosen = false
  }

  /// Adds a token.
  /// - Parameter ranks: bit r tells whether rank r counts: not those whose expert nobody hosts.
  public mutating func add(_ routed: [RoutedExpert], ranks: UInt64 = .max) {
    var heaviest = -1
    for rank in routed.indices where ranks >> UInt64(rank) & 1 == 1 {
      let expert = routed[rank].expert
      guard weight.indices.contains(expert) else { continue }
      if weight[expert] < 0 {
        weight[expert] = 0
        met.append(expert)
      }
      weight[expert] += routed[rank].weight
      if heaviest < 0 || routed[rank].weight > routed[heaviest].weight { heaviest = rank }
    }
    if heaviest >= 0 { isKept[routed[heaviest].expert] = true }
  }

  /// Chooses the set: all but a share of the distinct experts of the batch, rounded up, and every token's heaviest.
  /// - Parameter share: 0 keeps all of them, 1 only the heaviest ones.
  public mutating func choose(withoutShare share: Double) {
    let most = size(withoutShare: share)
    var count = 0
    for expert in met where isKept[expert] { count += 1 }
    while count < most {
      var next = -1
      for expert in met where !isKept[expert] {
        if next < 0 || weight[expert] > weight[next] || (weight[expert] == weight[next] && expert < next) {
          next = expert
        }
      }
      guard next >= 0 else { break }
      isKept[next] = true
      count += 1
    }
    isChosen = true
  }

  private func size(withoutShare share: Double) -> Int {
    let kept = Double(met.count) * (1 - min(max(share, 0), 1))
    // A product that is whole but for rounding is whole.
    return Int((kept - 1e-9).rounded(.up))
  }

  /// Whether `expert` belongs to the set.
  public func contains(_ expert: Int) -> Bool { isKept.indices.contains(expert) && isKept[expert] }
}
