// One run of the exact search: the places, one after another.

/// The state of one search. A value on the stack over the selector's workspace.
struct TokenSearch {
  let w: TokenWorkspace
  /// Routed experts (K) and places (P).
  let k: Int
  let placeCount: Int
  let wakeEnergy: Double
  let wakeTime: Double
  /// The largest error and latency that keep their limits.
  let errorCeiling: Double
  let latencyCeiling: Double

  /// What bounds on sums of errors may be off by through rounding.
  var boundSlack = 0.0
  /// Bit r: rank r cannot be skipped.
  var forced: UInt64 = 0
  var columnCount = 0
  var remoteCount = 0
  /// Least compute energy of one expert anywhere.
  var kappaMin = 0.0
  /// The fewest experts that must be executed.
  var neededMin = 0

  var memberCount = 0
  var openCount = 0
  /// Row of `chosen` for the set that is being solved.
  var reach: UnsafeMutablePointer<Double>
  var poolKappaMin = 0.0

  var bestEnergy = Double.infinity
  var bestError = Double.infinity
  var bestCount = -1
  var stepsLeft = 0
  var isProved = true

  init(_ problem: TokenProblem, _ workspace: TokenWorkspace, _ rules: SearchRules) {
    w = workspace
    k = problem.routed.count
    placeCount = problem.places.count
    wakeEnergy = rules.ignoresEnergy ? 0 : problem.wakeEnergy
    wakeTime = problem.wakeTime
    // Finite even without a limit, so that what is impossible (infinite) never passes.
    errorCeiling = min(Tolerance.ceiling(rules.errorLimit), .greatestFiniteMagnitude)
    latencyCeiling = Tolerance.ceiling(rules.latencyLimit)
    reach = workspace.chosen
    readPlaces(problem, rules.ignoresEnergy)
    readSkips(problem, rules)
    readColumns(problem, rules)
    removeDominatedPlaces()
    prepareBounds()
  }

  /// Two passes over the sets of places: cheap answers first, which then cut the exact search.
  mutating func run() {
    guard latencyCeiling >= 0 else { return }
    for rank in 0..<k {
      w.chosen[rank] = w.nearest[rank]
      w.chosenColumn[rank] = w.nearestColumn[rank]
    }
    memberCount = 0
    extend(0, airtime: 0, radio: 0, exact: false)
    extend(0, airtime: 0, radio: 0, exact: true)
  }

  /// Takes a step; true when there are none left, which ends the search without a proof.
  mutating func isExhausted() -> Bool {
    stepsLeft -= 1
    if stepsLeft < 0 { isProved = false }
    return !isProved
  }

  /// Extends the label of the members chosen so far by every subset of the places from `position` on.
  private mutating func extend(_ position: Int, airtime: Double, radio: Double, exact: Bool) {
    if isExhausted() { return }
    let row = w.chosen + position * k
    let later = w.suffix + position * k
    var least = 0.0
    for rank in 0..<k { least += min(w.skip[rank], min(row[rank], later[rank])) }
    if least > errorCeiling { return }
    if position == remoteCount {
      close(row, airtime: airtime, radio: radio, exact: exact)
      return
    }
    let columns = w.chosenColumn + position * k
    for rank in 0..<k {
      row[k + rank] = row[rank]
      columns[k + rank] = columns[rank]
    }
    extend(position + 1, airtime: airtime, radio: radio, exact: exact)

    let place = w.remote[position]
    let airtime = airtime + w.airtime[place]
    let radio = radio + w.radio[place]
    if wakeTime + airtime > latencyCeiling || wakeEnergy + radio > Tolerance.ceiling(bestEnergy) { return }
    let nearest = w.nearest + place * k
    for rank in 0..<k where nearest[rank] < row[rank] {
      row[k + rank] = nearest[rank]
      columns[k + rank] = w.nearestColumn[place * k + rank]
    }
    w.members[memberCount] = place
    memberCount += 1
    extend(position + 1, airtime: airtime, radio: radio, exact: exact)
    memberCount -= 1
  }

  /// A complete set of places: its room for experts follows from what the latency leaves.
  private mutating func close(_ row: UnsafeMutablePointer<Double>, airtime: Double, radio: Double, exact: Bool) {
    let isRemote = memberCount > 0
    let base = (isRemote ? wakeEnergy : 0) + radio
    if base > Tolerance.ceiling(bestEnergy) { return }
    let spare = latencyCeiling - ((isRemote ? wakeTime : 0) + airtime)
    if spare < 0 { return }
    w.room[0] = room(w.seconds[0], spare)
    var members = 0.0
    for member in 0..<memberCount {
      let place = w.members[member]
      w.room[place] = room(w.seconds[place], spare)
      if w.room[place] == 0 { return }
      members += w.kappa[place]
    }
    reach = row
    if exact {
      // Every member is used at least once (a set without the unused one is dearer nowhere), the rest costs kappaMin.
      let bound = base + members + Double(max(0, neededMin - memberCount)) * kappaMin
      solveSet(base, bound)
    } else {
      serveByNearest(base)
    }
  }

  /// How many experts of `seconds` each fit into `spare`, at most K.
  @inline(__always) private func room(_ seconds: Double, _ spare: Double) -> Int {
    guard seconds > 0, spare < seconds * Double(k) else { return k }
    return Int(spare / seconds)
  }

  private mutating func solveSet(_ base: Double, _ bound: Double) {
    if bound > Tolerance.ceiling(bestEnergy) { return }
    var least = 0.0
    for rank in 0..<k { least += min(w.skip[rank], reach[rank]) }
    if !Tolerance.isBelow(bound, bestEnergy) && !Tolerance.isBelow(least, bestError) { return }
    poolKappaMin = .infinity
    for word in 0..<w.words { w.pool[word] = 0 }
    pool(0)
    for member in 0..<memberCount { pool(w.members[member]) }
    for place in 0..<placeCount { w.opened[place] = 0 }
    for rank in 0..<k { w.free[rank] = w.skip[rank] }
    openCount = 0
    cover(0, energy: base, assigned: 0)
  }

  private mutating func pool(_ place: Int) {
    if w.start[place] == w.end[place] { return }
    poolKappaMin = min(poolKappaMin, w.kappa[place])
    for column in w.start[place]..<w.end[place] { w.pool[column >> 6] |= 1 << UInt64(column & 63) }
  }

  /// The cheap answer of a set: everybody is served by the nearest within reach.
  private mutating func serveByNearest(_ base: Double) {
    var energy = base
    var error = 0.0
    openCount = 0
    for place in 0..<placeCount { w.opened[place] = 0 }
    let columns = w.chosenColumn + remoteCount * k
    for rank in 0..<k {
      if w.skip[rank] <= reach[rank] {
        error += w.skip[rank]
        continue
      }
      error += reach[rank]
      let column = columns[rank]
      if isOpen(column) { continue }
      let place = w.place[column]
      if w.opened[place] == w.room[place] { return }
      w.opened[place] += 1
      w.open[openCount] = column
      openCount += 1
      energy += w.kappa[place]
    }
    if error <= errorCeiling { record(energy, error) }
  }

  @inline(__always) private func isOpen(_ column: Int) -> Bool {
    for at in 0..<openCount where w.open[at] == column { return true }
    return false
  }

  /// Keeps the open columns if they are the better answer.
  mutating func record(_ energy: Double, _ error: Double) {
    if !Tolerance.isBelow(energy, bestEnergy) {
      if Tolerance.isBelow(bestEnergy, energy) || !Tolerance.isBelow(error, bestError) { return }
    }
    bestEnergy = energy
    bestError = error
    bestCount = openCount
    for at in 0..<openCount { w.best[at] = w.open[at] }
  }
}
