// A proved lower bound on what one token costs at given prices: the exact Lagrangian subproblem.

/// Depth-first search over the ranks of one token: each is served for nothing (skipped, or by what is open) or opens a
/// column. Exact; when it takes too long it answers with a weaker bound that is still one.
struct BatchBound {
  private let table: BatchTable
  private let prices: BatchPrices
  private let token: Int
  private let errorPrice: Double
  /// Columns worth opening: somebody's nearest, or cheap enough to share.
  private var candidates: [Int]
  private var best = Double.infinity
  private var stepsLeft = 0
  private var open: [Int] = []
  /// `[rank]`: least that ranks from here on cost when all they use were free of charge.
  private var suffix: [Double]

  init(_ table: BatchTable, token: Int, prices: BatchPrices, errorPrice: Double) {
    self.table = table
    self.token = token
    self.prices = prices
    self.errorPrice = errorPrice
    self.suffix = Array(repeating: 0, count: table.ranks + 1)
    var isNearest = Array(repeating: false, count: table.columns.count)
    for near in table.nearest where near >= 0 { isNearest[near] = true }
    self.candidates = table.columns.indices.filter { column in
      // u ranks share a column instead of taking their nearest ones: that saves at most u − 1 executions, so the two
      // ranks that lose least must lose less than two executions together. Where loads have prices, columns of one place
      // cost differently and any of them may be worth opening.
      isNearest[column] || !prices.load.isEmpty
        || errorPrice * table.columns[column].sharing < 2 * prices.execution[table.columns[column].place]
    }
  }

  /// Least priced cost over the given sets of places.
  /// - Parameter cheap: the cost of a known plan: nothing dearer is looked for.
  mutating func value(sets: [UInt64], isEverySet: Bool, cheap: Double) -> Double {
    best = cheap
    var proved = Double.infinity
    for set in sets {
      var base = 0.0
      for place in 1..<max(1, table.placeCount) where set >> UInt64(place) & 1 == 1 { base += prices.place[place] }
      let relaxed = base + fillSuffix(set)
      if relaxed >= best { continue }
      stepsLeft = 4_000
      descend(0, cost: base, set: set)
      if stepsLeft < 0 { proved = min(proved, relaxed) }
    }
    if !isEverySet {
      // Sets that were not listed: every use of a place pays its share of the price.
      proved = min(proved, spreadBound())
    }
    return min(best, proved)
  }

  private mutating func fillSuffix(_ set: UInt64) -> Double {
    let k = table.ranks
    for rank in (0..<k).reversed() {
      var least = table.skip[rank] == .infinity ? Double.infinity : errorPrice * table.skip[rank]
      for place in 0..<table.placeCount where place == 0 || set >> UInt64(place) & 1 == 1 {
        let near = table.nearestValue[place * k + rank]
        if near < .infinity { least = min(least, errorPrice * near) }
      }
      suffix[rank] = suffix[rank + 1] + least
    }
    return suffix[0]
  }

  /// Valid for any set of places: a place's price divided by the ranks that could use it, paid at every use.
  private func spreadBound() -> Double {
    let k = table.ranks
    var total = 0.0
    for rank in 0..<k {
      var least = table.skip[rank] == .infinity ? Double.infinity : errorPrice * table.skip[rank]
      for place in 0..<table.placeCount {
        let near = table.nearestValue[place * k + rank]
        if near < .infinity { least = min(least, errorPrice * near + prices.place[place] / Double(k)) }
      }
      total += least
    }
    return total
  }

  private mutating func descend(_ rank: Int, cost: Double, set: UInt64) {
    stepsLeft -= 1
    if stepsLeft < 0 || cost + suffix[rank] >= best { return }
    guard rank < table.ranks else {
      best = cost
      return
    }
    let k = table.ranks
    var free = table.skip[rank] == .infinity ? Double.infinity : errorPrice * table.skip[rank]
    for column in open where table.value[column * k + rank] < .infinity {
      free = min(free, errorPrice * table.value[column * k + rank])
    }
    if free < .infinity { descend(rank + 1, cost: cost + free, set: set) }
    for column in candidates {
      let place = table.columns[column].place
      let value = table.value[column * k + rank]
      guard value < .infinity, place == 0 || set >> UInt64(place) & 1 == 1, !open.contains(column) else { continue }
      let paid = errorPrice * value + BatchPricing.execution(column, table, prices, token)
      // Paying more than it would cost for nothing only makes sense when later ranks ride along.
      if rank + 1 == k, paid >= free { continue }
      open.append(column)
      descend(rank + 1, cost: cost + paid, set: set)
      open.removeLast()
    }
  }
}
