// Plans of a token with many experts: for every set of places the nearest experts, closed one after another.

extension BatchCore {
  /// For each set of places: everybody by the nearest of its experts, then one expert less at a time, the one whose error
  /// rises least for what it saves.
  ///
  /// Where that is not too much work, also from nothing: one expert more at a time, the one that most errors fall by for
  /// what it costs.
  mutating func shrink(_ token: Int) {
    reserveLevels()
    let isCheap = columns * ranks * setCount * tokens <= 200_000
    for at in 0..<setCount {
      shrink(token, within: sets[at], loadShare: 0)
      if hasLoads { shrink(token, within: sets[at], loadShare: 0.5) }
      if isCheap || sets[at] == 0 { grow(token, within: sets[at], loadShare: hasLoads ? 0.5 : 0) }
    }
  }

  private mutating func grow(_ token: Int, within set: UInt32, loadShare: Double) {
    var count = 0
    for rank in 0..<ranks { level[rank] = skip[rank] }
    while count < ranks {
      var (next, most) = (-1, 0.0)
      for place in 0..<places where place == 0 || set >> UInt32(place) & 1 == 1 {
        let cost = kappa[place] + loadShare * loadJoules[place]
        for column in columnStart[place]..<columnStart[place + 1] {
          var gain = gain(column)
          if cost > 0 { gain /= cost }
          if gain > most { (next, most) = (column, gain) }
        }
      }
      guard next >= 0 else { return }
      open[count] = next
      count = dropIdle(after: count + 1)
      let error = assess(count)
      guard error < .infinity, error <= limit[token], isListed(mask(of: count), at: set) else { continue }
      add(error: error, open: count)
    }
  }

  /// By how much the errors in `level` would fall with `column` open. What cannot be skipped is served first.
  @inline(__always) private func gain(_ column: Int) -> Double {
    var sum = 0.0
    columnUseful[column].forEachRank { rank in
      let (error, now) = (value[column * ranks + rank], level[rank])
      if error < now { sum += now < .infinity ? now - error : 1e100 }
    }
    return sum
  }

  private mutating func dropIdle(after count: Int) -> Int {
    _ = assess(count)
    return dropIdle(count)
  }

  /// The plan of the least error, whatever its limit: for a token that cannot keep it.
  mutating func addNearest(_ token: Int) {
    reserveLevels()
    let kept = limit[token]
    limit[token] = .infinity
    let count = openNearest(within: usefulPlaces, loadShare: 0)
    let error = assess(count)
    add(error: error, open: count)
    limit[token] = kept
  }

  private mutating func shrink(_ token: Int, within set: UInt32, loadShare: Double) {
    var count = openNearest(within: set, loadShare: loadShare)
    while true {
      let error = assess(count)
      count = dropIdle(count)
      guard error < .infinity, error <= limit[token], isListed(mask(of: count), at: set) else { return }
      add(error: error, open: count)
      guard count > 0 else { return }
      close(&count, loadShare: loadShare)
    }
  }

  /// Opens for every rank the cheapest way of being served nearer than by a skip. - Returns: how many columns are open.
  private mutating func openNearest(within set: UInt32, loadShare: Double) -> Int {
    var count = 0
    for rank in 0..<ranks {
      var (column, least) = (-1, skip[rank])
      for place in 0..<places where place == 0 || set >> UInt32(place) & 1 == 1 {
        let error = nearestValue[place * ranks + rank]
        if error < least { (column, least) = (nearest[place * ranks + rank], error) }
      }
      guard column >= 0 else { continue }
      var isOpen = false
      for at in 0..<count where open[at] == column { isOpen = true }
      guard !isOpen else { continue }
      open[count] = column
      count += 1
    }
    return count
  }

  /// Fills, for every rank, its least error over the open columns, who gives it (−1: a skip), and the second least: two
  /// ranks at a time, without branches. Beside an odd last rank stands the first of the next column, whom nobody asks.
  private mutating func assess(_ count: Int) -> Double {
    let (level, owner, open) = (level.pointer, owner.pointer, open.pointer)
    for rank in stride(from: 0, to: ranks, by: 2) {
      var least = SIMD2(skip[rank], skip[rank + 1])
      var second = SIMD2(repeating: Double.infinity)
      var who = SIMD2<Int64>(repeating: -1)
      for at in 0..<count {
        let errors = value.pointer + open[at] * ranks + rank
        let error = SIMD2(errors[0], errors[1])
        let isLeast = error .< least
        second.replace(with: error, where: error .< second)
        second.replace(with: least, where: isLeast)
        least.replace(with: error, where: isLeast)
        who.replace(with: Int64(at), where: isLeast)
      }
      for lane in 0..<2 {
        level[rank + lane] = least[lane]
        level[width + rank + lane] = second[lane]
        owner[rank + lane] = Int(who[lane])
      }
    }
    var sum = 0.0
    for rank in 0..<ranks { sum += level[rank] }
    return sum
  }

  /// Length of a row of `level`: even.
  private var width: Int { (ranks + 1) & ~1 }

  private mutating func reserveLevels() {
    open.reserve(ranks + 1)
    level.reserve(3 * (ranks + 1))
    owner.reserve(ranks + 1)
  }

  /// Drops open columns that serve nobody.
  private mutating func dropIdle(_ count: Int) -> Int {
    var used: UInt64 = 0
    for rank in 0..<ranks where owner[rank] >= 0 { used |= 1 << UInt64(owner[rank]) }
    guard used != (1 << UInt64(count)) - 1 else { return count }
    var left = 0
    for at in 0..<count where used >> UInt64(at) & 1 == 1 {
      open[left] = open[at]
      for rank in 0..<ranks where owner[rank] == at { owner[rank] = left }
      left += 1
    }
    return left
  }

  /// Whether a plan that goes to `mask` is added while `set` is at work: only once, where every set has its turn.
  private func isListed(_ mask: UInt32, at set: UInt32) -> Bool { mask == set || !isEverySet }

  private func mask(of count: Int) -> UInt32 {
    var mask: UInt32 = 0
    for at in 0..<count {
      let place = placeOf(column: open[at])
      if place > 0 { mask |= 1 << UInt32(place) }
    }
    return mask
  }

  /// Closes the open column that is missed least.
  private mutating func close(_ count: inout Int, loadShare: Double) {
    let losses = 2 * width
    for at in 0..<count { level[losses + at] = 0 }
    for rank in 0..<ranks where owner[rank] >= 0 {
      level[losses + owner[rank]] += level[width + rank] - level[rank]
    }
    // Those that cost nothing come last: closing them saves nothing by itself.
    var (worst, least, isFree) = (0, Double.infinity, true)
    for at in 0..<count {
      let place = placeOf(column: open[at])
      let saved = kappa[place] + loadShare * loadJoules[place]
      let loss = saved > 0 ? level[losses + at] / saved : level[losses + at]
      if (isFree && saved > 0) || (isFree == (saved <= 0) && loss < least) {
        (worst, least, isFree) = (at, loss, saved <= 0)
      }
    }
    open[worst] = open[count - 1]
    count -= 1
  }
}
