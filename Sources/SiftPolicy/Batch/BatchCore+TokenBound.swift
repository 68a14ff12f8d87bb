// A proved bound where the plans are not all there are: each token's least cost at given prices, over all its columns.

extension BatchCore {
  /// The dual value at the present prices with every token decided over all its columns: a proved bound, whatever the
  /// prices. `evaluate` must have been called at these prices.
  /// - Parameter isExact: whether every token's least cost is looked for where a quick bound on it leaves a gap.
  mutating func provedValue(_ problem: BatchProblem, _ scope: Scope, isExact: Bool) -> Double {
    let value = evaluate(scope)
    // Even without a plan: the least error of every token is among the plans, and so is that a limit cannot be kept.
    if isComplete || value == .infinity { return value }
    var loss = 0.0
    for token in 0..<tokens {
      if !hasLoads {
        let least = min(pickCost[token], quickBound(token, scope))
        if !isExact || least >= pickCost[token] {
          loss += pickCost[token] - least
          continue
        }
      }
      loadToken(problem, token)
      let least = leastCost(token, scope)
      loss += pickCost[token] - least
    }
    return value - loss
  }

  /// The least priced cost of the token whose columns are loaded, over everything it could do within `scope`.
  private mutating func leastCost(_ token: Int, _ scope: Scope) -> Double {
    let isPlain = !hasLoads && !(hasTimes && priceTime > 0)
    if isPlain { for slot in 0..<slots { priceSlot[slot] = kappa[slotPlace[slot]] } }
    open.reserve(ranks + 1)
    suffix.reserve(ranks + 1)
    findCandidates(isPlain: isPlain)
    boundBest = pickCost[token]
    var proved = Double.infinity
    if isEverySet {
      for at in 0..<setCount where sets[at] & ~scope.set == 0 {
        let base = setPrice(sets[at])
        let relaxed = base + fillSuffix(sets[at])
        if relaxed >= boundBest { continue }
        boundSteps = 2_000
        descend(0, base, sets[at], token, opened: 0)
        if boundSteps < 0 { proved = min(proved, relaxed) }
      }
    } else {
      proved = spreadBound(scope)
    }
    return min(boundBest, proved)
  }

  /// Columns worth opening: the nearest of somebody, or cheap enough to share. Two ranks that share a column instead of
  /// taking their nearest save one execution; u ranks save u − 1, so the two that lose least must lose less than two.
  private mutating func findCandidates(isPlain: Bool) {
    isCandidate.fill(columns, false)
    for place in 0..<places {
      for rank in 0..<ranks where nearest[place * ranks + rank] >= 0 {
        isCandidate[nearest[place * ranks + rank]] = true
      }
    }
    for column in 0..<columns where !isCandidate[column] {
      if hasLoads {
        isCandidate[column] = true
        continue
      }
      let place = placeOf(column: column)
      var (least, second) = (Double.infinity, Double.infinity)
      for rank in 0..<ranks where value[column * ranks + rank] < .infinity {
        let extra = value[column * ranks + rank] - nearestValue[place * ranks + rank]
        if extra < least {
          (second, least) = (least, extra)
        } else if extra < second {
          second = extra
        }
      }
      if priceError * (least + second) < 2 * priceSlot[columnSlot[column]] { isCandidate[column] = true }
    }
  }

  /// `[rank]`: the least that ranks from there on cost within `set` when executing were free.
  private mutating func fillSuffix(_ set: UInt32) -> Double {
    suffix[ranks] = 0
    for rank in (0..<ranks).reversed() {
      var least = skip[rank]
      for place in 0..<places where place == 0 || set >> UInt32(place) & 1 == 1 {
        least = min(least, nearestValue[place * ranks + rank])
      }
      suffix[rank] = suffix[rank + 1] + (least == .infinity ? .infinity : priceError * least)
    }
    return suffix[0]
  }

  private mutating func descend(_ rank: Int, _ cost: Double, _ set: UInt32, _ token: Int, opened: Int) {
    boundSteps -= 1
    if boundSteps < 0 || cost + suffix[rank] >= boundBest { return }
    guard rank < ranks else {
      boundBest = cost
      return
    }
    var free = skip[rank]
    for at in 0..<opened { free = min(free, value[open[at] * ranks + rank]) }
    if free < .infinity { descend(rank + 1, cost + priceError * free, set, token, opened: opened) }
    for column in 0..<columns where isCandidate[column] {
      let own = value[column * ranks + rank]
      let place = placeOf(column: column)
      guard own < .infinity, place == 0 || set >> UInt32(place) & 1 == 1 else { continue }
      var isOpen = false
      for at in 0..<opened where open[at] == column { isOpen = true }
      if isOpen { continue }
      let slot = columnSlot[column]
      let paid = priceError * own + priceSlot[slot] + (hasLoads ? priceLoad[token * slots + slot] : 0)
      if cost + paid + suffix[rank + 1] >= boundBest { continue }
      // The last rank has nobody to share with: paying must be cheaper than what is free.
      if rank + 1 == ranks, free < .infinity, paid >= priceError * free { continue }
      open[opened] = column
      descend(rank + 1, cost + paid, set, token, opened: opened + 1)
    }
  }

  /// Valid for any set of places: a place's price divided by the ranks, paid at every use.
  private func spreadBound(_ scope: Scope) -> Double {
    var total = 0.0
    for rank in 0..<ranks {
      var least = skip[rank] == .infinity ? Double.infinity : priceError * skip[rank]
      for place in 0..<places where place == 0 || scope.set >> UInt32(place) & 1 == 1 {
        let near = nearestValue[place * ranks + rank]
        if near < .infinity { least = min(least, priceError * near + pricePlace[place] / Double(ranks)) }
      }
      total += least
    }
    return total
  }
}
