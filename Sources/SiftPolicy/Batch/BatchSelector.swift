// The selector of many tokens in one layer (docs/theory, §6): a good decision with a proved bound.

import SiftCore

/// What deciding batches needs in memory. Keeps nothing from one decision to the next but the memory itself.
///
/// Not thread-safe: one a thread.
public final class BatchWorkspace {
  fileprivate var core = BatchCore()
  public init() {}
  deinit { core.free() }
}

/// Solves `BatchProblem` by Lagrangian duality and local search.
///
/// Error, latency, loads and the number of tokens at a place get prices; each token is then a problem of its own. What all
/// pay together is a lower bound on the energy whatever the prices. The decision starts from the plans at the best prices
/// and is repaired and improved. The answer is a function of the problem alone.
public struct BatchSelector: Sendable {
  public enum Effort: Sendable, Hashable {
    /// Fits a decode step: 64 tokens in some milliseconds. Allocates nothing in a workspace that has seen such a size.
    case step
    /// Every set of used places apart, larger changes, and a proof where one is in reach.
    case thorough
  }
  public var effort: Effort
  /// The most sets of columns of a token that are enumerated, in place of what the effort has: 0 for none.
  package var enumerationMax: Int?
  /// Whether plans are tried even where a lower bound says that they are no better: the slow twin of what is released.
  package var triesEveryPlan = false
  /// About how many plans are tried, in place of what the effort has.
  private var workMax: Int?

  public init(effort: Effort = .thorough) { self.effort = effort }

  /// `solve(_:into:using:)` with memory of its own.
  public func solve(_ problem: BatchProblem) -> BatchAnswer {
    var answer = BatchAnswer()
    solve(problem, into: &answer, using: BatchWorkspace())
    return answer
  }

  /// Decides `problem` and overwrites `answer`. What was decided before with the same workspace plays no part.
  ///
  /// A problem that is not well formed (`BatchProblem.isWellFormed`) is answered as one without a solution.
  public func solve(_ problem: BatchProblem, into answer: inout BatchAnswer, using workspace: BatchWorkspace) {
    guard problem.isWellFormed else {
      answer = BatchAnswer()
      answer.choices = problem.tokens.map { $0.map { _ in .skip } }
      answer.lowerBound = .infinity
      answer.violates = [.error, .latency]
      return
    }
    workspace.core.hasFloors = !triesEveryPlan && problem.places.count <= BatchCore.flooredMax
    workspace.core.solve(problem, effort, enumerating: enumerationMax, work: workMax)
    workspace.core.write(problem, &answer)
  }

  /// The least mean error that the latency limit permits, found by bisection of the budget; nil when no decision keeps
  /// the latency and every token's own limit. Unlike `solve`'s bound this is found, not proved.
  public func leastError(_ problem: BatchProblem) -> Double? {
    let workspace = BatchWorkspace()
    var answer = BatchAnswer()
    var relaxed = problem
    relaxed.errorBudget = .infinity
    solve(relaxed, into: &answer, using: workspace)
    // Many budgets are tried, most of them without a solution, and that is what takes long to prove.
    var quick = self
    quick.workMax = 1_000_000
    guard answer.feasible else { return nil }
    var (low, high) = (0.0, answer.errorMean)
    relaxed.errorBudget = 0
    quick.solve(relaxed, into: &answer, using: workspace)
    if answer.feasible { return 0 }
    for _ in 0..<24 where high - low > 1e-9 * high {
      relaxed.errorBudget = (low + high) / 2
      quick.solve(relaxed, into: &answer, using: workspace)
      if answer.feasible { high = min(high, answer.errorMean) } else { low = relaxed.errorBudget }
    }
    return high
  }
}

extension BatchCore {
  mutating func solve(_ problem: BatchProblem, _ effort: BatchSelector.Effort, enumerating most: Int?, work: Int?) {
    lay(problem)
    guard tokens > 0 else {
      reserveState()
      (bestEnergy, bestExcess, bound) = (0, 0, 0)
      return
    }
    let usual = effort == .thorough ? (tokens <= 24 ? 20_000 : 3_000) : 48_000 / max(8, tokens)
    makePlans(problem, enumerating: most ?? usual)
    reserveState()
    reservePrices()
    random = SplitMix(seed: 0x5EED)
    bannedSlot = -1
    bannedPlaces = 0
    bestEnergy = .infinity
    bestExcess = .infinity
    switch effort {
    case .step:
      decideQuickly(problem)
      guard bestExcess > 0, bound < .infinity, most == nil else { return }
      // Nothing found and nothing proved: all plans, and some more time.
      makePlans(problem, enumerating: 72_000 / max(24, tokens))
      reserveState()
      bestExcess = .infinity
      decideThoroughly(problem, work: 400_000)
    case .thorough: decideThoroughly(problem, work: work ?? 60_000_000)
    }
  }

  private mutating func decideQuickly(_ problem: BatchProblem) {
    let isFew = isEverySet
    let scopes = isFew ? setCount : 2
    setBound.reserve(scopes)
    setOrder.reserve(scopes)
    work = Self.quickWork
    // From all places to none: prices that fit one set are a good start for the next.
    var isStarted = false
    for at in (0..<scopes).reversed() {
      let scope = scopeAt(at, isFew)
      listAll(scope)
      let value = isStarted ? retune(scope, rounds: 8) : tune(scope, target: .infinity, rounds: 16)
      if value < .infinity { isStarted = true }
      setBound[at] = provedValue(problem, scope, isExact: false)
      guard value < .infinity, bestExcess > 0 || value < bestEnergy, work > 0 else { continue }
      keptPick.copy(pick, count: tokens)
      search(from: keptPick, scope, Reach(pairs: false, kicks: 0))
    }
    sortSets(scopes)
    for at in 0..<scopes where work > 0 {
      let set = setOrder[at]
      guard setBound[set] < .infinity, bestExcess > 0 || setBound[set] < bestEnergy * (1 - 1e-9) else { continue }
      let scope = scopeAt(set, isFew)
      setBound[set] = max(setBound[set], refine(problem, scope, isLast: at + 1 == scopes))
    }
    bound = .infinity
    for at in 0..<scopes { bound = min(bound, setBound[at]) }
    finishBound()
  }

  /// Plans that a quick decision may try.
  static let quickWork = 50_000

  /// Prices for `scope` that start from those of the scope before.
  private mutating func retune(_ scope: Scope, rounds: Int) -> Double {
    let error = priceError
    startPrices(scope)
    priceError = error
    let value = evaluate(scope)
    guard value < .infinity else { return .infinity }
    return climb(scope, from: value, target: bestExcess == 0 ? bestEnergy : .infinity, rounds: rounds)
  }

  /// A closer look at one scope within what is left of the work. - Returns: a proved bound of it.
  private mutating func refine(_ problem: BatchProblem, _ scope: Scope, isLast: Bool) -> Double {
    listAll(scope)
    let target = bestExcess == 0 ? bestEnergy : .infinity
    let value = tune(scope, target: target, rounds: 24)
    guard value < .infinity else { return .infinity }
    let proved = provedValue(problem, scope, isExact: false)
    if bestExcess == 0, value > bestEnergy { return proved }
    keptPick.copy(pick, count: tokens)
    list(bound: isComplete ? value : proved, target: target)
    search(from: keptPick, scope, Reach(pairs: tokens <= 16, kicks: 4))
    if bestExcess < .infinity, bestIn(scope) {
      setPenalties(scope, factor: 1)
      probe(scope, swaps: false)
    }
    listDepth -= 1
    guard isComplete, isMonotone, isServable, bestExcess > 0 || value < bestEnergy else { return proved }
    list(bound: value, target: bestExcess == 0 ? bestEnergy : .infinity)
    defer { listDepth -= 1 }
    return exhaust(bound: value, steps: 4_000) ? (bestExcess == 0 ? bestEnergy : .infinity) : proved
  }

  private mutating func decideThoroughly(_ problem: BatchProblem, work most: Int) {
    let isFew = isEverySet
    let scopes = isFew ? setCount : 2
    setBound.reserve(scopes)
    setOrder.reserve(scopes)
    work = most
    for at in 0..<scopes {
      let scope = scopeAt(at, isFew)
      listAll(scope)
      let value = tune(scope, target: .infinity, rounds: 20)
      setBound[at] = isComplete ? value : provedValue(problem, scope, isExact: false)
      setOrder[at] = at
      guard value < .infinity, bestExcess > 0 || value < bestEnergy else { continue }
      keptPick.copy(pick, count: tokens)
      search(from: keptPick, scope, Reach(pairs: false, kicks: 0))
    }
    sortSets(scopes)
    branchSteps = 3_000
    for at in 0..<scopes {
      let set = setOrder[at]
      guard setBound[set] < .infinity else { continue }
      if bestExcess == 0, setBound[set] > bestEnergy { continue }
      setBound[set] = decide(problem, scopeAt(set, isFew), known: isComplete ? setBound[set] : 0)
    }
    bound = .infinity
    for at in 0..<scopes { bound = min(bound, setBound[at]) }
    finishBound()
  }

  /// Searches one scope thoroughly. - Returns: a proved bound of it.
  private mutating func decide(_ problem: BatchProblem, _ scope: Scope, known: Double) -> Double {
    listAll(scope)
    let value = tune(scope, target: bestExcess == 0 ? bestEnergy : .infinity, rounds: 150)
    let proved = isComplete ? value : provedValue(problem, scope, isExact: true)
    if value == .infinity || (bestExcess == 0 && proved > bestEnergy) { return max(known, proved) }
    keptPick.copy(pick, count: tokens)
    if isComplete { list(bound: value, target: bestExcess == 0 ? bestEnergy : .infinity) }
    search(from: keptPick, scope, Reach(pairs: tokens <= 24, kicks: tokens <= 24 ? 60 : 20))
    if bestExcess < .infinity, bestIn(scope) {
      setPenalties(scope, factor: 1)
      probe(scope, swaps: tokens <= 24)
    }
    if isComplete { listDepth -= 1 }
    guard isComplete, isMonotone, isServable else { return max(known, proved) }
    return max(known, branch(problem, scope, value: value, depth: 0))
  }

  /// Whether the best decision goes nowhere but to places of `scope`.
  private func bestIn(_ scope: Scope) -> Bool {
    for token in 0..<tokens where planMask[best[token]] & ~scope.set != 0 { return false }
    return true
  }

  private func scopeAt(_ at: Int, _ isFew: Bool) -> Scope {
    isFew ? Scope(set: sets[at], isUsed: true) : Scope(set: at == 0 ? 0 : usefulPlaces, isUsed: false)
  }

  private mutating func sortSets(_ count: Int) {
    order.reserve(count)
    orderKey.reserve(count)
    for at in 0..<count {
      order[at] = at
      orderKey[at] = setBound[at]
    }
    sortOrder(count)
    for at in 0..<count { setOrder[at] = order[at] }
  }

  private mutating func finishBound() {
    bound = max(0, bound * (1 - 1e-9))
    if bestExcess == 0 { bound = min(bound, bestEnergy) }
  }

  /// Writes the best decision in the order of the problem.
  fileprivate mutating func write(_ problem: BatchProblem, _ answer: inout BatchAnswer) {
    if answer.choices.count != tokens {
      answer.choices = problem.tokens.map { $0.map { _ in .skip } }
    }
    answer.violates = []
    answer.lowerBound = bound
    guard bestExcess < .infinity else {
      for token in 0..<tokens { answer.choices[token] = problem.tokens[token].map { _ in .skip } }
      answer.feasible = false
      answer.energy = 0
      answer.errorMean = .infinity
      answer.errorWorst = .infinity
      answer.latency = 0
      answer.violates = [.error, .latency]
      return
    }
    start(best)
    var worst = 0.0
    for token in 0..<tokens {
      worst = max(worst, planError[best[token]])
      write(best[token], problem, token, &answer.choices[token])
      if planError[best[token]] > limit[token] { answer.violates.insert(.error) }
    }
    let sums = sums()
    answer.energy = sums.energy
    answer.latency = sums.latency
    answer.errorMean = tokens == 0 ? 0 : errorSum / Double(tokens)
    answer.errorWorst = worst
    if !Tolerance.permits(answer.errorMean, limit: errorBudget) { answer.violates.insert(.error) }
    if !Tolerance.permits(sums.latency, limit: latencyLimit) { answer.violates.insert(.latency) }
    answer.feasible = answer.violates.isEmpty
  }

  /// Every routed expert by the nearest of what the plan executes, or by nothing where that is as near.
  private func write(_ plan: Int, _ problem: BatchProblem, _ token: Int, _ choices: inout [TokenChoice]) {
    let routed = problem.tokens[token]
    if choices.count != routed.count { choices = routed.map { _ in .skip } }
    let first = Int(planFirst[plan])
    for rank in routed.indices {
      func weighted(_ distance: Double) -> Double { routed[rank].weight == 0 ? 0 : routed[rank].weight * distance }
      var least = problem.allowSkip ? weighted(problem.distance.skipping[routed[rank].expert]) : .infinity
      choices[rank] = .skip
      for at in first..<first + Int(planSize[plan]) {
        let slot = Int(planSlots[at])
        let target = slotExpert[slot]
        guard problem.allowReplace || target == routed[rank].expert else { continue }
        let error = weighted(problem.distance.replacing(routed[rank].expert, by: target))
        guard error < least else { continue }
        least = error
        choices[rank] = TokenChoice(target: target, place: origin[slotPlace[slot]])
      }
    }
  }
}
