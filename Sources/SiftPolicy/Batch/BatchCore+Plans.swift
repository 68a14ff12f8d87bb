// The plans of each token: all that could be in a best decision where those are few, good ones where they are many.

extension BatchCore {
  /// Fills the plans of all tokens.
  /// - Parameter most: a token with at most so many sets of columns is enumerated.
  mutating func makePlans(_ problem: BatchProblem, enumerating most: Int) {
    planCount = 0
    planSlotCount = 0
    isComplete = true
    isServable = true
    usefulPlaces = 0
    tokenFirst.reserve(tokens + 1)
    countMax.fill(places, 0)
    let isSmall = findUseful(problem, most)
    listSets()
    for token in 0..<tokens {
      loadToken(problem, token)
      if isSmall { dropBeatenColumns() }
      tokenFirst[token] = planCount
      if isSmall {
        enumerate(token)
      } else {
        if !hasLoads { findOwners(token) }
        shrink(token)
      }
      if planCount == tokenFirst[token] {
        isServable = false
        addNearest(token)
      }
      var mask: UInt32 = 0
      for plan in tokenFirst[token]..<planCount { mask |= planMask[plan] }
      for place in 1..<max(1, places) where mask >> UInt32(place) & 1 == 1 { countMax[place] += 1 }
    }
    tokenFirst[tokens] = planCount
    isComplete = isSmall
  }

  /// Finds the places that could serve somebody. - Returns: whether every token's sets of columns are few.
  private mutating func findUseful(_ problem: BatchProblem, _ most: Int) -> Bool {
    // Where many experts stand in for one another, nobody's sets of columns are few.
    guard most > 0, slots <= 64 || !problem.allowReplace else {
      for place in 1..<max(1, places) where !isRemoved[place] && slotStart[place + 1] > slotStart[place] {
        usefulPlaces |= 1 << UInt32(place)
      }
      return false
    }
    var isSmall = true
    for token in 0..<tokens {
      loadToken(problem, token)
      dropBeatenColumns()
      var (sum, product) = (1.0, 1.0)
      for size in 1...max(1, ranks) where columns >= size {
        product *= Double(columns - size + 1) / Double(size)
        sum += product
      }
      if sum > Double(most) || columns > 64 || ranks > 6 { isSmall = false }
    }
    return isSmall
  }

  /// Drops columns that another of the same place beats for every rank, where experts cost no load.
  private mutating func dropBeatenColumns() {
    var left = 0
    for column in 0..<columns {
      let place = placeOf(column: column)
      var isBeaten = false
      if loadJoules[place] == 0 && loadSeconds[place] == 0 {
        for other in 0..<columns where !isBeaten && other != column && placeOf(column: other) == place {
          isBeaten = beats(other, column)
        }
      }
      columnRank[column] = isBeaten ? -1 : left
      if !isBeaten { left += 1 }
    }
    for column in 0..<columns where columnRank[column] >= 0 && columnRank[column] != column {
      columnSlot[columnRank[column]] = columnSlot[column]
      columnUseful[columnRank[column]] = columnUseful[column]
      for rank in 0..<ranks { value[columnRank[column] * ranks + rank] = value[column * ranks + rank] }
    }
    columns = left
    var column = 0
    for place in 0...places {
      while column < columns, placeOf(column: column) < place { column += 1 }
      columnStart[place] = column
    }
    nearest.fill(places * ranks, -1)
    for column in 0..<columns {
      let row = placeOf(column: column) * ranks
      for rank in 0..<ranks where nearest[row + rank] < 0 && value[column * ranks + rank] < .infinity {
        if value[column * ranks + rank] == nearestValue[row + rank] { nearest[row + rank] = column }
      }
    }
  }

  /// Whether every rank is at least as near to `column` as to `other`; of two equal ones the first.
  private func beats(_ column: Int, _ other: Int) -> Bool {
    var isNearer = column < other
    for rank in 0..<ranks {
      let (own, their) = (value[column * ranks + rank], value[other * ranks + rank])
      if own > their { return false }
      if own < their { isNearer = true }
    }
    return isNearer
  }

  /// The sets of remote places that plans are made for and that bounds are split by: every one where the places are few.
  private mutating func listSets() {
    var members = 0
    order.reserve(places + 1)
    for place in 1..<max(1, places) where usefulPlaces >> UInt32(place) & 1 == 1 {
      order[members] = place
      members += 1
    }
    isEverySet = members <= 6
    setCount = 0
    sets.reserve(isEverySet ? 1 << members : 2 + members * (members + 1))
    if isEverySet {
      for bits in 0..<(1 << members) {
        var set: UInt32 = 0
        for at in 0..<members where bits >> at & 1 == 1 { set |= 1 << UInt32(order[at]) }
        addSet(set)
      }
      return
    }
    addSet(0)
    for a in 0..<members {
      addSet(1 << UInt32(order[a]))
      for b in 0..<a { addSet(1 << UInt32(order[a]) | 1 << UInt32(order[b])) }
    }
    for a in 0..<members { addSet(usefulPlaces & ~(1 << UInt32(order[a]))) }
    addSet(usefulPlaces)
  }

  private mutating func addSet(_ set: UInt32) {
    sets[setCount] = set
    setCount += 1
  }

  // MARK: All plans

  /// Every set of columns in which each serves somebody better than all others do, without those that another plan makes
  /// useless.
  private mutating func enumerate(_ token: Int) {
    level.reserve((ranks + 1) * max(1, ranks))
    owner.reserve((ranks + 1) * max(1, ranks))
    open.reserve(ranks + 1)
    for rank in 0..<ranks {
      level[rank] = skip[rank]
      owner[rank] = -1
    }
    addOpen(0, token)
    extend(from: 0, depth: 0, token)
    removeDominated(from: tokenFirst[token])
  }

  private mutating func extend(from first: Int, depth: Int, _ token: Int) {
    let (above, here) = (depth * ranks, (depth + 1) * ranks)
    for column in first..<max(first, columns) {
      var used: UInt64 = 0
      for rank in 0..<ranks {
        let own = value[column * ranks + rank]
        let isNearer = own < level[above + rank]
        level[here + rank] = isNearer ? own : level[above + rank]
        owner[here + rank] = isNearer ? depth : owner[above + rank]
        if owner[here + rank] >= 0 { used |= 1 << UInt64(owner[here + rank]) }
      }
      // Whoever serves nobody now serves nobody in a larger set either.
      guard used == (1 << UInt64(depth + 1)) - 1 else { continue }
      open[depth] = column
      addOpen(depth + 1, token)
      if depth + 1 < ranks { extend(from: column + 1, depth: depth + 1, token) }
    }
  }

  /// Adds the plan of the first `count` open columns, whose errors stand in `level`, if the token's own limit permits it.
  private mutating func addOpen(_ count: Int, _ token: Int) {
    var error = 0.0
    for rank in 0..<ranks { error += level[count * ranks + rank] }
    guard error < .infinity, error <= limit[token] else { return }
    add(error: error, open: count)
  }

  /// Adds the plan that executes the first `count` open columns.
  mutating func add(error: Double, open count: Int) {
    growPlans(count)
    var energy = 0.0
    var (mask, key, bits): (UInt32, UInt64, UInt64) = (0, 0, 0)
    for at in 0..<count {
      let column = open[at]
      let place = placeOf(column: column)
      planSlots[planSlotCount + at] = Int32(columnSlot[column])
      energy += kappa[place]
      if place > 0 { mask |= 1 << UInt32(place) }
      let unit: UInt64 = 1 << UInt64(4 * place)
      if loadJoules[place] > 0 || loadSeconds[place] > 0 {
        bits |= 1 << UInt64(column & 63)
      } else if kappa[place] > 0 || seconds[place] > 0 {
        key &+= unit
      } else if place > 0 {
        key |= unit
      }
    }
    planError[planCount] = error
    planEnergy[planCount] = energy
    planMask[planCount] = mask
    planKey[planCount] = key
    planBits[planCount] = bits
    planFirst[planCount] = Int32(planSlotCount)
    planSize[planCount] = Int32(count)
    planSlotCount += count
    planCount += 1
  }

  private mutating func growPlans(_ more: Int) {
    planError.reserve(planCount + 1)
    planEnergy.reserve(planCount + 1)
    planMask.reserve(planCount + 1)
    planKey.reserve(planCount + 1)
    planBits.reserve(planCount + 1)
    planFirst.reserve(planCount + 1)
    planSize.reserve(planCount + 1)
    planSlots.reserve(planSlotCount + more)
  }

  /// Keeps the plans from `first` on that no other beats: none that errs no more and executes nothing besides.
  private mutating func removeDominated(from first: Int) {
    let count = planCount - first
    order.reserve(count)
    orderKey.reserve(count)
    for at in 0..<count {
      order[at] = first + at
      orderKey[at] = planError[first + at]
    }
    sortOrder(count)
    let guards: UInt64 = 0x8888_8888_8888_8888
    var kept = 0
    for at in 0..<count {
      let plan = order[at]
      var isBeaten = false
      for other in 0..<kept where !isBeaten {
        let better = order[other]
        isBeaten =
          planBits[better] & ~planBits[plan] == 0
          && ((planKey[plan] | guards) &- planKey[better]) & guards == guards
      }
      if isBeaten { continue }
      order[kept] = plan
      kept += 1
    }
    // The survivors move down in the order of their making; none stands below its place.
    for at in 0..<kept { orderKey[at] = Double(order[at]) }
    sortOrder(kept)
    for at in 0..<kept { move(plan: order[at], to: first + at) }
    planCount = first + kept
  }

  private mutating func move(plan: Int, to place: Int) {
    guard plan != place else { return }
    planError[place] = planError[plan]
    planEnergy[place] = planEnergy[plan]
    planMask[place] = planMask[plan]
    planKey[place] = planKey[plan]
    planBits[place] = planBits[plan]
    planFirst[place] = planFirst[plan]
    planSize[place] = planSize[plan]
  }

  /// Sorts the first `count` elements of `order` by `orderKey`, equal keys by number (Shell's sort, without memory).
  mutating func sortOrder(_ count: Int) {
    var stride = 1
    while stride < count / 3 { stride = 3 * stride + 1 }
    while stride > 0 {
      for at in stride..<max(stride, count) {
        let (key, item) = (orderKey[at], order[at])
        var hole = at
        while hole >= stride,
          orderKey[hole - stride] > key || (orderKey[hole - stride] == key && order[hole - stride] > item)
        {
          orderKey[hole] = orderKey[hole - stride]
          order[hole] = order[hole - stride]
          hole -= stride
        }
        orderKey[hole] = key
        order[hole] = item
      }
      stride /= 3
    }
  }
}
