// The dual problem (docs/theory, §6): prices for error, time and places under which every token decides for itself.

extension BatchCore {
  /// Which decisions a bound is about: those that go to no remote place outside of `set`.
  struct Scope {
    var set: UInt32
    /// Whether every place of `set` serves somebody.
    var isUsed: Bool
  }

  /// The seconds that are left for airtime and computing.
  func timeLimit(_ scope: Scope) -> Double {
    Tolerance.ceiling(latencyLimit) - (scope.set == 0 ? 0 : wakeTime)
  }
  var errorLimit: Double { Tolerance.ceiling(errorBudget) * Double(tokens) }

  // MARK: Value

  /// The dual value at the present prices over all plans, which is a proved bound where the plans are complete; infinite
  /// when some token has no plan in `scope`. Leaves every token's plan in `pick` and the slopes of the dual in `slope…`.
  mutating func evaluate(_ scope: Scope) -> Double {
    let isPlain = !hasLoads && !(hasTimes && priceTime > 0)
    fillPrices(isPlain: isPlain)
    for place in 0..<places { usage[place] = 0 }
    var (sum, errors) = (0.0, 0.0)
    for token in 0..<tokens {
      let (least, who) = isPlain ? cheapestPlain(token) : cheapestWorking(token)
      guard who >= 0 else { return .infinity }
      pick[token] = who
      pickCost[token] = least
      sum += least
      errors += planError[who]
      var rest = planMask[who]
      while rest != 0 {
        usage[rest.trailingZeroBitCount] += 1
        rest &= rest - 1
      }
    }
    work -= (listEnd[listDepth * tokens + max(0, tokens - 1)] - listFirst[listDepth * tokens]) / 8
    return sum + constant(scope, errors: errors)
  }

  /// The listed plan of `token` that costs least at the present prices, where executions are not priced beyond their
  /// joules. Fills `listCost`. Equal but for rounding is equal: the first.
  @inline(__always) private func cheapestPlain(_ token: Int) -> (cost: Double, plan: Int) {
    var (least, who) = (Double.infinity, -1)
    let (plans, costs) = (listPlans.pointer, listCost.pointer)
    let (energies, errors, masks) = (planEnergy.pointer, planError.pointer, planMask.pointer)
    let price = priceError
    for at in first(token)..<end(token) {
      let plan = Int(plans[at])
      let own = energies[plan] + price * errors[plan] + setPrice(masks[plan])
      costs[at] = own
      if own < least - Tolerance.relative * abs(own) { (least, who) = (own, plan) }
    }
    return (least, who)
  }

  /// The same with executions and loads at their prices.
  @inline(__always) private func cheapestWorking(_ token: Int) -> (cost: Double, plan: Int) {
    var (least, who) = (Double.infinity, -1)
    for at in first(token)..<end(token) {
      let plan = Int(listPlans[at])
      let own = workCost(plan, token) + priceError * planError[plan] + setPrice(planMask[plan])
      listCost[at] = own
      if own < least - Tolerance.relative * abs(own) { (least, who) = (own, plan) }
    }
    return (least, who)
  }

  /// What the bound has besides the tokens' own parts; fills the slopes.
  private mutating func constant(_ scope: Scope, errors: Double) -> Double {
    var sum = scope.set == 0 ? 0 : wakeEnergy
    var time = hasTimes ? pickedSeconds() : 0
    let width = tokens + 1
    if hasLoads { for slot in 0..<slots where slotState[slot] == .open { sum += loadPrice(slot) } }
    for place in 1..<max(1, places) where scope.set >> UInt32(place) & 1 == 1 {
      var (lowest, least, count) = (Double.infinity, Double.infinity, 0)
      // Where a table is a straight line at the price of its slope, every count is as good: the first.
      let rounding = Tolerance.relative * (radio[place * width + tokens] + pricePlace[place] * Double(tokens))
      for m in countLow[place]...max(countLow[place], countHigh[place]) {
        let cost =
          radioLow[place * width + m] + priceTime * airLow[place * width + m] - pricePlace[place] * Double(m)
        lowest = min(lowest, cost)
        if cost < least - rounding { (least, count) = (cost, m) }
      }
      sum += lowest
      countBest[place] = count
      time += airLow[place * width + count]
      slopePlace[place] = usage[place] - Double(count)
    }
    slopeError = errors - errorLimit
    if priceError > 0 { sum -= priceError * errorLimit }
    if latencyLimit < .infinity {
      slopeTime = time - timeLimit(scope)
      if priceTime > 0 { sum -= priceTime * timeLimit(scope) }
    }
    return sum
  }

  /// Seconds of the picked plans' computing, places weighted by their shares; marks the slowest place in `orderKey`.
  private mutating func pickedSeconds() -> Double {
    for place in 0..<places { orderKey[place] = 0 }
    for slot in 0..<slots { users[slot] = 0 }
    for token in 0..<tokens {
      let first = Int(planFirst[pick[token]])
      for at in first..<first + Int(planSize[pick[token]]) {
        let slot = Int(planSlots[at])
        let place = slotPlace[slot]
        orderKey[place] += seconds[place]
        if users[slot] == 0, slotState[slot] == .free { orderKey[place] += loadSeconds[place] }
        users[slot] += 1
      }
    }
    for slot in 0..<slots where slotState[slot] == .open { orderKey[slotPlace[slot]] += loadSeconds[slotPlace[slot]] }
    var sum = 0.0
    for place in 0..<places { sum += priceShare[place] * orderKey[place] }
    return sum
  }

  private mutating func fillPrices(isPlain: Bool) {
    if !isPlain {
      for slot in 0..<slots {
        let place = slotPlace[slot]
        priceSlot[slot] = kappa[place] + priceTime * priceShare[place] * seconds[place]
      }
    }
    guard places <= 10 else { return }
    // Bit n of an index is place n + 1.
    priceSet[0] = 0
    for set in 1..<max(1, 1 << max(0, places - 1)) {
      priceSet[set] = priceSet[set & (set - 1)] + pricePlace[set.trailingZeroBitCount + 1]
    }
  }

  @inline(__always) func setPrice(_ mask: UInt32) -> Double {
    if places <= 10 { return priceSet[Int(mask >> 1)] }
    var sum = 0.0
    var rest = mask
    while rest != 0 {
      sum += pricePlace[rest.trailingZeroBitCount]
      rest &= rest - 1
    }
    return sum
  }

  /// Priced executions and load shares of a plan.
  @inline(__always) func workCost(_ plan: Int, _ token: Int) -> Double {
    var sum = 0.0
    let first = Int(planFirst[plan])
    if hasLoads {
      for at in first..<first + Int(planSize[plan]) {
        let slot = Int(planSlots[at])
        sum += priceSlot[slot] + priceLoad[token * slots + slot]
      }
    } else {
      for at in first..<first + Int(planSize[plan]) { sum += priceSlot[Int(planSlots[at])] }
    }
    return sum
  }
}
