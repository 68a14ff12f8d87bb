// A decision at work: its counts, kept up to date as tokens change their plans, and what it costs.

extension BatchCore {
  mutating func reserveState() {
    current.fill(tokens, 0)
    kept.reserve(tokens)
    best.reserve(tokens)
    served.fill(places, 0)
    executed.fill(places, 0)
    loaded.fill(places, 0)
    users.fill(slots, 0)
  }

  /// Makes `plans` the decision at work.
  mutating func start(_ plans: Flat<Int>) {
    for place in 0..<places {
      served[place] = 0
      executed[place] = 0
      loaded[place] = 0
    }
    for slot in 0..<slots { users[slot] = 0 }
    for token in 0..<tokens {
      current[token] = plans[token]
      add(plans[token])
    }
    sumErrors()
  }

  /// Added up anew: a running sum would keep a trace of every move, and a budget of 0 permits no trace.
  mutating func sumErrors() {
    var sum = 0.0
    for token in 0..<tokens { sum += planError[current[token]] }
    errorSum = sum
  }

  @inline(__always) mutating func add(_ plan: Int) {
    let first = Int(planFirst[plan])
    for at in first..<first + Int(planSize[plan]) {
      let slot = Int(planSlots[at])
      let place = slotPlace[slot]
      executed[place] += 1
      users[slot] += 1
      if users[slot] == 1 { loaded[place] += 1 }
    }
    var rest = planMask[plan]
    while rest != 0 {
      served[rest.trailingZeroBitCount] += 1
      rest &= rest - 1
    }
  }

  @inline(__always) mutating func remove(_ plan: Int) {
    let first = Int(planFirst[plan])
    for at in first..<first + Int(planSize[plan]) {
      let slot = Int(planSlots[at])
      let place = slotPlace[slot]
      executed[place] -= 1
      users[slot] -= 1
      if users[slot] == 0 { loaded[place] -= 1 }
    }
    var rest = planMask[plan]
    while rest != 0 {
      served[rest.trailingZeroBitCount] -= 1
      rest &= rest - 1
    }
  }

  mutating func change(_ token: Int, to plan: Int) {
    remove(current[token])
    current[token] = plan
    add(plan)
    sumErrors()
  }

  /// Joules and seconds of the counts.
  @inline(__always) func sums() -> (energy: Double, latency: Double) {
    let width = tokens + 1
    var energy = Double(executed[0]) * kappa[0] + Double(loaded[0]) * loadJoules[0]
    var slowest = Double(executed[0]) * seconds[0] + Double(loaded[0]) * loadSeconds[0]
    var time = 0.0
    var isRemote = false
    for place in 1..<max(1, places) where served[place] > 0 {
      isRemote = true
      let (runs, loads) = (Double(executed[place]), Double(loaded[place]))
      // One more than there are tokens while a place counts as visited by nobody (`tryWithout`).
      let count = min(served[place], tokens)
      energy += radio[place * width + count] + runs * kappa[place] + loads * loadJoules[place]
      time += air[place * width + count]
      slowest = max(slowest, runs * seconds[place] + loads * loadSeconds[place])
    }
    if isRemote {
      energy += wakeEnergy
      time += wakeTime
    }
    return (energy, time + slowest)
  }

  /// Joules of the counts, and a price for what breaks a limit, with `errors` the sum over tokens.
  @inline(__always) func cost(errors: Double) -> Double {
    let sums = sums()
    var cost = sums.energy
    let over = errors - errorLimit
    if over > errorLimit * 1e-12 { cost += penaltyError * over }
    let late = sums.latency - latencyLimit
    if late > latencyLimit * Tolerance.relative { cost += penaltyTime * late }
    return cost
  }

  /// Fills, for every set of places, the least joules and seconds of the counts with one token more that goes there,
  /// its executions left aside.
  mutating func fillFloors() {
    guard hasFloors else { return }
    let width = tokens + 1
    floorEnergy.reserve(1 << max(0, places - 1))
    floorTime.reserve(1 << max(0, places - 1))
    var (work, slowest, isRemote) = (0.0, 0.0, false)
    for place in 0..<places {
      guard place == 0 || served[place] > 0 else { continue }
      let (runs, loads) = (Double(executed[place]), Double(loaded[place]))
      work += runs * kappa[place] + loads * loadJoules[place]
      slowest = max(slowest, runs * seconds[place] + loads * loadSeconds[place])
      if place > 0 { isRemote = true }
    }
    floorEnergy[0] = work + (isRemote ? wakeEnergy : 0)
    floorTime[0] = slowest + (isRemote ? wakeTime : 0)
    // Bit n of an index is place n + 1. Each place doubles what is filled so far. All terms are added, none taken away.
    for place in 1..<max(1, places) {
      let half = 1 << (place - 1)
      let here = min(served[place], tokens)
      let more = min(served[place] + 1, tokens)
      let (joules, time) = (radio[place * width + more], air[place * width + more])
      let (joulesHere, timeHere) = here > 0 ? (radio[place * width + here], air[place * width + here]) : (0, 0)
      for set in 0..<half {
        let isFirst = set == 0 && !isRemote
        floorEnergy[set + half] = floorEnergy[set] + joules + (isFirst ? wakeEnergy : 0)
        floorTime[set + half] = floorTime[set] + time + (isFirst ? wakeTime : 0)
        floorEnergy[set] += joulesHere
        floorTime[set] += timeHere
      }
    }
  }

  /// The most places for which every set has a floor.
  static var flooredMax: Int { 10 }

  /// A lower bound on `cost` with `plan` added to the counts, whose floors are filled. Sums in another order may differ
  /// by their rounding; the bound leaves room for that.
  @inline(__always) func floor(_ plan: Int, errors: Double) -> Double {
    guard hasFloors else { return 0 }
    let set = Int(planMask[plan] >> 1)
    var cost = (floorEnergy[set] + planEnergy[plan]) * (1 - 1e-13)
    let over = errors - errorLimit
    if over > errorLimit * 1e-12 { cost += penaltyError * over * (1 - 1e-13) }
    let late = floorTime[set] * (1 - 1e-13) - latencyLimit
    if late > latencyLimit * Tolerance.relative { cost += penaltyTime * late }
    return cost
  }

  /// By how much the limits are broken, each as a share of itself; 0 when all are kept.
  func excess() -> Double {
    var sum = 0.0
    let mean = errorSum / Double(max(1, tokens))
    if !Tolerance.permits(mean, limit: errorBudget) { sum += (mean - errorBudget) / max(errorBudget, 1e-3) }
    for token in 0..<tokens where planError[current[token]] > limit[token] {
      sum += (planError[current[token]] - limit[token]) / max(limit[token], 1e-3)
    }
    let latency = sums().latency
    if !Tolerance.permits(latency, limit: latencyLimit) {
      sum += (latency - latencyLimit) / max(latencyLimit, 1e-300)
    }
    return sum
  }

  /// Keeps the decision at work if it is the best so far. Equal energies go to the smaller error.
  mutating func offer() {
    let excess = excess()
    let energy = sums().energy
    let isCheaper = energy < bestEnergy - Tolerance.relative * energy
    guard excess < bestExcess || (excess == bestExcess && isCheaper) else { return }
    bestExcess = excess
    bestEnergy = energy
    best.copy(current, count: tokens)
  }
}
