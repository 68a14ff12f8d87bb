// How the price of a load is divided among tokens, and that of time among the places that compute.

extension BatchCore {
  /// The squared slope of the load shares, each load in units of its own price. Fills `users`.
  mutating func loadSlope() -> Double {
    guard hasLoads else { return 0 }
    if !hasTimes { countUsers() }
    var sum = 0.0
    for slot in 0..<slots where users[slot] > 0 && slotState[slot] == .free {
      let (count, unit) = (Double(users[slot]), loadUnit(slot))
      sum += count * (1 - count / Double(tokens)) * unit * unit
    }
    return sum
  }

  @inline(__always) func loadPrice(_ slot: Int) -> Double {
    let place = slotPlace[slot]
    return loadJoules[place] + priceTime * priceShare[place] * loadSeconds[place]
  }

  @inline(__always) func loadUnit(_ slot: Int) -> Double {
    loadPrice(slot) * 0.5
  }

  /// Moves every load's price by `length` towards the tokens that execute the expert: the shares go on adding up to the
  /// load, and none falls below 0.
  mutating func moveLoadShares(_ length: Double) {
    guard hasLoads else { return }
    for token in 0..<tokens {
      let first = Int(planFirst[pick[token]])
      for at in first..<first + Int(planSize[pick[token]]) {
        let slot = Int(planSlots[at])
        guard slotState[slot] == .free else { continue }
        let unit = loadUnit(slot)
        priceLoad[token * slots + slot] += length * unit * unit
      }
    }
    for slot in 0..<slots where users[slot] > 0 && slotState[slot] == .free {
      let unit = loadUnit(slot)
      settleShares(slot, length * unit * unit * Double(users[slot]))
    }
  }

  /// Takes `surplus` from the shares of a load, evenly among those that have something.
  mutating func settleShares(_ slot: Int, _ surplus: Double) {
    var left = surplus
    for _ in 0..<8 where left > 1e-12 * surplus {
      var payers = 0
      for token in 0..<tokens where priceLoad[token * slots + slot] > 0 { payers += 1 }
      guard payers > 0 else { return }
      let part = left / Double(payers)
      for token in 0..<tokens where priceLoad[token * slots + slot] > 0 {
        let paid = min(part, priceLoad[token * slots + slot])
        priceLoad[token * slots + slot] -= paid
        left -= paid
      }
    }
  }

  mutating func countUsers() {
    for slot in 0..<slots { users[slot] = 0 }
    for token in 0..<tokens {
      let first = Int(planFirst[pick[token]])
      for at in first..<first + Int(planSize[pick[token]]) { users[Int(planSlots[at])] += 1 }
    }
  }

  /// Moves μ's share towards the place that computes longest.
  mutating func moveTimeShares(round: Int) {
    guard hasTimes, priceTime > 0 else { return }
    var slowest = 0
    for place in 1..<max(1, places) where orderKey[place] > orderKey[slowest] { slowest = place }
    let weight = 1 / Double(round + 3)
    for place in 0..<places {
      priceShare[place] += ((place == slowest ? 1 : 0) - priceShare[place]) * weight
    }
  }

  /// Shares of a load must not add up to more than it costs at the present prices: the value would be no bound.
  mutating func capLoadShares() {
    guard hasLoads else { return }
    for slot in 0..<slots {
      let place = slotPlace[slot]
      let cost = loadJoules[place] + priceTime * priceShare[place] * loadSeconds[place]
      if slotState[slot] != .free {
        for token in 0..<tokens { priceLoad[token * slots + slot] = 0 }
        continue
      }
      var sum = 0.0
      for token in 0..<tokens { sum += priceLoad[token * slots + slot] }
      if sum > 0 {
        for token in 0..<tokens { priceLoad[token * slots + slot] *= cost / sum }
      } else {
        for token in 0..<tokens { priceLoad[token * slots + slot] = cost / Double(tokens) }
      }
    }
  }
}
