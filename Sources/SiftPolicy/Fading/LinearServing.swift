// The inner step for errors that add up: Σ weight × expected distance (docs/theory, B1).

/// Opens experts at places and serves every routed expert by the nearest open one, or by nothing.
///
/// The routed experts are decided one after another, those that lose most by a skip first: served for nothing more
/// (skipped, or by an expert that is open), or by one that is newly opened and nearer. Opening one that an earlier routed
/// expert would rather have had is not tried, since that answer is met on another branch.
///
/// **Bound.** Whoever uses column j pays at least λ·v + κ/u, with u the number of routed experts that could use j: the
/// joules of an expert are shared by no more than u. Summed over those that are still to be served, and with λ·v alone
/// for what is open, this is never more than the true cost.
///
/// - Complexity: O(C^K) at worst; with computing cheaper than distances apart, about K·C.
struct LinearServing: ServingStep {
  private var w: LinearWorkspace
  private var k = 0
  private var placeCount = 0
  private var columnCount = 0
  private var price = 0.0
  private var errorCeiling = 0.0
  private var poolCount = 0
  private var openCount = 0
  private var bestCount = 0
  private var base = 0.0

  init(routed: Int, places: Int, columns: Int) {
    w = LinearWorkspace(routed: routed, places: places, columns: columns)
  }

  func deallocate() { w.deallocate() }

  // MARK: Reading

  mutating func read(_ problem: FadingProblem, _ rules: FadingRules, isRoomy: Bool) {
    k = problem.token.routed.count
    placeCount = problem.token.places.count
    price = rules.price
    errorCeiling = min(Tolerance.ceiling(rules.errorLimit), .greatestFiniteMagnitude)
    bestCount = 0
    columnCount = 0
    readSkips(problem.token)
    for place in 0..<placeCount {
      w.kappa[place] = rules.ignoresEnergy ? 0 : problem.token.places[place].computeEnergy
      w.start[place] = columnCount
      if problem.token.places[place].isReachable && problem.outage(place) < 1 {
        readPlace(problem, place)
        keepWorthwhile(place, isRoomy: isRoomy)
      }
      w.end[place] = columnCount
      prepareFloor(place)
    }
  }

  /// Ranks by falling error of a skip.
  private func readSkips(_ token: TokenProblem) {
    for index in 0..<k {
      let routed = token.routed[index]
      let skip = token.allowSkip ? weighted(routed.weight, token.distance.skipping[routed.expert]) : .infinity
      var at = index
      while at > 0 && w.skip[at - 1] < skip {
        w.skip[at] = w.skip[at - 1]
        w.origin[at] = w.origin[at - 1]
        at -= 1
      }
      w.skip[at] = skip
      w.origin[at] = index
    }
    for rank in 0..<k {
      let routed = token.routed[w.origin[rank]]
      w.weight[rank] = routed.weight
      w.row[rank] = routed.expert * token.distance.experts
      w.fallback[rank] = token.standIn(for: w.origin[rank]).error
    }
    (w.weight[k], w.row[k], w.skip[k], w.fallback[k]) = (0, 0, 0, 0)
  }

  /// A weight of 0 makes any distance, even an infinite one, nothing.
  @inline(__always) private func weighted(_ weight: Double, _ distance: Double) -> Double {
    weight == 0 ? 0 : weight * distance
  }

  /// λ·error without 0·∞.
  @inline(__always) private func priced(_ error: Double) -> Double { error == .infinity ? .infinity : price * error }

  private mutating func readPlace(_ problem: FadingProblem, _ place: Int) {
    let token = problem.token
    let errors = ColumnErrors(
      ranks: k, weight: w.weight, skip: w.skip, row: w.row, ceiling: errorCeiling, outage: problem.outage(place),
      fallback: w.fallback)
    for rank in 0..<k { w.setNearest[rank] = .infinity }
    token.distance.replacing.withUnsafeBufferPointer { distances in
      for target in token.places[place].experts {
        let value = w.value + columnCount * k
        let useful =
          token.allowReplace
          ? errors.write(distances, target, into: value).useful
          : errors.writeOwn(distances, target, experts: token.distance.experts, into: value).useful
        if useful == 0 { continue }
        w.useful[columnCount] = useful
        w.target[columnCount] = target
        w.place[columnCount] = place
        useful.forEachRank { rank in w.setNearest[rank] = min(w.setNearest[rank], value[rank]) }
        columnCount += 1
      }
    }
  }

  /// Drops the columns that no best answer needs. Where there is room for every expert, a rank is never served by one
  /// that is farther than the nearest of the place by more than a newly opened expert costs: opening the nearest
  /// for that rank alone would be no dearer, and nearer.
  private mutating func keepWorthwhile(_ place: Int, isRoomy: Bool) {
    let dominance = ColumnDominance(ranks: k, value: w.value, useful: w.useful)
    let first = w.start[place]
    let end = columnCount
    columnCount = first
    for column in first..<end {
      let value = w.value + column * k
      var useful = w.useful[column]
      if isRoomy {
        useful.forEachRank { rank in
          let nearest = w.setNearest[rank]
          if value[rank] > nearest, price * value[rank] >= price * nearest + w.kappa[place] {
            value[rank] = .infinity
            useful &= ~(1 << UInt64(rank))
          }
        }
      }
      if useful == 0 { continue }
      w.useful[column] = useful
      if column != columnCount { dominance.move(column, to: columnCount) { copyColumn($0, to: $1) } }
      columnCount = dominance.settle(columnCount, from: first) { copyColumn($0, to: $1) }
    }
  }

  @inline(__always) private func copyColumn(_ from: Int, to: Int) {
    w.target[to] = w.target[from]
    w.place[to] = w.place[from]
  }

  // MARK: Bounds

  @inline(__always) private func prepareFloor(_ place: Int) {
    let nearest = w.nearest + place * k
    let cheapest = w.cheapest + place * k
    for rank in 0..<k {
      nearest[rank] = .infinity
      cheapest[rank] = .infinity
    }
    for column in w.start[place]..<w.end[place] {
      let value = w.value + column * k
      let share = w.kappa[place] / Double(w.useful[column].nonzeroBitCount)
      w.useful[column].forEachRank { rank in
        nearest[rank] = min(nearest[rank], value[rank])
        cheapest[rank] = min(cheapest[rank], price * value[rank] + share)
      }
    }
  }

  func floor(within places: UInt64) -> (cost: Double, error: Double) {
    var cost = 0.0
    var error = 0.0
    for rank in 0..<k {
      var nearest = w.skip[rank]
      var cheapest = priced(nearest)
      var left = places
      while left != 0 {
        let place = left.trailingZeroBitCount
        left &= left - 1
        nearest = min(nearest, w.nearest[place * k + rank])
        cheapest = min(cheapest, w.cheapest[place * k + rank])
      }
      cost += cheapest
      error += nearest
    }
    return error <= errorCeiling ? (cost, error) : (.infinity, .infinity)
  }

  // MARK: Serving

  mutating func serve(
    within places: UInt64, room: UnsafePointer<Int>, base: Double, _ incumbent: inout FadingIncumbent
  ) {
    poolCount = 0
    openCount = 0
    self.base = base
    for rank in 0..<k {
      w.free[rank] = w.skip[rank]
      w.setNearest[rank] = .infinity
      w.setCheapest[rank] = .infinity
    }
    for place in 0..<placeCount where places & 1 << UInt64(place) != 0 && room[place] > 0 {
      w.room[place] = room[place]
      for column in w.start[place]..<w.end[place] {
        w.pool[poolCount] = column
        poolCount += 1
      }
      for rank in 0..<k {
        w.setNearest[rank] = min(w.setNearest[rank], w.nearest[place * k + rank])
        w.setCheapest[rank] = min(w.setCheapest[rank], w.cheapest[place * k + rank])
      }
    }
    cover(0, energy: base, error: 0, &incumbent)
  }

  /// Serves the ranks from `rank` on; `energy` and `error` are those of the ranks before.
  private mutating func cover(_ rank: Int, energy: Double, error: Double, _ incumbent: inout FadingIncumbent) {
    if incumbent.isExhausted() { return }
    let free = w.free + rank * k
    var cost = energy + price * error
    var least = error
    for later in rank..<max(rank, k) {
      cost += min(priced(free[later]), w.setCheapest[later])
      least += min(free[later], w.setNearest[later])
    }
    if least > errorCeiling || !incumbent.permits(cost: cost, error: least) { return }
    if rank == k {
      record(cost: cost, error: error, &incumbent)
      return
    }
    // The likelier answer first: it cuts the others.
    let best = cheapestNew(rank, free[rank])
    let isNewBetter = best >= 0 && price * w.value[best * k + rank] + w.kappa[w.place[best]] < priced(free[rank])
    if isNewBetter { open(best, rank, energy: energy, error: error, &incumbent) }
    if free[rank] < .infinity {
      for later in rank + 1..<max(rank + 1, k) { free[k + later] = free[later] }
      w.assigned[rank] = free[rank]
      cover(rank + 1, energy: energy, error: error + free[rank], &incumbent)
    }
    for at in 0..<poolCount where !(isNewBetter && w.pool[at] == best) {
      let column = w.pool[at]
      if isOpenable(column, rank, free[rank]) { open(column, rank, energy: energy, error: error, &incumbent) }
    }
  }

  @inline(__always) private func cheapestNew(_ rank: Int, _ free: Double) -> Int {
    var best = -1
    var least = Double.infinity
    for at in 0..<poolCount {
      let column = w.pool[at]
      let cost = price * w.value[column * k + rank] + w.kappa[w.place[column]]
      if cost < least && isOpenable(column, rank, free) {
        least = cost
        best = column
      }
    }
    return best
  }

  /// Whether `column` is worth opening for `rank`: nearer than what it has, room at its place, and not what an earlier
  /// rank would rather have had.
  @inline(__always) private func isOpenable(_ column: Int, _ rank: Int, _ free: Double) -> Bool {
    let value = w.value + column * k
    if value[rank] >= free || w.room[w.place[column]] == 0 { return false }
    for earlier in 0..<rank where value[earlier] < w.assigned[earlier] { return false }
    return true
  }

  private mutating func open(
    _ column: Int, _ rank: Int, energy: Double, error: Double, _ incumbent: inout FadingIncumbent
  ) {
    let free = w.free + rank * k
    let value = w.value + column * k
    for later in rank + 1..<max(rank + 1, k) { free[k + later] = min(free[later], value[later]) }
    let place = w.place[column]
    w.assigned[rank] = value[rank]
    w.open[openCount] = column
    openCount += 1
    w.room[place] -= 1
    cover(rank + 1, energy: energy + w.kappa[place], error: error + value[rank], &incumbent)
    w.room[place] += 1
    openCount -= 1
  }

  private mutating func record(cost: Double, error: Double, _ incumbent: inout FadingIncumbent) {
    incumbent.cost = cost
    incumbent.error = error
    incumbent.isFound = true
    bestCount = openCount
    for at in 0..<openCount { w.best[at] = w.open[at] }
  }

  func write(into choices: inout [TokenChoice]) {
    for rank in 0..<k {
      var nearest = w.skip[rank]
      var choice = TokenChoice.skip
      for at in 0..<bestCount where w.value[w.best[at] * k + rank] < nearest {
        nearest = w.value[w.best[at] * k + rank]
        choice = TokenChoice(target: w.target[w.best[at]], place: w.place[w.best[at]])
      }
      choices[w.origin[rank]] = choice
    }
  }
}
