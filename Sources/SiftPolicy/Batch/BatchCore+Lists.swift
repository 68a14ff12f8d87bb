// Lists of the plans that are still in question: each is made of the one before.

extension BatchCore {
  @inline(__always) func first(_ token: Int) -> Int { listFirst[listDepth * tokens + token] }
  @inline(__always) func end(_ token: Int) -> Int { listEnd[listDepth * tokens + token] }

  /// Begins with all plans of `scope`, and with all that its places may serve.
  mutating func listAll(_ scope: Scope) {
    listDepth = 0
    listFirst.reserve(tokens)
    listEnd.reserve(tokens)
    listPlans.reserve(planCount)
    listCost.reserve(planCount)
    var count = 0
    for token in 0..<tokens {
      listFirst[token] = count
      for plan in tokenFirst[token]..<tokenFirst[token + 1] where planMask[plan] & ~scope.set == 0 {
        listPlans[count] = Int32(plan)
        count += 1
      }
      listEnd[token] = count
    }
    for place in 0..<places {
      countLow[place] = scope.isUsed ? 1 : 0
      countHigh[place] = max(countLow[place], countMax[place])
    }
    for slot in 0..<slots { slotState[slot] = .free }
  }

  /// Goes on with those plans of the present list that could belong to a decision better than `target`, given the dual
  /// value `bound` of the last evaluation: those that cost at most the difference more than their token's cheapest.
  mutating func list(bound: Double, target: Double) {
    let room = target < .infinity ? max(0, target - bound) * (1 + 1e-9) : .infinity
    let next = listDepth + 1
    listFirst.reserve((next + 1) * tokens)
    listEnd.reserve((next + 1) * tokens)
    var count = tokens > 0 ? end(tokens - 1) : 0
    listPlans.reserve(count + count - (tokens > 0 ? first(0) : 0))
    listCost.reserve(count + count - (tokens > 0 ? first(0) : 0))
    for token in 0..<tokens {
      listFirst[next * tokens + token] = count
      for at in first(token)..<end(token) {
        guard listCost[at] - pickCost[token] <= room + 1e-9 * abs(pickCost[token]) else { continue }
        listPlans[count] = listPlans[at]
        listCost[count] = listCost[at]
        count += 1
      }
      listEnd[next * tokens + token] = count
    }
    listDepth = next
  }

  /// Takes the plans that execute `slot` out of the present list.
  mutating func ban(slot: Int) {
    for token in 0..<tokens {
      var left = first(token)
      for at in first(token)..<end(token) where !executes(Int(listPlans[at]), Int32(slot)) {
        listPlans[left] = listPlans[at]
        left += 1
      }
      listEnd[listDepth * tokens + token] = left
    }
  }

  func executes(_ plan: Int, _ slot: Int32) -> Bool {
    let first = Int(planFirst[plan])
    for at in first..<first + Int(planSize[plan]) where planSlots[at] == slot { return true }
    return false
  }
}
