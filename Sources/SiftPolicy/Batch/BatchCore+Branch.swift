// Branch and bound where the dual leaves a gap: loads are taken as paid or not to happen, counts are split.

extension BatchCore {
  /// A proved bound of `scope` within the present list, states of loads and ranges of counts; better decisions that are
  /// met are kept. The prices are those of `value`, the dual value.
  /// - Returns: no decision there that is better than the best one now known costs less than this.
  mutating func branch(_ problem: BatchProblem, _ scope: Scope, value: Double, depth: Int) -> Double {
    branchSteps -= 1
    let target = bestExcess == 0 ? bestEnergy : .infinity
    if value >= target * (1 - 1e-10) { return max(value, target) }
    list(bound: value, target: target)
    defer { listDepth -= 1 }
    if depth > 0 {
      keptPick.copy(pick, count: tokens)
      search(from: keptPick, scope, Reach(pairs: false, kicks: 0))
    }
    for token in 0..<tokens where first(token) == end(token) { return max(value, target) }
    if exhaust(bound: value, steps: depth == 0 ? 60_000 : 6_000) { return bestExcess == 0 ? bestEnergy : .infinity }
    guard branchSteps > 0, work > 0, depth < 24, let split = widestGap(scope) else { return value }
    save(depth)
    var least = Double.infinity
    for side in [split.first, !split.first] {
      if side != split.first { load(depth) }
      least = min(least, enter(problem, scope, split, side, depth))
    }
    return max(value, least)
  }

  /// Where a node is split: a load (`slot` ≥ 0), or the count of a place at `count`.
  private struct Split {
    var slot: Int
    var place: Int
    var count: Int
    /// The side to begin with: true = open, or at most `count`.
    var first: Bool
  }

  private mutating func enter(
    _ problem: BatchProblem, _ scope: Scope, _ split: Split, _ side: Bool, _ depth: Int
  ) -> Double {
    // A list of its own, since closing shortens it.
    list(bound: 0, target: .infinity)
    defer { listDepth -= 1 }
    let (low, high) = (countLow[split.place], countHigh[split.place])
    defer {
      if split.slot >= 0 { slotState[split.slot] = .free }
      countLow[split.place] = low
      countHigh[split.place] = high
    }
    if split.slot >= 0 {
      slotState[split.slot] = side ? .open : .closed
      if !side { ban(slot: split.slot) }
    } else if side {
      countHigh[split.place] = split.count
    } else {
      countLow[split.place] = split.count + 1
    }
    capLoadShares()
    let start = evaluate(scope)
    guard start < .infinity else { return .infinity }
    let target = bestExcess == 0 ? bestEnergy : .infinity
    let value = climb(scope, from: start, target: target, rounds: 30)
    return branch(problem, scope, value: value, depth: depth + 1)
  }

  /// Where the picked plans really cost most beyond what they pay.
  private mutating func widestGap(_ scope: Scope) -> Split? {
    for place in 0..<places { usage[place] = 0 }
    for slot in 0..<slots { users[slot] = 0 }
    for token in 0..<tokens {
      let plan = pick[token]
      for place in 1..<max(1, places) where planMask[plan] >> UInt32(place) & 1 == 1 { usage[place] += 1 }
      let first = Int(planFirst[plan])
      for at in first..<first + Int(planSize[plan]) { users[Int(planSlots[at])] += 1 }
    }
    var (widest, split): (Double, Split?) = (0, nil)
    if hasLoads {
      for slot in 0..<slots where slotState[slot] == .free && users[slot] > 0 {
        var paid = 0.0
        for token in 0..<tokens where executes(pick[token], Int32(slot)) { paid += priceLoad[token * slots + slot] }
        let gap = loadPrice(slot) - paid
        if gap > widest { (widest, split) = (gap, Split(slot: slot, place: 0, count: 0, first: true)) }
      }
    }
    let width = tokens + 1
    for place in 1..<max(1, places) where scope.set >> UInt32(place) & 1 == 1 && countLow[place] < countHigh[place] {
      func priced(_ m: Int) -> Double {
        radioLow[place * width + m] + priceTime * airLow[place * width + m] - pricePlace[place] * Double(m)
      }
      let count = min(max(Int(usage[place]), countLow[place]), countHigh[place])
      let gap = priced(count) - priced(countBest[place])
      if gap > widest {
        let at = min(count, countHigh[place] - 1)
        (widest, split) = (gap, Split(slot: -1, place: place, count: at, first: Int(usage[place]) <= at))
      }
    }
    return split ?? anySplit(scope)
  }

  /// A split where the picked plans pay for all they do and only miss a limit: the dearest load that is still in question,
  /// or the middle of the widest range of counts.
  private func anySplit(_ scope: Scope) -> Split? {
    var (widest, split): (Double, Split?) = (0, nil)
    if hasLoads {
      for slot in 0..<slots where slotState[slot] == .free && loadPrice(slot) > 0 {
        var tokensThere = 0
        for token in 0..<tokens {
          for at in first(token)..<end(token) where executes(Int(listPlans[at]), Int32(slot)) {
            tokensThere += 1
            break
          }
        }
        let size = loadPrice(slot) * Double(tokensThere)
        if size > widest { (widest, split) = (size, Split(slot: slot, place: 0, count: 0, first: users[slot] > 0)) }
      }
    }
    guard split == nil else { return split }
    for place in 1..<max(1, places) where scope.set >> UInt32(place) & 1 == 1 {
      let size = Double(countHigh[place] - countLow[place])
      guard size > widest else { continue }
      let middle = (countHigh[place] + countLow[place]) / 2
      (widest, split) = (size, Split(slot: -1, place: place, count: middle, first: Int(usage[place]) <= middle))
    }
    return split
  }

  // MARK: Prices of the nodes above

  private var branchSize: Int { 2 + 2 * places + (hasLoads ? tokens * slots : 0) }

  private mutating func save(_ depth: Int) {
    var at = depth * branchSize
    branchPrices.reserve(at + branchSize)
    branchPrices[at] = priceError
    branchPrices[at + 1] = priceTime
    at += 2
    for place in 0..<places {
      branchPrices[at + 2 * place] = pricePlace[place]
      branchPrices[at + 2 * place + 1] = priceShare[place]
    }
    at += 2 * places
    guard hasLoads else { return }
    for share in 0..<tokens * slots { branchPrices[at + share] = priceLoad[share] }
  }

  private mutating func load(_ depth: Int) {
    var at = depth * branchSize
    priceError = branchPrices[at]
    priceTime = branchPrices[at + 1]
    at += 2
    for place in 0..<places {
      pricePlace[place] = branchPrices[at + 2 * place]
      priceShare[place] = branchPrices[at + 2 * place + 1]
    }
    at += 2 * places
    guard hasLoads else { return }
    for share in 0..<tokens * slots { priceLoad[share] = branchPrices[at + share] }
  }
}
