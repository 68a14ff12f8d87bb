// The search for prices at which the dual value is large: subgradients with Polyak's step. Any prices give a bound.

extension BatchCore {
  /// Looks for prices of a large dual value in `scope` and leaves the best in place.
  /// - Parameters:
  ///   - target: energy of a known decision, what the value can be expected to come near; infinite for none.
  ///   - rounds: how many prices are tried.
  /// - Returns: the best value.
  mutating func tune(_ scope: Scope, target: Double, rounds: Int) -> Double {
    startPrices(scope)
    let value = findErrorPrice(scope)
    guard value < .infinity else { return .infinity }
    return climb(scope, from: value, target: target, rounds: rounds)
  }

  /// Raises the dual value from the present prices, at which it is `value`.
  mutating func climb(_ scope: Scope, from value: Double, target: Double, rounds: Int) -> Double {
    var best = value
    keep()
    var goal = target < .infinity ? target : best + max(abs(best) * 0.2, scaleEnergy(scope) * 0.02)
    var (step, idle) = (0.7, 0)
    let units = units(scope)
    for round in 0..<rounds {
      // Whoever is dearer than what is known needs no better proof.
      if target < .infinity, best > target * (1 + 1e-9) { break }
      if goal - best <= 1e-9 * max(abs(best), abs(goal)) { goal = best + max(abs(best), scaleEnergy(scope)) * 0.02 }
      var norm = loadSlope() + (slopeError * units.error) * (slopeError * units.error)
      if slopeError < 0 && priceError == 0 { norm = loadSlope() }
      if latencyLimit < .infinity, slopeTime > 0 || priceTime > 0 {
        norm += (slopeTime * units.time) * (slopeTime * units.time)
      }
      for place in 1..<max(1, places) where scope.set >> UInt32(place) & 1 == 1 {
        let unit = placeUnit(place)
        norm += (slopePlace[place] * unit) * (slopePlace[place] * unit)
      }
      if norm > 0 {
        let length = step * (goal - best) / norm
        moveLoadShares(length)
        priceError = max(0, priceError + length * slopeError * units.error * units.error)
        if latencyLimit < .infinity { priceTime = max(0, priceTime + length * slopeTime * units.time * units.time) }
        for place in 1..<max(1, places) where scope.set >> UInt32(place) & 1 == 1 {
          let unit = placeUnit(place)
          pricePlace[place] = max(0, pricePlace[place] + length * slopePlace[place] * unit * unit)
        }
      } else if !hasLoads && !hasTimes {
        break
      }
      moveTimeShares(round: round)
      capLoadShares()
      let now = evaluate(scope)
      if now > best * (1 + 1e-12) || (best <= 0 && now > best) {
        best = now
        keep()
        idle = 0
      } else {
        idle += 1
        if idle >= 6 {
          step *= 0.6
          idle = 0
          restore(scope)
        }
        if step < 0.004 { break }
      }
    }
    restore(scope)
    return best
  }

  mutating func reservePrices() {
    pricePlace.fill(places, 0)
    priceShare.fill(places, 0)
    priceSlot.reserve(slots)
    priceSet.reserve(1 << min(10, places))
    slopePlace.fill(places, 0)
    usage.fill(places, 0)
    countLow.fill(places, 0)
    countHigh.fill(places, 0)
    countBest.fill(places, 0)
    slotState.fill(slots, .free)
    orderKey.reserve(max(tokens, places))
    users.reserve(slots)
    pick.reserve(tokens)
    pickCost.reserve(tokens)
    if hasLoads { priceLoad.reserve(tokens * slots) }
    keptPlace.reserve(places)
    keptShare.reserve(places)
  }

  mutating func startPrices(_ scope: Scope) {
    priceError = 0
    priceTime = 0
    let width = tokens + 1
    for place in 1..<max(1, places) where scope.set >> UInt32(place) & 1 == 1 {
      let (low, high) = (countLow[place], countHigh[place])
      let rise = radioLow[place * width + high] - radioLow[place * width + low]
      pricePlace[place] = high > low ? rise / Double(high - low) : 0
    }
    for place in 0..<places { priceShare[place] = hasTimes ? 1 / Double(places) : 0 }
    guard hasLoads else { return }
    for token in 0..<tokens {
      for slot in 0..<slots { priceLoad[token * slots + slot] = loadJoules[slotPlace[slot]] / Double(tokens) }
    }
  }

  /// The order of magnitude of what a batch costs.
  func scaleEnergy(_ scope: Scope) -> Double {
    var sum = scope.set == 0 ? 0 : wakeEnergy
    for place in 0..<places where place == 0 || scope.set >> UInt32(place) & 1 == 1 {
      sum += radio[place * (tokens + 1) + tokens] + kappa[place] * Double(tokens) + loadJoules[place]
    }
    return sum
  }

  @inline(__always) private func placeUnit(_ place: Int) -> Double {
    radio[place * (tokens + 1) + tokens] / Double(tokens)
  }

  private func units(_ scope: Scope) -> (error: Double, time: Double) {
    let energy = max(scaleEnergy(scope), 1e-300)
    let count = Double(tokens)
    let error = priceError > 0 ? priceError : energy / max(count, slopeError.magnitude)
    let time = energy / max(timeLimit(scope).magnitude, slopeTime.magnitude, 1e-300)
    return (error, latencyLimit < .infinity ? time : 0)
  }

  /// The least λ at which the mean error fits, by steps of four and bisection; 0 when it fits for nothing.
  private mutating func findErrorPrice(_ scope: Scope) -> Double {
    var value = evaluate(scope)
    guard value < .infinity, slopeError > 0 else { return value }
    // A price at which error outweighs everything: if it does not fit then, it never does.
    let dearest = max(scaleEnergy(scope), 1e-300) * 1e9 / max(slopeError, 1e-300)
    var (low, high) = (0.0, max(scaleEnergy(scope), 1e-300) / max(slopeError, 1e-300))
    priceError = high
    value = evaluate(scope)
    while slopeError > 0, high < dearest {
      low = high
      high *= 4
      priceError = high
      value = evaluate(scope)
    }
    if slopeError > 0 { return leastError(scope) > errorLimit ? .infinity : value }
    for _ in 0..<10 {
      priceError = low > 0 ? (low * high).squareRoot() : high / 6
      let now = evaluate(scope)
      if slopeError > 0 { low = priceError } else { (high, value) = (priceError, now) }
      if slopeError == 0 { break }
    }
    priceError = high
    return evaluate(scope)
  }

  /// The least sum of errors in `scope`; infinite when some token has no plan there.
  private func leastError(_ scope: Scope) -> Double {
    var sum = 0.0
    for token in 0..<tokens {
      var least = Double.infinity
      for at in first(token)..<end(token) { least = min(least, planError[Int(listPlans[at])]) }
      sum += least
    }
    return sum
  }

  // MARK: The best prices so far

  private mutating func keep() {
    keptError = priceError
    keptTime = priceTime
    keptPlace.copy(pricePlace, count: places)
    keptShare.copy(priceShare, count: places)
    if hasLoads { keptLoad.copy(priceLoad, count: tokens * slots) }
  }

  private mutating func restore(_ scope: Scope) {
    priceError = keptError
    priceTime = keptTime
    pricePlace.copy(keptPlace, count: places)
    priceShare.copy(keptShare, count: places)
    if hasLoads { priceLoad.copy(keptLoad, count: tokens * slots) }
    _ = evaluate(scope)
  }
}
