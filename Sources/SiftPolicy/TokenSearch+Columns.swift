// Reading a problem into the workspace: what could serve whom, where, and the bounds that follow from it alone.

extension TokenSearch {
  mutating func readPlaces(_ problem: TokenProblem, _ ignoresEnergy: Bool) {
    for index in 0..<placeCount {
      let isLocal = index == 0
      w.radio[index] = isLocal || ignoresEnergy ? 0 : problem.places[index].radioEnergy
      w.airtime[index] = isLocal ? 0 : problem.places[index].airtime
      w.kappa[index] = ignoresEnergy ? 0 : problem.places[index].computeEnergy
      w.seconds[index] = problem.places[index].computeTime
    }
  }

  /// The ranks of the search: routed experts by falling error of a skip.
  mutating func readSkips(_ problem: TokenProblem, _ rules: SearchRules) {
    for index in 0..<k {
      let routed = problem.routed[index]
      var skip = rules.allowSkip ? weighted(routed.weight, problem.distance.skipping[routed.expert]) : .infinity
      if rules.skipsByWeight { skip = routed.weight }
      if rules.ranks & 1 << UInt64(index) == 0 { skip = 0 }
      var at = index
      while at > 0 && w.skip[at - 1] < skip {
        w.skip[at] = w.skip[at - 1]
        w.origin[at] = w.origin[at - 1]
        at -= 1
      }
      w.skip[at] = skip
      w.origin[at] = index
    }
    for rank in 0..<k where w.skip[rank] == .infinity { forced |= 1 << UInt64(rank) }
  }

  /// A weight of 0 makes any distance, even an infinite one, nothing.
  @inline(__always) private func weighted(_ weight: Double, _ distance: Double) -> Double {
    weight == 0 ? 0 : weight * distance
  }

  /// One column for each hosted expert that could serve somebody and is not dominated at its own place.
  mutating func readColumns(_ problem: TokenProblem, _ rules: SearchRules) {
    let experts = problem.distance.experts
    for rank in 0..<k {
      let routed = problem.routed[w.origin[rank]]
      w.weight[rank] = routed.weight
      w.row[rank] = routed.expert * experts
    }
    (w.weight[k], w.skip[k], w.row[k]) = (0, 0, 0)
    let errors = ColumnErrors(ranks: k, weight: w.weight, skip: w.skip, row: w.row, ceiling: errorCeiling)
    let dominance = dominance
    problem.distance.replacing.withUnsafeBufferPointer { distances in
      for index in 0..<placeCount {
        w.start[index] = columnCount
        if problem.places[index].isReachable {
          for target in problem.places[index].experts {
            let value = w.value + columnCount * k
            let (useful, saved) =
              rules.allowReplace
              ? errors.write(distances, target, into: value)
              : errors.writeOwn(distances, target, experts: experts, into: value)
            if useful == 0 { continue }
            w.useful[columnCount] = useful
            w.score[columnCount] = saved
            w.target[columnCount] = target
            w.place[columnCount] = index
            columnCount = dominance.settle(columnCount, from: w.start[index]) { copyColumn($0, to: $1) }
          }
        }
        w.end[index] = columnCount
      }
    }
  }

  private var dominance: ColumnDominance { ColumnDominance(ranks: k, value: w.value, useful: w.useful) }

  @inline(__always) private func copyColumn(_ from: Int, to: Int) {
    w.score[to] = w.score[from]
    w.target[to] = w.target[from]
    w.place[to] = w.place[from]
  }

  /// Lists the remote places that another place does not make superfluous: dearer, slower and nowhere closer. Merging
  /// the work of two places must not cost time, so a place only gives way where the latency leaves room for all of it.
  mutating func removeDominatedPlaces() {
    var airtime = wakeTime
    for place in 1..<max(placeCount, 1) where w.start[place] < w.end[place] { airtime += w.airtime[place] }
    for place in 1..<max(placeCount, 1) where w.start[place] < w.end[place] {
      var isDominated = false
      for other in 0..<placeCount where other != place && w.start[other] < w.end[other] {
        guard airtime + w.seconds[other] * Double(k) <= latencyCeiling else { continue }
        if dominates(other, place) && (other < place || !dominates(place, other)) {
          isDominated = true
          break
        }
      }
      if isDominated {
        w.end[place] = w.start[place]
      } else {
        w.remote[remoteCount] = place
        remoteCount += 1
      }
    }
  }

  private func dominates(_ a: Int, _ b: Int) -> Bool {
    guard w.radio[a] <= w.radio[b], w.airtime[a] <= w.airtime[b], w.kappa[a] <= w.kappa[b],
      w.seconds[a] <= w.seconds[b]
    else { return false }
    let dominance = dominance
    for column in w.start[b]..<w.end[b] {
      var isMatched = false
      for other in w.start[a]..<w.end[a] where dominance.isNoFarther(other, than: column) {
        isMatched = true
        break
      }
      if !isMatched { return false }
    }
    return true
  }

  /// Nearest columns of each place and of all later ones, and how much error q columns can take away at most.
  mutating func prepareBounds() {
    for rank in 0..<k { w.worst[rank] = w.skip[rank] == .infinity ? 0 : w.skip[rank] }
    kappaMin = .infinity
    for at in 0..<k * w.words { w.users[at] = 0 }
    for place in 0..<placeCount {
      for rank in 0..<k {
        w.nearest[place * k + rank] = .infinity
        w.nearestColumn[place * k + rank] = -1
      }
      if w.start[place] < w.end[place] { kappaMin = min(kappaMin, w.kappa[place]) }
      for column in w.start[place]..<w.end[place] { readNearest(place, column) }
    }
    if kappaMin == .infinity { kappaMin = 0 }
    for rank in 0..<k { w.suffix[remoteCount * k + rank] = .infinity }
    for position in stride(from: remoteCount - 1, through: 0, by: -1) {
      let nearest = w.nearest + w.remote[position] * k
      let row = w.suffix + position * k
      for rank in 0..<k { row[rank] = min(row[k + rank], nearest[rank]) }
    }
    prepareGains()
  }

  @inline(__always) private func readNearest(_ place: Int, _ column: Int) {
    w.useful[column].forEachRank { rank in
      w.users[rank * w.words + (column >> 6)] |= 1 << UInt64(column & 63)
      let error = w.value[column * k + rank]
      if error < w.nearest[place * k + rank] {
        w.nearest[place * k + rank] = error
        w.nearestColumn[place * k + rank] = column
      }
      if w.skip[rank] == .infinity { w.worst[rank] = max(w.worst[rank], error) }
    }
  }

  /// `gain[q]`: sum of the q largest amounts by which one column alone lowers the error from its worst.
  private mutating func prepareGains() {
    for at in 0...k { w.gain[at] = 0 }
    for place in 0..<placeCount {
      for column in w.start[place]..<w.end[place] { insertGain(w.score[column] + forcedGain(column)) }
    }
    var worst = 0.0
    for rank in 0..<k { worst += w.worst[rank] }
    boundSlack = worst * Tolerance.relative
    for at in 0..<k { w.gain[at + 1] += w.gain[at] }
    neededMin = 0
    while neededMin < k && worst - w.gain[neededMin] > errorCeiling + boundSlack { neededMin += 1 }
  }

  /// What a column takes away from ranks that cannot be skipped, which its score leaves out.
  @inline(__always) private func forcedGain(_ column: Int) -> Double {
    var amount = 0.0
    (w.useful[column] & forced).forEachRank { rank in
      amount += max(0, w.worst[rank] - w.value[column * k + rank])
    }
    return amount
  }

  /// Keeps `gain[1...]` the largest amounts in falling order (not summed yet).
  @inline(__always) private func insertGain(_ amount: Double) {
    if k == 0 || amount <= w.gain[k] { return }
    var at = k
    while at > 1 && w.gain[at - 1] < amount {
      w.gain[at] = w.gain[at - 1]
      at -= 1
    }
    w.gain[at] = amount
  }

  /// A proved lower bound that needs no search.
  var relaxedBound: Double {
    var local = 0.0
    for rank in 0..<k { local += min(w.skip[rank], w.nearest[rank]) }
    var bound = Double(neededMin) * kappaMin
    if local > errorCeiling {
      var cheapest = Double.infinity
      for position in 0..<remoteCount { cheapest = min(cheapest, w.radio[w.remote[position]]) }
      if cheapest < .infinity { bound += wakeEnergy + cheapest }
    }
    return bound
  }

  /// Writes the best answer: everybody takes the nearest of the opened columns, or a skip where that is no worse.
  func write(_ problem: TokenProblem, into answer: inout TokenAnswer) {
    answer.feasible = bestCount >= 0
    answer.optimal = isProved
    answer.violates = []
    answer.leastError = nil
    answer.choices.removeAll(keepingCapacity: true)
    for _ in 0..<k { answer.choices.append(.skip) }
    for place in 0..<placeCount { w.opened[place] = 0 }
    var error = 0.0
    var used: UInt64 = 0
    for rank in 0..<k {
      var nearest = w.skip[rank]
      var taken = -1
      for at in 0..<max(bestCount, 0) where w.value[w.best[at] * k + rank] < nearest {
        taken = at
        nearest = w.value[w.best[at] * k + rank]
      }
      if bestCount >= 0 { error += nearest }
      guard taken >= 0 else { continue }
      let column = w.best[taken]
      answer.choices[w.origin[rank]] = TokenChoice(target: w.target[column], place: w.place[column])
      if used & 1 << UInt64(taken) == 0 { w.opened[w.place[column]] += 1 }
      used |= 1 << UInt64(taken)
    }
    answer.error = error
    addPlaces(problem, into: &answer)
    answer.lowerBound = isProved ? answer.energy : min(answer.energy, relaxedBound)
  }

  private func addPlaces(_ problem: TokenProblem, into answer: inout TokenAnswer) {
    var energy = 0.0
    var latency = 0.0
    var slowest = 0.0
    var isRemote = false
    for index in 0..<placeCount where w.opened[index] > 0 {
      let executed = Double(w.opened[index])
      energy += problem.places[index].computeEnergy * executed
      slowest = max(slowest, w.seconds[index] * executed)
      if index > 0 {
        isRemote = true
        energy += problem.places[index].radioEnergy
        latency += w.airtime[index]
      }
    }
    answer.energy = energy + (isRemote ? problem.wakeEnergy : 0)
    answer.latency = latency + slowest + (isRemote ? problem.wakeTime : 0)
  }
}
