// What could serve the ranks of one token.

extension BatchCore {
  /// Fills the columns of `token`: every slot that serves at least one rank better than a skip does.
  mutating func loadToken(_ problem: BatchProblem, _ token: Int) {
    let routed = problem.tokens[token]
    let k = routed.count
    ranks = k
    columns = 0
    skip.reserve(k)
    columnSlot.reserve(slots)
    columnRank.reserve(slots)
    value.reserve((slots + 1) * max(1, k))
    nearest.fill(places * k, -1)
    nearestValue.fill(places * k, .infinity)
    for rank in 0..<k {
      let own = Self.weighted(routed[rank].weight, problem.distance.skipping[routed[rank].expert])
      skip[rank] = problem.allowSkip ? own : .infinity
    }
    for place in 0..<places where !isRemoved[place] {
      for slot in slotStart[place]..<slotStart[place + 1] {
        let target = slotExpert[slot]
        let row = columns * k
        var isUseful = false
        for rank in 0..<k {
          value[row + rank] = .infinity
          guard problem.allowReplace || routed[rank].expert == target else { continue }
          let distance = problem.distance.replacing[routed[rank].expert * experts + target]
          let error = Self.weighted(routed[rank].weight, distance)
          guard error < skip[rank] else { continue }
          value[row + rank] = error
          isUseful = true
          if error < nearestValue[place * k + rank] {
            nearestValue[place * k + rank] = error
            nearest[place * k + rank] = columns
          }
        }
        guard isUseful else { continue }
        columnSlot[columns] = slot
        columns += 1
        if place > 0 { usefulPlaces |= 1 << UInt32(place) }
      }
    }
  }

  @inline(__always) private static func weighted(_ weight: Double, _ distance: Double) -> Double {
    weight == 0 ? 0 : weight * distance
  }

  @inline(__always) func placeOf(column: Int) -> Int { slotPlace[columnSlot[column]] }
}
