// What could serve the ranks of one token.

extension BatchCore {
  /// Fills the columns of `token`: every slot that serves at least one rank better than a skip does.
  mutating func loadToken(_ problem: BatchProblem, _ token: Int) {
    reserveToken(problem.tokens[token].count)
    loadRanks(problem, problem.tokens[token])
    // With room for the rank beside an odd last one.
    let errors = ColumnErrors(
      ranks: ranks, weight: weight.pointer, skip: skip.pointer, row: row.pointer, ceiling: .infinity)
    problem.distance.replacing.withUnsafeBufferPointer { distances in
      for place in 0..<places {
        columnStart[place] = columns
        if isRemoved[place] { continue }
        for slot in slotStart[place]..<slotStart[place + 1] {
          let target = slotExpert[slot]
          let own = value.pointer + columns * ranks
          let useful =
            problem.allowReplace
            ? errors.write(distances, target, into: own).useful
            : errors.writeOwn(distances, target, experts: experts, into: own).useful
          if useful == 0 { continue }
          columnSlot[columns] = slot
          columnUseful[columns] = useful
          noteNearest(columns, place)
          columns += 1
        }
        if place > 0, columns > columnStart[place] { usefulPlaces |= 1 << UInt32(place) }
      }
    }
    columnStart[places] = columns
  }

  private mutating func reserveToken(_ k: Int) {
    ranks = k
    columns = 0
    weight.reserve(k + 1)
    row.reserve(k + 1)
    skip.reserve(k + 1)
    columnSlot.reserve(slots)
    columnRank.reserve(slots)
    columnUseful.reserve(slots)
    columnStart.reserve(places + 1)
    value.reserve((slots + 1) * max(1, k) + 1)
    nearest.fill(places * k, -1)
    nearestValue.fill(places * k, .infinity)
  }

  private mutating func loadRanks(_ problem: BatchProblem, _ routed: [RoutedExpert]) {
    for rank in 0..<ranks {
      let (own, expert) = (routed[rank].weight, routed[rank].expert)
      weight[rank] = own
      row[rank] = expert * experts
      skip[rank] = problem.allowSkip ? (own == 0 ? 0 : own * problem.distance.skipping[expert]) : .infinity
    }
    (weight[ranks], row[ranks], skip[ranks]) = (0, 0, 0)
  }

  @inline(__always) private func noteNearest(_ column: Int, _ place: Int) {
    columnUseful[column].forEachRank { rank in
      let error = value[column * ranks + rank]
      if error < nearestValue[place * ranks + rank] {
        nearestValue[place * ranks + rank] = error
        nearest[place * ranks + rank] = column
      }
    }
  }

  @inline(__always) func placeOf(column: Int) -> Int { slotPlace[columnSlot[column]] }
}
