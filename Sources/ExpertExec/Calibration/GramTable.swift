// Inner products of expert outputs, for each pair of experts that a token is routed to together (docs/theory, B3).

/// Mean inner products of one layer: for routed experts i and k, over the tokens routed to both and each weighted by
/// w_i·w_k, E⟨f_a, f_b⟩ of all experts a and b, divided by the mean square of the exact layer output. What the mean square of
/// a decision's error is exactly, correlations included.
public struct GramTable: Sendable, Hashable {
  /// Experts of the layer (E).
  public let experts: Int
  /// `[pair of routed, pair of outputs]`, P × P with P = E(E+1)/2; finite; 0 for a pair that no sample token had.
  public let products: [Float]

  /// - Precondition: P² figures.
  public init(experts: Int, products: [Float]) {
    precondition(products.count == Self.pairs(experts) * Self.pairs(experts), "a Gram table has P × P figures")
    self.experts = experts
    self.products = products
  }

  /// E(E+1)/2.
  static func pairs(_ experts: Int) -> Int { experts * (experts + 1) / 2 }

  /// The place of the unordered pair (a, b) among all of them.
  static func pair(_ a: Int, _ b: Int) -> Int {
    let (low, high) = a <= b ? (a, b) : (b, a)
    return high * (high + 1) / 2 + low
  }

  private func product(_ routed: Int, _ a: Int, _ b: Int) -> Double {
    Double(products[routed * Self.pairs(experts) + Self.pair(a, b)])
  }

  /// What stands in for one routed expert, in an estimate.
  public struct Served: Sendable, Hashable {
    public var expert: Int
    /// The router's weight.
    public var weight: Double
    /// The executed expert; nil for a skip.
    public var target: Int?
    /// α of the replacement.
    public var factor: Double
    public init(expert: Int, weight: Double, target: Int?, factor: Double = 1) {
      self.expert = expert
      self.weight = weight
      self.target = target
      self.factor = factor
    }
  }

  /// Expected squared relative error of a decision: Σ_{i,k} w_i w_k E⟨e_i, e_k⟩ with e_i = f_i − α_i f_{a(i)}.
  /// - Complexity: O(K²).
  public func meanSquare(_ served: [Served]) -> Double {
    let changed = served.filter { $0.target != $0.expert }
    var sum = 0.0
    for i in changed {
      for k in changed {
        let routed = Self.pair(i.expert, k.expert)
        var product = product(routed, i.expert, k.expert)
        if let target = k.target { product -= k.factor * self.product(routed, i.expert, target) }
        if let target = i.target { product -= i.factor * self.product(routed, target, k.expert) }
        if let a = i.target, let b = k.target { product += i.factor * k.factor * self.product(routed, a, b) }
        sum += i.weight * k.weight * product
      }
    }
    return max(0, sum)
  }
}

/// Sums for the Gram table of one layer.
struct GramSample {
  let experts: Int
  /// `[pair of routed]` Σ w_i·w_k; `[pair of routed, pair of outputs]` Σ w_i·w_k⟨f_a, f_b⟩.
  var weights: [Double]
  var sums: [Double]

  /// Bytes of the sums of a layer.
  static func bytes(_ experts: Int) -> Int {
    GramTable.pairs(experts) * GramTable.pairs(experts) * MemoryLayout<Double>.size
  }

  init(experts: Int) {
    self.experts = experts
    let pairs = GramTable.pairs(experts)
    weights = Array(repeating: 0, count: pairs)
    sums = Array(repeating: 0, count: pairs * pairs)
  }

  /// A token with its routed experts. - Parameter products: `[pair of outputs]` ⟨f_a, f_b⟩.
  mutating func add(
    _ routed: Slice<UnsafeBufferPointer<Int32>>, _ shares: Slice<UnsafeBufferPointer<Float>>,
    products: UnsafeBufferPointer<Float>
  ) {
    let pairs = products.count
    for (i, wi) in zip(routed, shares) {
      for (k, wk) in zip(routed, shares) where k >= i {
        let pair = GramTable.pair(Int(i), Int(k))
        let weight = Double(wi) * Double(wk)
        weights[pair] += weight
        for at in 0..<pairs { sums[pair * pairs + at] += weight * Double(products[at]) }
      }
    }
  }

  /// - Parameter output: mean of ‖y‖², > 0.
  func table(output: Double) -> GramTable {
    let pairs = GramTable.pairs(experts)
    return GramTable(
      experts: experts,
      products: sums.indices.map { at in
        let weight = weights[at / pairs]
        return weight > 0 ? Float(sums[at] / weight / output) : 0
      })
  }
}
