// The multipliers of the dual problem, and what one token does when everything has a price.

/// Prices that take the limits' place. All ≥ 0.
struct BatchPrices {
  /// Joules a unit of one token's error (λ).
  var error: Double
  /// Joules a second of airtime (μ).
  var airtime: Double
  /// `[place]`: joules of using a place for one token (π); 0 for the gateway.
  var place: [Double]
  /// `[place]`: joules of one execution there, compute energy and priced compute time together.
  var execution: [Double]
  /// `[token][column]`: this token's share of what loading the expert costs; over the tokens at most that cost.
  var load: [[Double]]
}

/// Prices one token's plans. A value over scratch that is reused from token to token.
struct BatchPricing {
  /// The priced cost of one execution of `column`.
  static func execution(_ column: Int, _ table: BatchTable, _ prices: BatchPrices, _ token: Int) -> Double {
    prices.execution[table.columns[column].place] + (prices.load.isEmpty ? 0 : prices.load[token][column])
  }

  /// A good plan within the remote places of `set`: everybody takes the cheapest of a skip and the nearest columns, then
  /// those who gain by it ride on what others execute.
  static func plan(
    _ table: BatchTable, token: Int, set: UInt64, prices: BatchPrices, errorPrice: Double, into columns: inout [Int]
  ) -> Double {
    let k = table.ranks
    var total = 0.0
    for rank in 0..<k {
      var least = table.skip[rank] == .infinity ? Double.infinity : errorPrice * table.skip[rank]
      var column = -1
      for place in 0..<table.placeCount where place == 0 || set >> UInt64(place) & 1 == 1 {
        let near = table.nearest[place * k + rank]
        guard near >= 0 else { continue }
        let cost = errorPrice * table.nearestValue[place * k + rank] + execution(near, table, prices, token)
        if cost < least || (column < 0 && cost == least) {
          least = cost
          column = near
        }
      }
      columns[rank] = column
      if column < 0 && table.skip[rank] == .infinity { return .infinity }
      total += least
    }
    return ride(table, token: token, prices: prices, errorPrice: errorPrice, columns: &columns, total: total)
      + placeCost(table, columns, prices)
  }

  /// Lets ranks share what is executed anyway; counts each execution once.
  private static func ride(
    _ table: BatchTable, token: Int, prices: BatchPrices, errorPrice: Double, columns: inout [Int], total: Double
  ) -> Double {
    let k = table.ranks
    var total = total
    // Ranks that took the same column paid for it twice.
    for rank in 0..<k where columns[rank] >= 0 {
      for earlier in 0..<rank where columns[earlier] == columns[rank] {
        total -= execution(columns[rank], table, prices, token)
        break
      }
    }
    var isImproving = true
    while isImproving {
      isImproving = false
      var (gain, who, onto) = (1e-15 * total, -1, -1)
      for rank in 0..<k {
        let own = columns[rank]
        var saved = own < 0 ? errorPrice * table.skip[rank] : errorPrice * table.value[own * k + rank]
        if own >= 0, !(0..<k).contains(where: { $0 != rank && columns[$0] == own }) {
          saved += execution(own, table, prices, token)
        }
        for other in 0..<k where columns[other] >= 0 && columns[other] != own {
          let value = table.value[columns[other] * k + rank]
          guard value < .infinity, saved - errorPrice * value > gain else { continue }
          (gain, who, onto) = (saved - errorPrice * value, rank, columns[other])
        }
        if own >= 0, table.skip[rank] < .infinity, saved - errorPrice * table.skip[rank] > gain {
          (gain, who, onto) = (saved - errorPrice * table.skip[rank], rank, -1)
        }
      }
      if who >= 0 {
        columns[who] = onto
        total -= gain
        isImproving = true
      }
    }
    return total
  }

  private static func placeCost(_ table: BatchTable, _ columns: [Int], _ prices: BatchPrices) -> Double {
    var used: UInt64 = 0
    var cost = 0.0
    for column in columns where column >= 0 {
      let place = table.columns[column].place
      if place > 0, used >> UInt64(place) & 1 == 0 {
        used |= 1 << UInt64(place)
        cost += prices.place[place]
      }
    }
    return cost
  }
}
