// From prices to a decision that keeps the limits, and from there to a better one.

extension BatchCore {
  /// How far a search looks.
  struct Reach {
    /// Whether two tokens are changed together.
    var pairs: Bool
    /// How often a good decision is shaken.
    var kicks: Int
  }

  mutating func setPenalties(_ scope: Scope, factor: Double) {
    let energy = max(scaleEnergy(scope), 1e-300)
    let error = errorLimit > 0 ? energy / errorLimit : energy * 1e3
    penaltyError = max(2 * priceError, error) * factor
    penaltyTime = latencyLimit < .infinity ? max(2 * priceTime, energy / max(latencyLimit, 1e-300)) * factor : 0
  }

  /// Searches from `plans`: repairs what breaks a limit, improves, and offers what comes out.
  mutating func search(from plans: Flat<Int>, _ scope: Scope, _ reach: Reach) {
    var factor = 1.0
    start(plans)
    // Broken limits are priced more and more until they are kept.
    for _ in 0..<5 {
      setPenalties(scope, factor: factor)
      descend(pairs: reach.pairs && factor == 1)
      if excess() == 0 { break }
      factor *= 30
    }
    offer()
    guard reach.kicks > 0 else { return }
    shake(reach)
  }

  /// Changes single tokens, then pairs, while anything helps.
  mutating func descend(pairs: Bool) {
    var cost = cost(errors: errorSum)
    for _ in 0..<60 where work > 0 {
      var isImproved = false
      for token in 0..<tokens where improve(token, &cost) { isImproved = true }
      if isImproved { continue }
      guard pairs, improvePair(&cost) else { return }
    }
  }

  /// Gives `token` its best plan, all others as they are. - Returns: whether that was another.
  private mutating func improve(_ token: Int, _ cost: inout Double) -> Bool {
    let own = current[token]
    let others = errorSum - planError[own]
    var (least, who) = (cost, own)
    remove(own)
    fillFloors()
    for at in first(token)..<end(token) {
      let plan = Int(listPlans[at])
      if plan == own || floor(plan, errors: others + planError[plan]) >= least || isBanned(plan) { continue }
      add(plan)
      let now = self.cost(errors: others + planError[plan])
      if now < least - Tolerance.relative * abs(now) { (least, who) = (now, plan) }
      remove(plan)
    }
    work -= end(token) - first(token)
    add(who)
    guard who != own else { return false }
    current[token] = who
    sumErrors()
    cost = self.cost(errors: errorSum)
    return true
  }

  /// Changes two tokens together: the first pair of plans that helps.
  private mutating func improvePair(_ cost: inout Double) -> Bool {
    var isImproved = false
    for first in 0..<tokens {
      for second in (first + 1)..<max(first + 1, tokens) {
        if work <= 0 { return isImproved }
        if improve(first, second, &cost) { isImproved = true }
      }
    }
    return isImproved
  }

  private mutating func improve(_ first: Int, _ second: Int, _ cost: inout Double) -> Bool {
    let (a, b) = (current[first], current[second])
    let others = errorSum - planError[a] - planError[b]
    var (least, whoA, whoB) = (cost, a, b)
    remove(a)
    remove(b)
    for at in self.first(first)..<end(first) {
      let planA = Int(listPlans[at])
      if planA == a { continue }
      add(planA)
      fillFloors()
      let room = errorLimit - others - planError[planA]
      for other in self.first(second)..<end(second) {
        let planB = Int(listPlans[other])
        // Pairs that break the mean error are left to the single changes.
        if planError[planB] > room + errorLimit * 1e-12 { continue }
        work -= 1
        if floor(planB, errors: others + planError[planA] + planError[planB]) >= least { continue }
        add(planB)
        let now = self.cost(errors: others + planError[planA] + planError[planB])
        if now < least - Tolerance.relative * abs(now) { (least, whoA, whoB) = (now, planA, planB) }
        remove(planB)
      }
      work -= 1
      remove(planA)
    }
    add(whoA)
    add(whoB)
    guard whoA != a || whoB != b else { return false }
    current[first] = whoA
    current[second] = whoB
    sumErrors()
    cost = self.cost(errors: errorSum)
    return true
  }
}
