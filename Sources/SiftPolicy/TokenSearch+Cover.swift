// Within one set of places: which experts to open so that the error fits, at the least energy.

extension TokenSearch {
  /// Decides the routed expert of rank `depth`; ranks below it are assigned and cost `assigned` in error together.
  mutating func cover(_ depth: Int, energy: Double, assigned: Double) {
    if isExhausted() { return }
    let free = w.free + depth * k
    var total = assigned
    var least = assigned
    var capped = assigned
    for rank in depth..<k {
      total += free[rank]
      least += min(free[rank], reach[rank])
      capped += min(free[rank], w.worst[rank])
    }
    if total <= errorCeiling { record(energy, total) }
    if depth == k || least > errorCeiling || isHopeless(k - depth, energy, least, capped) { return }
    serveFree(depth, energy, assigned)
    let assignedLeast = least - min(free[depth], reach[depth])
    openFor(depth, energy, assigned, others: assignedLeast - assigned)
  }

  /// Whether opening one expert or more cannot lead to a better answer any longer.
  @inline(__always) private func isHopeless(_ left: Int, _ energy: Double, _ least: Double, _ capped: Double) -> Bool {
    var needed = 1
    while needed <= left && capped - w.gain[needed] > errorCeiling + boundSlack { needed += 1 }
    if needed > left { return true }
    let bound = energy + Double(needed) * poolKappaMin
    if bound > Tolerance.ceiling(bestEnergy) { return true }
    if Tolerance.isBelow(bound, bestEnergy) { return false }
    // At best a tie in energy: only a smaller error counts, with the openings that the tie still pays for.
    if !Tolerance.isBelow(least, bestError) { return true }
    var affordable = left
    if poolKappaMin > 0 {
      affordable = min(left, Int((Tolerance.ceiling(bestEnergy) - energy) / poolKappaMin))
    }
    return capped - w.gain[affordable] - boundSlack >= bestError
  }

  /// Rank `depth` takes what costs nothing: a skip, or an expert that is open already.
  private mutating func serveFree(_ depth: Int, _ energy: Double, _ assigned: Double) {
    let free = w.free + depth * k
    guard free[depth] <= errorCeiling else { return }
    w.assigned[depth] = free[depth]
    for rank in depth + 1..<max(k, depth + 1) { free[k + rank] = free[rank] }
    cover(depth + 1, energy: energy, assigned: assigned + free[depth])
  }

  /// Rank `depth` opens an expert that is nearer than what it has for nothing. Of the experts of a place that no later
  /// rank could use, only the nearest is tried.
  private mutating func openFor(_ depth: Int, _ energy: Double, _ assigned: Double, others: Double) {
    let free = w.free + depth * k
    let lone = w.lone + depth * placeCount
    for place in 0..<placeCount { lone[place] = -1 }
    for word in 0..<w.words {
      var rest = w.pool[word] & w.users[depth * w.words + word]
      while rest != 0 {
        let column = (word << 6) + rest.trailingZeroBitCount
        rest &= rest - 1
        let value = w.value + column * k
        if value[depth] >= free[depth] || assigned + value[depth] + others > errorCeiling { continue }
        let place = w.place[column]
        if w.opened[place] == w.room[place] || energy + w.kappa[place] > Tolerance.ceiling(bestEnergy) { continue }
        if betters(value, before: depth) { continue }
        if helps(value, free, after: depth) {
          open(column, depth, energy, assigned)
        } else if lone[place] < 0 || value[depth] < w.value[lone[place] * k + depth] {
          lone[place] = column
        }
      }
    }
    for place in 0..<placeCount where lone[place] >= 0 { open(lone[place], depth, energy, assigned) }
  }

  /// Whether a rank that is assigned would rather have had this column: that answer is met on another branch.
  @inline(__always) private func betters(_ value: UnsafeMutablePointer<Double>, before depth: Int) -> Bool {
    for rank in 0..<depth where value[rank] < w.assigned[rank] { return true }
    return false
  }

  @inline(__always) private func helps(
    _ value: UnsafeMutablePointer<Double>, _ free: UnsafeMutablePointer<Double>, after depth: Int
  ) -> Bool {
    for rank in depth + 1..<max(k, depth + 1) where value[rank] < free[rank] { return true }
    return false
  }

  private mutating func open(_ column: Int, _ depth: Int, _ energy: Double, _ assigned: Double) {
    let free = w.free + depth * k
    let value = w.value + column * k
    let place = w.place[column]
    w.assigned[depth] = value[depth]
    for rank in depth + 1..<max(k, depth + 1) { free[k + rank] = min(free[rank], value[rank]) }
    w.opened[place] += 1
    w.open[openCount] = column
    openCount += 1
    cover(depth + 1, energy: energy + w.kappa[place], assigned: assigned + value[depth])
    openCount -= 1
    w.opened[place] -= 1
  }
}
