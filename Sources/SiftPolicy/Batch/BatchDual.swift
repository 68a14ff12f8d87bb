// The dual problem: prices for error, airtime and places under which every token decides for itself (docs/theory, §6).

/// Searches good multipliers with quick plans, and proves a bound with exact ones. Any prices give a bound; the search
/// only makes it tight.
struct BatchDual {
  private let problem: BatchProblem
  private let tables: [BatchTable]
  private let sets: [[UInt64]]
  private let isEverySet: Bool
  /// Whether remote places may be used; the wake price is then paid beforehand.
  let isRemote: Bool
  private(set) var prices: BatchPrices
  /// The plans at the end of the search, which keep the mean error where any prices do.
  private(set) var plans: [[Int]]
  private var costs: [Double]
  /// `[token]`: λ with the token's own limit priced in.
  private var errorPrices: [Double]
  private var errorSum = 0.0
  /// `[place]`: share of the airtime price that falls on its computing.
  private var computeShare: [Double]

  init(_ problem: BatchProblem, _ tables: [BatchTable], sets: [[UInt64]], isEverySet: Bool, isRemote: Bool) {
    self.problem = problem
    self.tables = tables
    self.sets = isRemote ? sets : sets.map { _ in [0] }
    self.isEverySet = isRemote ? isEverySet : true
    self.isRemote = isRemote
    let places = problem.places.count
    prices = BatchPrices(
      error: 0, airtime: 0, place: Array(repeating: 0, count: places),
      execution: problem.places.map(\.computeEnergy), load: [])
    plans = tables.map { Array(repeating: -1, count: $0.ranks) }
    costs = Array(repeating: 0, count: tables.count)
    errorPrices = Array(repeating: 0, count: tables.count)
    computeShare = Array(repeating: 0, count: places)
    if problem.places.contains(where: { $0.loadEnergy > 0 || $0.loadTime > 0 }) {
      prices.load = tables.map { Array(repeating: 0, count: $0.columns.count) }
    }
  }

  private var timeLimit: Double { problem.latencyLimit - (isRemote ? problem.wakeTime : 0) }
  private var errorLimit: Double { problem.errorBudget * Double(tables.count) }

  /// Searches prices: places by their envelope, λ by bisection, μ by doubling and halving while the latency is missed.
  mutating func tune(rounds: Int) {
    var usage = problem.places.map { _ in Double(tables.count) / 2 }
    var (low, high) = (0.0, Double.infinity)
    for round in 0..<rounds {
      setPlacePrices(usage)
      setLoadShares()
      findErrorPrice()
      let state = BatchState(problem, tables, plans: currentPlans())
      for place in usage.indices { usage[place] += (Double(state.served[place]) - usage[place]) / Double(round + 1) }
      guard problem.latencyLimit < .infinity else { continue }
      let isLate = !Tolerance.permits(state.latency, limit: problem.latencyLimit)
      if isLate { low = prices.airtime } else { high = prices.airtime }
      shareComputing(state, round: round)
      if high == .infinity {
        prices.airtime = prices.airtime > 0 ? prices.airtime * 4 : startAirtimePrice(state)
      } else if high > 0 {
        prices.airtime = low > 0 ? (low * high).squareRoot() : high / 4
      }
      setExecutionPrices()
    }
    setPlacePrices(usage)
    capLoadShares()
    findErrorPrice()
  }

  private func startAirtimePrice(_ state: BatchState) -> Double {
    max(state.energy, 1e-12) / max(state.latency, 1e-12) / 4
  }

  private mutating func shareComputing(_ state: BatchState, round: Int) {
    var (slowest, seconds) = (0, -1.0)
    for (at, place) in problem.places.enumerated() {
      let own = Double(state.executed[at]) * place.computeTime + Double(state.loaded[at]) * place.loadTime
      if own > seconds { (slowest, seconds) = (at, own) }
    }
    for at in computeShare.indices {
      computeShare[at] += ((at == slowest ? 1 : 0) - computeShare[at]) / Double(round + 1)
    }
  }

  private mutating func setExecutionPrices() {
    for (at, place) in problem.places.enumerated() {
      prices.execution[at] = place.computeEnergy + prices.airtime * computeShare[at] * place.computeTime
    }
  }

  private func placeTable(_ place: Int) -> [Double] {
    let own = problem.places[place]
    return (0...tables.count).map { own.radioEnergy[$0] + prices.airtime * own.airtime[$0] }
  }

  private mutating func setPlacePrices(_ usage: [Double]) {
    guard isRemote else { return }
    for place in problem.places.indices.dropFirst() {
      prices.place[place] = max(0, ConvexTable(placeTable(place)).slope(at: usage[place]))
    }
  }

  /// Divides the price of each load among the tokens that execute the expert now.
  private mutating func setLoadShares() {
    guard !prices.load.isEmpty else { return }
    let experts = problem.distance.experts
    var uses = Array(repeating: 0.0, count: problem.places.count * experts)
    for token in tables.indices {
      for column in Set(plans[token]) where column >= 0 {
        let own = tables[token].columns[column]
        uses[own.place * experts + own.target] += 1
      }
    }
    for token in tables.indices {
      let used = Set(plans[token])
      for column in tables[token].columns.indices {
        let own = tables[token].columns[column]
        let place = problem.places[own.place]
        let cost = place.loadEnergy + prices.airtime * computeShare[own.place] * place.loadTime
        let count = uses[own.place * experts + own.target]
        let share = count == 0 ? cost / Double(tables.count) : used.contains(column) ? cost / count : 0
        // Half of the way: the tokens would otherwise chase one another's loads.
        prices.load[token][column] = (prices.load[token][column] + share) / 2
      }
    }
    capLoadShares()
  }

  /// Scales shares down where they add up to more than the load costs at the present prices: without this the bound
  /// would be none.
  private mutating func capLoadShares() {
    guard !prices.load.isEmpty else { return }
    let experts = problem.distance.experts
    var sums = Array(repeating: 0.0, count: problem.places.count * experts)
    for token in tables.indices {
      for (at, column) in tables[token].columns.enumerated() {
        sums[column.place * experts + column.target] += prices.load[token][at]
      }
    }
    for token in tables.indices {
      for (at, column) in tables[token].columns.enumerated() {
        let place = problem.places[column.place]
        let cost = place.loadEnergy + prices.airtime * computeShare[column.place] * place.loadTime
        let sum = sums[column.place * experts + column.target]
        if sum > cost { prices.load[token][at] *= cost / sum }
      }
    }
  }

  /// The least λ at which the mean error fits, by doubling and bisection; 0 when it fits for nothing.
  private mutating func findErrorPrice() {
    evaluate(errorPrice: 0)
    if errorSum <= errorLimit { return }
    var high = prices.error > 0 ? prices.error : startErrorPrice()
    var low = 0.0
    evaluate(errorPrice: high)
    var doublings = 0
    while errorSum > errorLimit * (1 + Tolerance.relative), doublings < 60 {
      low = high
      high *= 4
      doublings += 1
      evaluate(errorPrice: high)
    }
    for _ in 0..<12 {
      let middle = low > 0 ? (low * high).squareRoot() : high / 8
      evaluate(errorPrice: middle)
      if errorSum <= errorLimit * (1 + Tolerance.relative) { high = middle } else { low = middle }
    }
    evaluate(errorPrice: high)
  }

  private func startErrorPrice() -> Double {
    var dearest = prices.place.reduce(0, +) + prices.execution.reduce(0, +)
    if dearest <= 0 { dearest = 1 }
    return dearest / max(errorSum / Double(max(1, tables.count)), 1e-9)
  }

  /// Every token's quick plan at λ. A token over its own limit pays more until it fits.
  private mutating func evaluate(errorPrice: Double) {
    prices.error = errorPrice
    errorSum = 0
    var scratch: [Int] = []
    for token in tables.indices {
      scratch = plans[token]
      var price = errorPrice
      var error = cheapest(token, price, &scratch)
      var raised = 0
      while !Tolerance.permits(error, limit: problem.errorMax), raised < 40 {
        price = price > 0 ? price * 3 : startErrorPrice() * 1e-3
        raised += 1
        error = cheapest(token, price, &scratch)
      }
      errorPrices[token] = price
      errorSum += error
    }
  }

  /// - Returns: the error of the cheapest plan, which is left in `plans[token]`.
  private mutating func cheapest(_ token: Int, _ errorPrice: Double, _ scratch: inout [Int]) -> Double {
    let table = tables[token]
    var least = Double.infinity
    for set in sets[token] {
      let cost = BatchPricing.plan(
        table, token: token, set: set, prices: prices, errorPrice: errorPrice, into: &scratch)
      if cost < least {
        least = cost
        for rank in 0..<table.ranks { plans[token][rank] = scratch[rank] }
      }
    }
    costs[token] = least
    var error = 0.0
    for rank in 0..<table.ranks {
      let column = plans[token][rank]
      error += column < 0 ? table.skip[rank] : table.value[column * table.ranks + rank]
    }
    return error
  }

  func currentPlans() -> [BatchPlan] { tables.indices.map { BatchPlan(plans[$0], in: tables[$0]) } }

  /// The dual value at the present prices: proved, whatever the prices. −∞ never; may be below 0.
  func bound() -> Double {
    var sum = isRemote ? problem.wakeEnergy : 0
    if isRemote {
      for place in problem.places.indices.dropFirst() {
        let table = placeTable(place)
        var least = 0.0
        for (m, cost) in table.enumerated() { least = min(least, cost - prices.place[place] * Double(m)) }
        sum += least
      }
    }
    for token in tables.indices {
      let price = errorPrices[token]
      var exact = BatchBound(tables[token], token: token, prices: prices, errorPrice: price)
      let value = exact.value(sets: sets[token], isEverySet: isEverySet, cheap: costs[token])
      sum += value
      if price > prices.error { sum -= (price - prices.error) * problem.errorMax }
    }
    if prices.error > 0 { sum -= prices.error * errorLimit }
    if prices.airtime > 0 { sum -= prices.airtime * timeLimit }
    return sum
  }
}
