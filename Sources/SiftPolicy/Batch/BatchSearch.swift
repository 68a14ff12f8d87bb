// From prices to a decision that keeps the limits, and from there to a better one: repair and local search.

/// Plans worth trying for each token, and moves among them.
struct BatchSearch {
  private let problem: BatchProblem
  private let tables: [BatchTable]
  /// `[token]`: plans that keep the token's own limit.
  private(set) var candidates: [[BatchPlan]]
  /// What breaking a limit by its own size costs, in joules.
  private var penalty: Double

  init(_ problem: BatchProblem, _ tables: [BatchTable], sets: [[UInt64]], prices: BatchPrices, isThorough: Bool) {
    self.problem = problem
    self.tables = tables
    self.penalty = 0
    var all: [[BatchPlan]] = []
    var scratch: [Int] = []
    let base = prices.error > 0 ? prices.error : Self.scale(prices)
    for token in tables.indices {
      var plans: Set<BatchPlan> = []
      scratch = Array(repeating: -1, count: tables[token].ranks)
      for set in sets[token] {
        for factor in [0, 0.1, 0.4, 0.8, 1.25, 2.5, 10, 1e6] {
          let cost = BatchPricing.plan(
            tables[token], token: token, set: set, prices: prices, errorPrice: base * factor, into: &scratch)
          if cost < .infinity { plans.insert(BatchPlan(scratch, in: tables[token])) }
        }
      }
      if isThorough { Self.enumerate(tables[token], into: &plans) }
      let kept = plans.filter { Tolerance.permits($0.error, limit: problem.errorMax) }
      // A fixed order, so that the same problem has the same answer: sets have none.
      all.append(
        (kept.isEmpty ? plans : kept).sorted {
          ($0.error, $0.places, $0.columns.description) < ($1.error, $1.places, $1.columns.description)
        })
    }
    candidates = all
    penalty = 100 * (Self.scale(prices) * Double(max(1, tables.count)) + problem.wakeEnergy)
  }

  /// Adds every plan in which each rank is skipped or served by its nearest expert of some place, where those are few,
  /// and drops what another plan dominates. Prices reach the convex ones only.
  private static func enumerate(_ table: BatchTable, into plans: inout Set<BatchPlan>) {
    var choices: [[Int]] = []
    var product = 1
    for rank in 0..<table.ranks {
      let near = (0..<table.placeCount).map { table.nearest[$0 * table.ranks + rank] }.filter { $0 >= 0 }
      choices.append((table.skip[rank] < .infinity ? [-1] : []) + near)
      product *= choices[rank].count
    }
    guard (1...700).contains(product) else { return }
    for number in 0..<product {
      var rest = number
      let columns = choices.map { own in
        defer { rest /= own.count }
        return own[rest % own.count]
      }
      plans.insert(BatchPlan(columns, in: table))
    }
    let all = Array(plans)
    plans = plans.filter { plan in
      !all.contains { $0 != plan && dominates($0, plan) && (!dominates(plan, $0) || precedes($0, plan)) }
    }
  }

  private static func precedes(_ a: BatchPlan, _ b: BatchPlan) -> Bool {
    a.columns.lexicographicallyPrecedes(b.columns)
  }

  /// Whether `a` executes nothing that `b` does not, and errs no more.
  private static func dominates(_ a: BatchPlan, _ b: BatchPlan) -> Bool {
    a.error <= b.error && a.executed.allSatisfy(b.executed.contains)
  }

  /// The order of magnitude of one token's energy.
  private static func scale(_ prices: BatchPrices) -> Double {
    let sum = prices.place.reduce(0, +) + prices.execution.reduce(0, +)
    return sum > 0 ? sum : 1
  }

  mutating func offer(_ plans: [BatchPlan]) {
    for (token, plan) in plans.enumerated()
    where Tolerance.permits(plan.error, limit: problem.errorMax) && !candidates[token].contains(plan) {
      candidates[token].append(plan)
    }
  }

  private func cost(_ state: BatchState) -> Double { state.energy + penalty * state.excess }

  /// A start within the remote places of `allowed`: every token its cheapest plan at marginal prices, the error price
  /// raised until the mean fits. Nil when some token has no plan there.
  func start(within allowed: UInt64, prices: BatchPrices) -> BatchState? {
    var usable: [[BatchPlan]] = []
    for token in candidates.indices {
      let own = candidates[token].filter { $0.places & ~allowed == 0 }
      if own.isEmpty { return nil }
      usable.append(own)
    }
    func choose(_ errorPrice: Double) -> ([BatchPlan], Double) {
      var sum = 0.0
      var plans: [BatchPlan] = []
      for token in usable.indices {
        var (best, least) = (usable[token][0], Double.infinity)
        for plan in usable[token] {
          let cost = priced(plan, token, prices) + errorPrice * plan.error
          if cost < least { (best, least) = (plan, cost) }
        }
        sum += best.error
        plans.append(best)
      }
      return (plans, sum)
    }
    let limit = problem.errorBudget * Double(candidates.count)
    var (low, high) = (0.0, prices.error > 0 ? prices.error : Self.scale(prices))
    var best = choose(0)
    if best.1 > limit {
      best = choose(high)
      var doublings = 0
      while best.1 > limit, doublings < 40 {
        (low, high) = (high, high * 4)
        best = choose(high)
        doublings += 1
      }
      for _ in 0..<14 {
        let middle = low > 0 ? (low * high).squareRoot() : high / 8
        let now = choose(middle)
        if now.1 <= limit { (high, best) = (middle, now) } else { low = middle }
      }
    }
    return BatchState(problem, tables, plans: best.0)
  }

  /// A start from nothing: every token its plan with the fewest executions, which the search then adds to.
  func emptyStart(within allowed: UInt64) -> BatchState? {
    var plans: [BatchPlan] = []
    for own in candidates {
      let usable = own.filter { $0.places & ~allowed == 0 }
      guard let least = usable.min(by: { ($0.executed.count, $0.error) < ($1.executed.count, $1.error) }) else {
        return nil
      }
      plans.append(least)
    }
    return BatchState(problem, tables, plans: plans)
  }

  private func priced(_ plan: BatchPlan, _ token: Int, _ prices: BatchPrices) -> Double {
    var sum = 0.0
    for column in plan.executed { sum += BatchPricing.execution(column, tables[token], prices, token) }
    var rest = plan.places
    while rest != 0 {
      sum += prices.place[rest.trailingZeroBitCount]
      rest &= rest - 1
    }
    return sum
  }

  /// How thoroughly `improve` looks.
  struct Effort {
    /// Whether two tokens are changed together.
    var pairs: Bool
    /// Whether single ranks are tried on every column, not only on plans that were priced.
    var ranks: Bool
    /// How often a good answer is shaken to find a better one.
    var kicks: Int
  }

  /// Improves `state` by small changes until nothing helps; then, `effort.kicks` times, closes or opens an expert for
  /// everybody and improves from there, keeping what is better. Seeded by itself: the same problem, the same answer.
  func improve(_ state: inout BatchState, effort: Effort) {
    descend(&state, effort)
    guard effort.kicks > 0 else { return }
    var best = cost(state)
    var random = SplitMix(state: 0x5EED)
    for _ in 0..<effort.kicks {
      var shaken = state
      kick(&shaken, &random)
      descend(&shaken, effort)
      let now = cost(shaken)
      if now < best * (1 - 1e-12) { (best, state) = (now, shaken) }
    }
  }

  private func descend(_ state: inout BatchState, _ effort: Effort) {
    var best = cost(state)
    for _ in 0..<30 {
      var isImproved = false
      for token in candidates.indices {
        if changeOne(token, &state, &best) { isImproved = true }
        if effort.ranks, changeRanks(token, &state, &best) { isImproved = true }
      }
      if !isImproved, effort.pairs { isImproved = changeTwo(&state, &best) }
      if !isImproved { return }
    }
  }

  /// Moves one rank of `token` at a time to any column or to a skip.
  private func changeRanks(_ token: Int, _ state: inout BatchState, _ best: inout Double) -> Bool {
    let table = tables[token]
    var isImproved = false
    for rank in 0..<table.ranks {
      var kept = state.plans[token]
      for column in -1..<table.columns.count where column != kept.columns[rank] {
        let value = column < 0 ? table.skip[rank] : table.value[column * table.ranks + rank]
        guard value < .infinity else { continue }
        var columns = kept.columns
        columns[rank] = column
        let plan = BatchPlan(columns, in: table)
        guard Tolerance.permits(plan.error, limit: max(problem.errorMax, kept.error)) else { continue }
        state.set(token, to: plan)
        let now = cost(state)
        if now < best * (1 - 1e-12) {
          (best, kept, isImproved) = (now, plan, true)
        }
      }
      if state.plans[token] != kept { state.set(token, to: kept) }
    }
    return isImproved
  }

  /// Closes an expert that is executed somewhere, opens one that is not, or gives some tokens other plans.
  private func kick(_ state: inout BatchState, _ random: inout SplitMix) {
    let token = random.index(tables.count)
    switch random.index(3) {
    case 0:
      let executed = state.plans[token].executed
      guard !executed.isEmpty else { return }
      let column = executed[random.index(executed.count)]
      let closed = tables[token].columns[column]
      move(&state) { table, rank, own in
        guard own >= 0, table.columns[own].place == closed.place, table.columns[own].target == closed.target else {
          return own
        }
        return nearest(table, rank, without: own)
      }
    case 1:
      guard !tables[token].columns.isEmpty else { return }
      let opened = tables[token].columns[random.index(tables[token].columns.count)]
      move(&state) { table, rank, own in
        guard
          let column = table.columns.firstIndex(where: { $0.place == opened.place && $0.target == opened.target })
        else { return own }
        return table.value[column * table.ranks + rank] < .infinity ? column : own
      }
    default:
      for _ in 0..<min(3, tables.count) {
        let other = random.index(tables.count)
        state.set(other, to: candidates[other][random.index(candidates[other].count)])
      }
    }
  }

  /// Rewrites every rank of every token; plans that break a token's own limit are left out.
  private func move(_ state: inout BatchState, _ rule: (BatchTable, Int, Int) -> Int) {
    for token in tables.indices {
      let old = state.plans[token]
      var columns = old.columns
      for rank in 0..<tables[token].ranks { columns[rank] = rule(tables[token], rank, columns[rank]) }
      guard columns != old.columns else { continue }
      let plan = BatchPlan(columns, in: tables[token])
      if plan.error < .infinity, Tolerance.permits(plan.error, limit: max(problem.errorMax, old.error)) {
        state.set(token, to: plan)
      }
    }
  }

  /// The column nearest to `rank` but for one; −1 where a skip is nearer.
  private func nearest(_ table: BatchTable, _ rank: Int, without closed: Int) -> Int {
    var (best, least) = (-1, table.skip[rank])
    for column in table.columns.indices where column != closed {
      let value = table.value[column * table.ranks + rank]
      if value < least { (best, least) = (column, value) }
    }
    return least < .infinity ? best : closed
  }

  private func changeOne(_ token: Int, _ state: inout BatchState, _ best: inout Double) -> Bool {
    let old = state.plans[token]
    var kept = old
    for plan in candidates[token] where plan != kept {
      state.set(token, to: plan)
      let now = cost(state)
      if now < best * (1 - 1e-12) { (best, kept) = (now, plan) }
    }
    if state.plans[token] != kept { state.set(token, to: kept) }
    return kept != old
  }

  /// One token saves energy and takes more error than there is room for, another gives the error back.
  private func changeTwo(_ state: inout BatchState, _ best: inout Double) -> Bool {
    let limit = problem.errorBudget * Double(candidates.count)
    for first in candidates.indices {
      let old = state.plans[first]
      for plan in candidates[first] where plan.error > old.error && plan != old {
        state.set(first, to: plan)
        let over = state.errorSum - limit
        for second in candidates.indices where second != first {
          let other = state.plans[second]
          for answer in candidates[second] where answer.error <= other.error - over && answer != other {
            state.set(second, to: answer)
            let now = cost(state)
            if now < best * (1 - 1e-12) {
              best = now
              return true
            }
            state.set(second, to: other)
          }
        }
        state.set(first, to: old)
      }
    }
    return false
  }
}

/// Steele, Lea and Flood's SplitMix64: enough to shake an answer with.
struct SplitMix {
  var state: UInt64
  mutating func index(_ count: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ z >> 31) % UInt64(max(1, count)))
  }
}
