// The end of a search where few plans are left: all decisions that could still be better, one after another.

extension BatchCore {
  /// Goes through every decision made of listed plans whose dual value stays below the best known energy.
  ///
  /// A decision that is better than the best costs less than it; its tokens' plans cost, at the present prices, at most
  /// `room` = best energy − `bound` more than the cheapest plans together (weak duality). Partial decisions beyond that are
  /// left, and so are those whose error, time or energy is too large already.
  /// - Parameters:
  ///   - bound: the dual value at the present prices, for which `list` was called.
  ///   - steps: how many partial decisions are looked at.
  /// - Returns: whether the search came to its end: then no decision of this scope is better than the best one now known.
  mutating func exhaust(bound: Double, steps: Int) -> Bool {
    for token in 0..<tokens { sortList(token) }
    orderKey.reserve(tokens)
    order.reserve(tokens)
    for token in 0..<tokens {
      order[token] = token
      orderKey[token] = Double(end(token) - first(token))
      if end(token) == first(token) { return true }
    }
    sortOrder(tokens)
    errorsLeft.reserve(tokens + 1)
    errorsLeft[tokens] = 0
    for depth in (0..<tokens).reversed() {
      var least = Double.infinity
      for at in first(order[depth])..<end(order[depth]) { least = min(least, planError[Int(listPlans[at])]) }
      errorsLeft[depth] = errorsLeft[depth + 1] + least
    }
    for place in 0..<places {
      served[place] = 0
      executed[place] = 0
      loaded[place] = 0
    }
    for slot in 0..<slots { users[slot] = 0 }
    proofSteps = steps
    proofBound = bound
    choose(0, cost: 0, error: 0)
    work -= steps - max(0, proofSteps)
    return proofSteps > 0
  }

  private mutating func choose(_ depth: Int, cost: Double, error: Double) {
    guard depth < tokens else {
      sumErrors()
      offer()
      return
    }
    let token = order[depth]
    for at in first(token)..<end(token) {
      let plan = Int(listPlans[at])
      let own = cost + (listCost[at] - pickCost[token])
      // Listed by rising cost: the rest is dearer still.
      if bestExcess == 0, proofBound + own >= bestEnergy * (1 - 1e-11) { return }
      proofSteps -= 1
      if proofSteps <= 0 { return }
      let errors = error + planError[plan]
      if errors + errorsLeft[depth + 1] > errorLimit * (1 + 1e-12) { continue }
      add(plan)
      current[token] = plan
      if isPromising() { choose(depth + 1, cost: own, error: errors) }
      remove(plan)
      if proofSteps <= 0 { return }
    }
  }

  /// Whether time and energy of the tokens so far leave room: both only grow with more tokens.
  private func isPromising() -> Bool {
    let width = tokens + 1
    var (energy, time, slowest) = (0.0, 0.0, 0.0)
    var isRemote = false
    for place in 0..<places {
      let (runs, loads) = (Double(executed[place]), Double(loaded[place]))
      energy += runs * kappa[place] + loads * loadJoules[place]
      slowest = max(slowest, runs * seconds[place] + loads * loadSeconds[place])
      guard place > 0, served[place] > 0 else { continue }
      isRemote = true
      energy += radioLow[place * width + served[place]]
      time += airLow[place * width + served[place]]
    }
    if isRemote {
      energy += wakeEnergy
      time += wakeTime
    }
    if time + slowest > latencyLimit * (1 + 1e-11) { return false }
    return bestExcess > 0 || energy < bestEnergy * (1 + 1e-11)
  }

  /// Sorts the listed plans of `token` by their cost at the present prices.
  private mutating func sortList(_ token: Int) {
    let first = first(token)
    let count = end(token) - first
    order.reserve(count)
    orderKey.reserve(count)
    for at in 0..<count {
      order[at] = Int(listPlans[first + at])
      orderKey[at] = listCost[first + at]
    }
    sortOrder(count)
    for at in 0..<count {
      listPlans[first + at] = Int32(order[at])
      listCost[first + at] = orderKey[at]
    }
  }
}
