// A quick proved bound on what one token costs at given prices, where its plans are not all there are.

extension BatchCore {
  /// Gives every column of the loaded token to the rank that loses least by it, and keeps what ranks could have of their
  /// own and of others' columns at each place.
  mutating func findOwners(_ token: Int) {
    let size = places * ranksMax
    ownedLeast.reserve((token + 1) * size)
    sharedLeast.reserve((token + 1) * size)
    skipOf.reserve((token + 1) * ranksMax)
    ranksOf.reserve(token + 1)
    ranksOf[token] = ranks
    for rank in 0..<ranks { skipOf[token * ranksMax + rank] = skip[rank] }
    for at in token * size..<(token + 1) * size {
      ownedLeast[at] = .infinity
      sharedLeast[at] = .infinity
    }
    for place in 0..<places where !isRemoved[place] {
      let base = token * size + place * ranksMax
      for column in columnStart[place]..<columnStart[place + 1] { give(column, place, base) }
    }
  }

  /// Gives a column to the rank that loses least by it.
  /// - Parameter base: where the ranks of the token and the place begin in `ownedLeast` and `sharedLeast`.
  @inline(__always) private func give(_ column: Int, _ place: Int, _ base: Int) {
    var (owner, least) = (0, Double.infinity)
    columnUseful[column].forEachRank { rank in
      let extra = value[column * ranks + rank] - nearestValue[place * ranks + rank]
      if extra < least { (owner, least) = (rank, extra) }
    }
    columnUseful[column].forEachRank { rank in
      let error = value[column * ranks + rank]
      if rank == owner {
        ownedLeast[base + rank] = min(ownedLeast[base + rank], error)
      } else {
        sharedLeast[base + rank] = min(sharedLeast[base + rank], error)
      }
    }
  }

  /// A lower bound on the priced cost of `token` within `scope`, without loads: an execution is paid by the rank that owns
  /// the column and by nobody else, so that no execution is paid twice (docs/theory, §6). With a limit of its own that the
  /// relaxed token breaks, its error is priced higher, and what that takes too much at the limit is given back.
  mutating func quickBound(_ token: Int, _ scope: Scope) -> Double {
    var error = 0.0
    var bound = relaxed(token, scope, price: priceError, &error)
    guard error > limit[token], limit[token] < .infinity else { return bound }
    var extra = priceError > 0 ? priceError / 2 : bound / max(error, 1e-300)
    for _ in 0..<4 where error > limit[token] && extra > 0 {
      bound = max(bound, relaxed(token, scope, price: priceError + extra, &error) - extra * limit[token])
      extra *= 2
    }
    return bound
  }

  private mutating func relaxed(_ token: Int, _ scope: Scope, price: Double, _ error: inout Double) -> Double {
    let k = ranksOf[token]
    placeCost.reserve(places * k)
    placeError.reserve(places * k)
    for place in 0..<places where place == 0 || scope.set >> UInt32(place) & 1 == 1 {
      let base = (token * places + place) * ranksMax
      let execution = kappa[place] + (hasTimes ? priceTime * priceShare[place] * seconds[place] : 0)
      for rank in 0..<k {
        let (own, other) = (ownedLeast[base + rank], sharedLeast[base + rank])
        let ownCost = own < .infinity ? price * own + execution : .infinity
        let otherCost = other < .infinity ? price * other : .infinity
        placeCost[place * k + rank] = min(ownCost, otherCost)
        placeError[place * k + rank] = ownCost <= otherCost ? own : other
      }
    }
    guard isEverySet else { return spread(token, scope, price, &error) }
    let skips = skipOf.pointer + token * ranksMax
    setCost.reserve(setCount * k)
    setError.reserve(setCount * k)
    var least = Double.infinity
    for at in 0..<setCount where sets[at] & ~scope.set == 0 {
      extendSet(at, k, price, skips)
      var (cost, errors) = (setPrice(sets[at]), 0.0)
      for here in at * k..<(at + 1) * k {
        cost += setCost[here]
        errors += setError[here]
      }
      if cost < least - Tolerance.relative * abs(cost) { (least, error) = (cost, errors) }
    }
    return least
  }

  /// The cheapest for every rank within a set: what it is without the last of its places, or that place. Bits of `at` are
  /// members of the set (`listSets`).
  @inline(__always) private func extendSet(
    _ at: Int, _ k: Int, _ price: Double, _ skips: UnsafeMutablePointer<Double>
  ) {
    let (cost, error) = (setCost.pointer + at * k, setError.pointer + at * k)
    if at == 0 {
      for rank in 0..<k {
        let skipped = skips[rank] < .infinity ? price * skips[rank] : .infinity
        let isNearer = placeCost[rank] < skipped
        cost[rank] = isNearer ? placeCost[rank] : skipped
        error[rank] = isNearer ? placeError[rank] : skips[rank]
      }
      return
    }
    let place = UInt32.bitWidth - 1 - sets[at].leadingZeroBitCount
    let before = at & ~(1 << (Int.bitWidth - 1 - at.leadingZeroBitCount))
    let (costs, errors) = (placeCost.pointer + place * k, placeError.pointer + place * k)
    let (costBefore, errorBefore) = (setCost.pointer + before * k, setError.pointer + before * k)
    for rank in 0..<k {
      let isNearer = costs[rank] < costBefore[rank]
      cost[rank] = isNearer ? costs[rank] : costBefore[rank]
      error[rank] = isNearer ? errors[rank] : errorBefore[rank]
    }
  }

  /// Where not every set of places is listed: a place's price divided by the ranks, paid at every use.
  @inline(__always) private func spread(_ token: Int, _ scope: Scope, _ price: Double, _ error: inout Double) -> Double
  {
    let k = ranksOf[token]
    error = 0
    var cost = 0.0
    for rank in 0..<k {
      let skipped = skipOf[token * ranksMax + rank]
      var (own, ownError) = (skipped < .infinity ? price * skipped : .infinity, skipped)
      for place in 0..<places where place == 0 || scope.set >> UInt32(place) & 1 == 1 {
        let here = placeCost[place * k + rank] + (place > 0 ? pricePlace[place] / Double(k) : 0)
        if here < own { (own, ownError) = (here, placeError[place * k + rank]) }
      }
      cost += own
      error += ownError
    }
    return cost
  }
}
