// The selector of many tokens in one layer (docs/theory, §6): a good decision with a proved bound.

/// Solves `BatchProblem` by Lagrangian duality, repair and local search.
///
/// Error, latency and the number of tokens at a place get prices; each token is then a problem of its own, solved
/// exactly for the bound. Two cases are bounded apart, because the wake price is paid once: nothing leaves the gateway,
/// or something does; the smaller bound holds. The decision starts from the plans at the best prices, within every
/// promising set of places, and is improved by changing one token's plan, or two together, until nothing helps.
///
/// - Complexity: about O(tokens · 2^N · K · N) a pricing, some hundred pricings.
public struct BatchSelector: Sendable {
  /// Rounds of the search for prices.
  public var rounds: Int
  /// Batches of at most this many tokens are searched with pairs of tokens as well.
  public var pairTokensMax: Int
  /// How many sets of places are searched from.
  public var startsMax: Int

  /// How often an answer of a small batch is shaken.
  public var kicks: Int

  public init(rounds: Int = 8, pairTokensMax: Int = 24, startsMax: Int = 6, kicks: Int = 60) {
    self.kicks = kicks
    self.rounds = rounds
    self.pairTokensMax = pairTokensMax
    self.startsMax = startsMax
  }

  /// - Precondition: the problem is well formed (`BatchProblem`).
  public func solve(_ problem: BatchProblem) -> BatchAnswer {
    let tables = problem.tokens.indices.map { BatchTable(problem, token: $0) }
    let sets = tables.map { $0.placeSets() }
    let isEverySet = tables.allSatisfy { $0.usefulPlaces.nonzeroBitCount <= 6 }
    var lowerBound = Double.infinity
    var best: BatchState?
    for isRemote in [false, true] {
      var dual = BatchDual(problem, tables, sets: sets, isEverySet: isEverySet, isRemote: isRemote)
      dual.tune(rounds: rounds)
      let bound = max(0, dual.bound() * (1 - 1e-9))
      lowerBound = min(lowerBound, bound)
      guard bound < .infinity, best.map({ $0.excess > 0 || bound < $0.energy }) ?? true else { continue }
      let found = search(problem, tables, isRemote ? sets : sets.map { _ in [0] }, dual)
      if let found, best.map({ isBetter(found, than: $0) }) ?? true { best = found }
    }
    return answer(problem, tables, best, lowerBound)
  }

  /// The least mean error that the latency limit permits, found by bisection of the budget; nil when no decision keeps
  /// the latency and every token's own limit. Unlike `solve`'s bound this is found, not proved.
  public func leastError(_ problem: BatchProblem) -> Double? {
    var relaxed = problem
    relaxed.errorBudget = .infinity
    let cheapest = solve(relaxed)
    guard cheapest.feasible else { return nil }
    var (low, high) = (0.0, cheapest.errorMean)
    relaxed.errorBudget = 0
    if solve(relaxed).feasible { return 0 }
    for _ in 0..<24 where high - low > 1e-9 * high {
      relaxed.errorBudget = (low + high) / 2
      let answer = solve(relaxed)
      if answer.feasible { high = min(high, answer.errorMean) } else { low = relaxed.errorBudget }
    }
    return high
  }

  private func isBetter(_ a: BatchState, than b: BatchState) -> Bool {
    a.excess == b.excess ? a.energy < b.energy : a.excess < b.excess
  }

  private func search(_ problem: BatchProblem, _ tables: [BatchTable], _ sets: [[UInt64]], _ dual: BatchDual)
    -> BatchState?
  {
    var search = BatchSearch(
      problem, tables, sets: sets, prices: dual.prices, isThorough: tables.count <= pairTokensMax)
    search.offer(dual.currentPlans())
    let useful = tables.reduce(UInt64(0)) { $0 | $1.usefulPlaces }
    var starts: [BatchState] = []
    for set in dual.isRemote ? Self.subsets(of: useful) : [0] {
      if let state = search.start(within: set, prices: dual.prices) { starts.append(state) }
    }
    starts.append(BatchState(problem, tables, plans: dual.currentPlans()))
    starts.sort { isBetter($0, than: $1) }
    starts = Array(starts.prefix(startsMax))
    if tables.count <= pairTokensMax, let empty = search.emptyStart(within: dual.isRemote ? useful : 0) {
      starts.append(empty)
    }
    var best: BatchState?
    for start in starts {
      var state = start
      search.improve(&state, effort: effort(tables))
      if best.map({ isBetter(state, than: $0) }) ?? true { best = state }
    }
    return best
  }

  /// Small batches are searched thoroughly; large ones within a time that fits a step.
  private func effort(_ tables: [BatchTable]) -> BatchSearch.Effort {
    let isSmall = tables.count <= pairTokensMax
    let moves = tables.reduce(0) { $0 + $1.ranks * ($1.columns.count + 1) }
    return .init(pairs: isSmall, ranks: moves <= 8_000, kicks: isSmall ? kicks : 0)
  }

  /// Every subset, of at most six places; the whole, the single ones and their complements of more.
  static func subsets(of places: UInt64) -> [UInt64] {
    let members = (0..<64).filter { places >> UInt64($0) & 1 == 1 }.map { UInt64(1) << UInt64($0) }
    guard members.count > 6 else {
      return (0..<(1 << members.count)).map { bits in
        members.enumerated().reduce(0) { $0 | (bits >> $1.offset & 1 == 1 ? $1.element : 0) }
      }
    }
    return [places] + members + members.map { places & ~$0 }
  }

  private func answer(_ problem: BatchProblem, _ tables: [BatchTable], _ state: BatchState?, _ bound: Double)
    -> BatchAnswer
  {
    guard let state else {
      return BatchAnswer(
        feasible: false, energy: 0, lowerBound: bound, errorMean: .infinity, errorWorst: .infinity, latency: 0,
        choices: problem.tokens.map { $0.map { _ in .skip } }, violates: [.error, .latency])
    }
    var violates: BrokenLimits = []
    if !Tolerance.permits(state.errorMean, limit: problem.errorBudget)
      || !Tolerance.permits(state.errorWorst, limit: problem.errorMax)
    {
      violates.insert(.error)
    }
    if !Tolerance.permits(state.latency, limit: problem.latencyLimit) { violates.insert(.latency) }
    let choices = tables.indices.map { token in
      state.plans[token].columns.map { column in
        column < 0
          ? TokenChoice.skip
          : TokenChoice(target: tables[token].columns[column].target, place: tables[token].columns[column].place)
      }
    }
    return BatchAnswer(
      feasible: violates.isEmpty, energy: state.energy, lowerBound: bound,
      errorMean: state.errorMean, errorWorst: state.errorWorst, latency: state.latency, choices: choices,
      violates: violates)
  }
}
