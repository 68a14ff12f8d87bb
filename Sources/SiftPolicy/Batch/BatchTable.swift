// What could serve the ranks of one token of a batch: everything about it that does not depend on prices.

/// One token's columns. A column is one hosted expert (place, target) that could serve at least one rank better than a
/// skip does.
struct BatchTable {
  struct Column {
    let place: Int
    let target: Int
    /// Least sum of two ranks' extra errors against their nearest columns at this place: what sharing it costs at least.
    var sharing: Double
  }
  /// Routed experts of the token (K).
  let ranks: Int
  let placeCount: Int
  /// `[rank]`: weighted error of a skip; infinite when forbidden.
  let skip: [Double]
  let columns: [Column]
  /// `[column, rank]`: weighted error; infinite where the column is no better than a skip.
  let value: [Double]
  /// `[place, rank]`: the nearest column there, −1 for none, and its weighted error.
  let nearest: [Int]
  let nearestValue: [Double]
  /// Remote places with at least one column.
  let usefulPlaces: UInt64

  init(_ problem: BatchProblem, token: Int) {
    let routed = problem.tokens[token]
    let k = routed.count
    func weighted(_ weight: Double, _ distance: Double) -> Double { weight == 0 ? 0 : weight * distance }
    let skip = routed.map { problem.allowSkip ? weighted($0.weight, problem.distance.skipping[$0.expert]) : .infinity }
    var columns: [Column] = []
    var value: [Double] = []
    var nearest = Array(repeating: -1, count: problem.places.count * k)
    var nearestValue = Array(repeating: Double.infinity, count: problem.places.count * k)
    var useful: UInt64 = 0
    var row = Array(repeating: Double.infinity, count: k)
    for (place, hosting) in problem.places.enumerated() {
      let first = columns.count
      for target in hosting.experts {
        var isUseful = false
        for rank in 0..<k {
          row[rank] = .infinity
          guard problem.allowReplace || routed[rank].expert == target else { continue }
          let error = weighted(routed[rank].weight, problem.distance.replacing(routed[rank].expert, by: target))
          guard error < skip[rank], error <= problem.errorMax * (1 + Tolerance.relative) || error == 0 else { continue }
          row[rank] = error
          isUseful = true
          if error < nearestValue[place * k + rank] {
            nearestValue[place * k + rank] = error
            nearest[place * k + rank] = columns.count
          }
        }
        guard isUseful else { continue }
        columns.append(Column(place: place, target: target, sharing: .infinity))
        value.append(contentsOf: row)
      }
      if columns.count > first, place > 0 { useful |= 1 << UInt64(place) }
      for column in first..<columns.count {
        var (least, second) = (Double.infinity, Double.infinity)
        for rank in 0..<k where value[column * k + rank] < .infinity {
          let extra = value[column * k + rank] - nearestValue[place * k + rank]
          if extra < least {
            second = least
            least = extra
          } else if extra < second {
            second = extra
          }
        }
        columns[column].sharing = least + second
      }
    }
    self.ranks = k
    self.placeCount = problem.places.count
    self.skip = skip
    self.columns = columns
    self.value = value
    self.nearest = nearest
    self.nearestValue = nearestValue
    self.usefulPlaces = useful
  }

  /// Every subset of the useful remote places (bit n = place n), the empty set first. At most 2⁶: with more places only
  /// the small sets are listed, which limits what is found and never what is proved.
  func placeSets() -> [UInt64] {
    let places = (1..<max(1, placeCount)).filter { usefulPlaces >> UInt64($0) & 1 == 1 }
    guard places.count > 6 else {
      return (0..<(1 << places.count)).map { bits in
        places.enumerated().reduce(UInt64(0)) { $0 | (bits >> $1.offset & 1 == 1 ? 1 << UInt64($1.element) : 0) }
      }
    }
    var sets: [UInt64] = [0]
    for (at, a) in places.enumerated() {
      sets.append(1 << UInt64(a))
      for b in places[(at + 1)...] { sets.append(1 << UInt64(a) | 1 << UInt64(b)) }
    }
    sets.append(usefulPlaces)
    return sets
  }
}

/// What one token does: a column (or −1, a skip) for each rank, and the sums that follow.
struct BatchPlan: Hashable {
  var columns: [Int]
  /// The distinct executed columns, rising.
  var executed: [Int]
  /// Remote places used, bit n = place n.
  var places: UInt64
  var error: Double

  init(_ columns: [Int], in table: BatchTable) {
    self.columns = columns
    var executed: [Int] = []
    var places: UInt64 = 0
    var error = 0.0
    for (rank, column) in columns.enumerated() {
      guard column >= 0 else {
        error += table.skip[rank]
        continue
      }
      error += table.value[column * table.ranks + rank]
      if !executed.contains(column) { executed.append(column) }
      if table.columns[column].place > 0 { places |= 1 << UInt64(table.columns[column].place) }
    }
    self.executed = executed.sorted()
    self.places = places
    self.error = error
  }
}
