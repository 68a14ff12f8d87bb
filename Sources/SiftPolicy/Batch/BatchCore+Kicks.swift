// Larger changes of a decision: what single tokens and pairs would not come to.

import SiftCore

extension BatchCore {
  /// Shakes the best decision and improves it again, keeping what is better. Drawn from a seed of its own: the same
  /// problem, the same answer.
  mutating func shake(_ reach: Reach) {
    for kick in 0..<reach.kicks where work > 0 {
      start(best)
      switch kick % 4 {
      case 0: replaceSome(2 + draw(3))
      case 1: closeSlot()
      case 2: leavePlace()
      default: joinPlace()
      }
      sumErrors()
      descend(pairs: reach.pairs && kick % 8 < 4)
      offer()
    }
  }

  private mutating func replaceSome(_ count: Int) {
    for _ in 0..<count {
      let token = draw(tokens)
      let size = end(token) - first(token)
      if size > 0 { change(token, to: Int(listPlans[first(token) + draw(size)])) }
    }
  }

  /// Nobody executes one of the executed experts any more, where they have another plan.
  private mutating func closeSlot() {
    let plan = current[draw(tokens)]
    guard planSize[plan] > 0 else { return }
    let slot = planSlots[Int(planFirst[plan]) + draw(Int(planSize[plan]))]
    for token in 0..<tokens where executes(current[token], slot) {
      replace(token) { core, plan in !core.executes(plan, slot) }
    }
  }

  /// Nobody goes to one of the used places any more, where they have another plan.
  private mutating func leavePlace() {
    let mask = planMask[current[draw(tokens)]]
    guard mask != 0 else { return }
    let bit = mask & (~mask + 1)
    for token in 0..<tokens where planMask[current[token]] & bit != 0 {
      replace(token) { core, plan in core.planMask[plan] & bit == 0 }
    }
  }

  /// Half of the tokens, drawn, take their cheapest plan that goes to a certain place.
  private mutating func joinPlace() {
    let bit: UInt32 = 1 << UInt32(draw(places))
    guard bit > 1 else { return replaceSome(3) }
    for token in 0..<tokens where draw(2) == 0 {
      replace(token) { core, plan in core.planMask[plan] & bit != 0 }
    }
  }

  /// Gives `token` the cheapest plan at the present prices that fits `rule`, if there is one.
  private mutating func replace(_ token: Int, _ rule: (borrowing BatchCore, Int) -> Bool) {
    var (who, least) = (-1, Double.infinity)
    for at in self.first(token)..<end(token) {
      let plan = Int(listPlans[at])
      let own = listCost[at]
      if own < least - Tolerance.relative * abs(own), rule(self, plan) { (who, least) = (plan, own) }
    }
    if who >= 0 { change(token, to: who) }
  }

  /// A number from 0 to `count` − 1.
  private mutating func draw(_ count: Int) -> Int { Int(random.next() % UInt64(max(1, count))) }

  // MARK: Opening and closing

  @inline(__always) func isBanned(_ plan: Int) -> Bool {
    if planMask[plan] & bannedPlaces != 0 { return true }
    return bannedSlot >= 0 && executes(plan, Int32(bannedSlot))
  }

  /// Does without every used place and loaded expert for once, and opens every other for nothing, alone and in place of
  /// one that is used; improves, lifts that, improves again, and keeps what is better. Until nothing helps.
  mutating func probe(_ scope: Scope, swaps: Bool) {
    var isImproved = true
    while isImproved, work > 0 {
      isImproved = false
      for place in 1..<max(1, places) where scope.set >> UInt32(place) & 1 == 1 {
        if tryWithout(slot: -1, place: place, opening: -1) { isImproved = true }
      }
      guard hasLoads else { continue }
      for slot in 0..<slots where isLoaded(slot, scope) {
        start(best)
        let isUsed = users[slot] > 0
        if tryWithout(slot: isUsed ? slot : -1, place: 0, opening: isUsed ? -1 : slot) { isImproved = true }
        guard swaps, isUsed else { continue }
        for other in 0..<slots where other != slot && isLoaded(other, scope) {
          start(best)
          guard users[slot] > 0 else { break }
          if users[other] == 0, tryWithout(slot: slot, place: 0, opening: other) { isImproved = true }
        }
      }
    }
  }

  private func isLoaded(_ slot: Int, _ scope: Scope) -> Bool {
    let place = slotPlace[slot]
    guard place == 0 || scope.set >> UInt32(place) & 1 == 1 else { return false }
    return !isRemoved[place] && (loadJoules[place] > 0 || loadSeconds[place] > 0)
  }

  /// - Parameters:
  ///   - slot: what nobody may execute for a while; −1 for nothing.
  ///   - place: where nobody may go for a while, or, if nobody does, what one token already pays for; 0 for none.
  ///   - opened: whose load is paid already for a while; −1 for none.
  /// - Returns: whether the best decision became better.
  private mutating func tryWithout(slot: Int, place: Int, opening opened: Int) -> Bool {
    if work <= 0 { return false }
    let (energy, excess) = (bestEnergy, bestExcess)
    start(best)
    let isJoined = place > 0 && served[place] == 0
    bannedSlot = slot
    bannedPlaces = place > 0 && !isJoined ? 1 << UInt32(place) : 0
    if isJoined { served[place] += 1 }
    if opened >= 0 { pretend(opened, 1) }
    evict()
    descend(pairs: false)
    bannedSlot = -1
    bannedPlaces = 0
    if isJoined { served[place] -= 1 }
    if opened >= 0 { pretend(opened, -1) }
    sumErrors()
    descend(pairs: false)
    offer()
    return bestExcess < excess || (bestExcess == excess && bestEnergy < energy * (1 - 1e-12))
  }

  /// One more or less user of `slot` that is no token.
  private mutating func pretend(_ slot: Int, _ count: Int) {
    if count > 0, users[slot] == 0 { loaded[slotPlace[slot]] += 1 }
    users[slot] += count
    if count < 0, users[slot] == 0 { loaded[slotPlace[slot]] -= 1 }
  }

  /// Gives every token whose plan is banned the best other one, where there is one.
  private mutating func evict() {
    for token in 0..<tokens where isBanned(current[token]) {
      let own = current[token]
      let others = errorSum - planError[own]
      var (least, who) = (Double.infinity, own)
      remove(own)
      for at in self.first(token)..<end(token) {
        let plan = Int(listPlans[at])
        if isBanned(plan) { continue }
        add(plan)
        let now = cost(errors: others + planError[plan])
        if now < least - Tolerance.relative * abs(now) { (least, who) = (now, plan) }
        remove(plan)
      }
      work -= end(token) - first(token)
      add(who)
      current[token] = who
      sumErrors()
    }
  }
}
