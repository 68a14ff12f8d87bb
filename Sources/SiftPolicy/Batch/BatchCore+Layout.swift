// Lays a problem out flat: places in an order of their own, without those that others make useless.

extension BatchCore {
  /// - Precondition: the problem is well formed (`BatchProblem.isWellFormed`).
  mutating func lay(_ problem: BatchProblem) {
    tokens = problem.tokens.count
    experts = problem.distance.experts
    ranksMax = problem.tokens.reduce(1) { max($0, $1.count) }
    errorBudget = problem.errorBudget
    latencyLimit = problem.latencyLimit
    wakeEnergy = problem.wakeEnergy
    wakeTime = problem.wakeTime
    limit.reserve(tokens)
    for token in 0..<tokens { limit[token] = Tolerance.ceiling(problem.errorLimit(token)) }
    sortPlaces(problem)
    layPlaces(problem)
    removeUseless()
    hasLoads = false
    hasTimes = false
    for place in 0..<places where !isRemoved[place] {
      if loadJoules[place] > 0 || loadSeconds[place] > 0 { hasLoads = true }
      if latencyLimit < .infinity, seconds[place] > 0 || loadSeconds[place] > 0 { hasTimes = true }
    }
  }

  private mutating func sortPlaces(_ problem: BatchProblem) {
    places = problem.places.count
    origin.reserve(places)
    for place in 0..<places { origin[place] = place }
    // By insertion: there are at most sixteen.
    for place in 2..<max(2, places) {
      var at = place
      while at > 1, Self.precedes(problem.places[origin[at]], problem.places[origin[at - 1]]) {
        (origin[at], origin[at - 1]) = (origin[at - 1], origin[at])
        at -= 1
      }
    }
  }

  /// An order of places by what they are. Places that are alike in everything but the order of their experts are equal.
  private static func precedes(_ a: BatchPlace, _ b: BatchPlace) -> Bool {
    for m in a.radioEnergy.indices where a.radioEnergy[m] != b.radioEnergy[m] {
      return a.radioEnergy[m] < b.radioEnergy[m]
    }
    for m in a.airtime.indices where a.airtime[m] != b.airtime[m] { return a.airtime[m] < b.airtime[m] }
    if a.computeEnergy != b.computeEnergy { return a.computeEnergy < b.computeEnergy }
    if a.computeTime != b.computeTime { return a.computeTime < b.computeTime }
    if a.loadEnergy != b.loadEnergy { return a.loadEnergy < b.loadEnergy }
    if a.loadTime != b.loadTime { return a.loadTime < b.loadTime }
    if a.experts.count != b.experts.count { return a.experts.count < b.experts.count }
    // The first expert, by number, that one of the two lacks.
    var least = Int.max
    var isOfA = false
    for expert in a.experts where expert < least && !b.experts.contains(expert) { (least, isOfA) = (expert, true) }
    for expert in b.experts where expert < least && !a.experts.contains(expert) { (least, isOfA) = (expert, false) }
    return isOfA
  }

  private mutating func layPlaces(_ problem: BatchProblem) {
    let width = tokens + 1
    radio.reserve(places * width)
    air.reserve(places * width)
    radioLow.reserve(places * width)
    airLow.reserve(places * width)
    kappa.reserve(places)
    seconds.reserve(places)
    loadJoules.reserve(places)
    loadSeconds.reserve(places)
    isRemoved.fill(places, false)
    slotStart.reserve(places + 1)
    slotOf.fill(places * experts, -1)
    slots = 0
    isMonotone = true
    for place in 0..<places {
      let own = problem.places[origin[place]]
      kappa[place] = own.computeEnergy
      seconds[place] = own.computeTime
      loadJoules[place] = own.loadEnergy
      loadSeconds[place] = own.loadTime
      for m in 0..<width {
        radio[place * width + m] = place == 0 ? 0 : own.radioEnergy[m]
        air[place * width + m] = place == 0 ? 0 : own.airtime[m]
      }
      var (joules, time) = (Double.infinity, Double.infinity)
      for m in (0..<width).reversed() {
        joules = min(joules, radio[place * width + m])
        time = min(time, air[place * width + m])
        if joules < radio[place * width + m] || time < air[place * width + m] { isMonotone = false }
        radioLow[place * width + m] = joules
        airLow[place * width + m] = time
      }
      slotStart[place] = slots
      for expert in own.experts { slotOf[place * experts + expert] = 0 }
      slotPlace.reserve(slots + own.experts.count)
      slotExpert.reserve(slots + own.experts.count)
      for expert in 0..<experts where slotOf[place * experts + expert] == 0 {
        slotOf[place * experts + expert] = slots
        slotPlace[slots] = place
        slotExpert[slots] = expert
        slots += 1
      }
    }
    slotStart[places] = slots
  }

  /// Removes each remote place all of whose work another could do at no more cost and in no more time.
  private mutating func removeUseless() {
    for place in (1..<max(1, places)).reversed() {
      for other in 0..<places where other != place && !isRemoved[other] {
        guard replaces(other, place) else { continue }
        isRemoved[place] = true
        break
      }
    }
  }

  /// Whether `other` can take over whatever `place` does, whatever it does already.
  private func replaces(_ other: Int, _ place: Int) -> Bool {
    guard kappa[other] <= kappa[place], loadJoules[other] <= loadJoules[place] else { return false }
    for slot in slotStart[place]..<slotStart[place + 1] {
      if slotOf[other * experts + slotExpert[slot]] < 0 { return false }
    }
    let isTimed = latencyLimit < .infinity
    if isTimed, seconds[other] > 0 || loadSeconds[other] > 0 { return false }
    guard other > 0 else { return true }
    guard isMonotone, tokens <= 256 else { return false }
    let width = tokens + 1
    for own in 0...tokens {
      for more in 1..<max(1, width - own) {
        let both = own + more
        if radio[other * width + both] > radio[other * width + own] + radio[place * width + more] { return false }
        if isTimed, air[other * width + both] > air[other * width + own] + air[place * width + more] { return false }
      }
    }
    return true
  }
}
