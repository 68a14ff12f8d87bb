// One interface to every policy: the façade of this module.

import SiftCore

/// Decides a `TokenProblem` by a named policy.
///
/// `siftmoe-token` is exact; `siftmoe` and `siftmoe-slow`, which are more than one token's, stand for it here. The others ignore what they do not know (`topk` the
/// budget, `local-only` and `nearest` the channel) or take the budget as the knob they have (`PolicyName`); their answers name the limits they break in `violates`, and
/// `lowerBound` is 0 because they prove nothing.
///
/// Where a policy wants an expert that no reachable place hosts, the nearest local expert stands in, or nothing does,
/// whichever is nearer; its error is booked. Where skipping is forbidden and nothing else is left, it is skipped all the
/// same and the answer breaks the error limit.
///
/// Not thread-safe: one a thread. In steady state `decide` allocates nothing.
public final class ExpertPolicy {
  public let name: PolicyName
  private let selector: TokenSelector
  /// What `random` draws from.
  private var draws: SplitMix
  /// The set of `xshare`; in force while `isInBatch`.
  private var shared = SharedExperts()
  private var isInBatch = false

  /// - Parameters:
  ///   - stepsMax: see `TokenSelector`.
  ///   - seed: of `random`'s draws; the other policies draw nothing.
  public init(
    _ name: PolicyName, routed: Int = 10, places: Int = 8, columns: Int = 256, stepsMax: Int = 20_000_000,
    seed: UInt64 = 1
  ) {
    draws = SplitMix(seed: seed)
    self.name = name
    selector = TokenSelector(routed: routed, places: places, columns: columns, stepsMax: stepsMax)
  }

  /// Decides `problem` and overwrites `answer`.
  public func decide(_ problem: TokenProblem, into answer: inout TokenAnswer) {
    switch name {
    case .siftmoe, .siftmoeSlow, .siftmoeToken: selector.solve(problem, into: &answer)
    case .topk: serve(hostedRanks(of: problem), problem, &answer)
    case .localOnly: serve(0, problem, &answer)
    case .nearest: serve(farRanks(of: problem), problem, &answer)
    case .wdmoe: serve(worthwhileRanks(of: problem), problem, &answer, dropping: true)
    case .adaptive: serve(heavyRanks(of: problem), problem, &answer, dropping: true)
    case .random: serve(luckyRanks(of: problem), problem, &answer, dropping: true)
    case .xshare: serve(sharedRanks(of: problem), problem, &answer, dropping: true)
    case .des:
      selector.keepWeight(of: problem, into: &answer)
      judge(problem, &answer)
    }
  }

  // MARK: Batches

  /// Begins a batch whose tokens `addToken` is told of one by one; `endBatch` ends the telling. What is decided from then
  /// on, until the next `beginBatch` or `leaveBatch`, is decided as a part of this batch by the policies that know of
  /// batches (`xshare`). Outside of one, every token is a batch of its own.
  /// - Parameter experts: experts of the layer.
  public func beginBatch(experts: Int) {
    isInBatch = false
    guard name == .xshare else { return }
    shared.begin(experts: experts)
  }

  /// Tells of the routed experts of `problem`.
  public func addToken(_ problem: TokenProblem) {
    guard name == .xshare else { return }
    shared.add(problem.routed, ranks: hostedRanks(of: problem))
  }

  /// - Parameter knob: the share of the batch's distinct experts to do without; the policy's knob.
  public func endBatch(knob: Double) {
    guard name == .xshare else { return }
    shared.choose(withoutShare: knob)
    isInBatch = true
  }

  /// From here on every token is a batch of its own again.
  public func leaveBatch() { isInBatch = false }

  /// `decide(_:into:)` with an answer of its own.
  public func decide(_ problem: TokenProblem) -> TokenAnswer {
    var answer = TokenAnswer()
    decide(problem, into: &answer)
    return answer
  }

  private func hostedRanks(of problem: TokenProblem) -> UInt64 {
    var ranks: UInt64 = 0
    for rank in problem.routed.indices where problem.isHosted(problem.routed[rank].expert) {
      ranks |= 1 << UInt64(rank)
    }
    return ranks
  }

  /// Stand-ins are kept in rising order of error while the budget lasts; what remains is the answer: the ranks that
  /// have to be served by themselves.
  private func farRanks(of problem: TokenProblem) -> UInt64 {
    var far = hostedRanks(of: problem)
    var error = 0.0
    for rank in problem.routed.indices where far & 1 << UInt64(rank) == 0 { error += problem.standIn(for: rank).error }
    while far != 0 {
      var nearest = -1
      var least = Double.infinity
      for rank in problem.routed.indices where far & 1 << UInt64(rank) != 0 {
        let own = problem.standIn(for: rank).error
        if own < least {
          nearest = rank
          least = own
        }
      }
      guard nearest >= 0, Tolerance.permits(error + least, limit: problem.errorBudget) else { break }
      error += least
      far &= ~(1 << UInt64(nearest))
    }
    return far
  }

  /// Serves `ranks` by themselves, at the least energy within the latency (or without it, if that cannot be met), and
  /// all others by their stand-ins at the gateway, or not at all when `dropping`.
  private func serve(
    _ ranks: UInt64, _ problem: TokenProblem, _ answer: inout TokenAnswer, dropping: Bool = false
  ) {
    selector.serve(ranks, of: problem, into: &answer)
    for rank in problem.routed.indices where ranks & 1 << UInt64(rank) == 0 {
      answer.choices[rank] = dropping ? .skip : problem.standIn(for: rank).choice
    }
    judge(problem, &answer)
  }

  /// Adds the choices up and names the limits they break.
  private func judge(_ problem: TokenProblem, _ answer: inout TokenAnswer) {
    let isForced = !problem.allowSkip && answer.choices.contains { $0.isSkip }
    let sums = DecisionSums(problem, answer.choices)
    answer.energy = sums.energy
    answer.error = sums.error
    answer.latency = sums.latency
    answer.violates = []
    if isForced || !Tolerance.permits(sums.error, limit: problem.errorBudget) { answer.violates.insert(.error) }
    if !Tolerance.permits(sums.latency, limit: problem.latencyLimit) { answer.violates.insert(.latency) }
    answer.feasible = answer.violates.isEmpty
    answer.optimal = false
    answer.lowerBound = 0
    answer.leastError = nil
  }

  // MARK: Rivals that drop experts

  /// Experts whose share of the weight is at least `errorBudget` times their share of the latency; the heaviest always.
  /// The latency of an expert is that of the fastest place that hosts it.
  private func worthwhileRanks(of problem: TokenProblem) -> UInt64 {
    let hosted = hostedRanks(of: problem)
    var weights = 0.0
    var times = 0.0
    for rank in problem.routed.indices where hosted & 1 << UInt64(rank) != 0 {
      weights += problem.routed[rank].weight
      times += problem.fastest(rank)
    }
    var kept: UInt64 = 0
    for rank in problem.routed.indices where hosted & 1 << UInt64(rank) != 0 {
      // (w / Σw) / (t / Σt) ≥ θ, without dividing by what may be 0.
      let isWorth = problem.routed[rank].weight * times >= problem.errorBudget * problem.fastest(rank) * weights
      if isWorth { kept |= 1 << UInt64(rank) }
    }
    return kept | heaviest(of: problem, hosted)
  }

  /// The heaviest experts that together carry at least 1 − `errorBudget` of the weight.
  private func heavyRanks(of problem: TokenProblem) -> UInt64 {
    var left = hostedRanks(of: problem)
    var kept: UInt64 = 0
    let total = problem.routed.reduce(0) { $0 + $1.weight }
    var missing = total
    while left != 0 && !Tolerance.permits(missing, limit: problem.errorBudget * total) {
      let next = heaviest(of: problem, left)
      kept |= next
      left &= ~next
      missing -= problem.routed[next.trailingZeroBitCount].weight
    }
    return kept
  }

  /// The hosted experts that belong to the set of the batch, or of this token alone.
  private func sharedRanks(of problem: TokenProblem) -> UInt64 {
    let hosted = hostedRanks(of: problem)
    if !isInBatch {
      shared.begin(experts: problem.distance.experts)
      shared.add(problem.routed, ranks: hosted)
      shared.choose(withoutShare: problem.errorBudget)
    }
    var kept: UInt64 = 0
    for rank in problem.routed.indices where hosted & 1 << UInt64(rank) != 0 {
      if shared.contains(problem.routed[rank].expert) { kept |= 1 << UInt64(rank) }
    }
    return kept
  }

  /// Local experts, and the others by the throw of a coin.
  private func luckyRanks(of problem: TokenProblem) -> UInt64 {
    var kept: UInt64 = 0
    for rank in problem.routed.indices where problem.isHosted(problem.routed[rank].expert) {
      let isLocal = problem.places[0].experts.contains(problem.routed[rank].expert)
      if draws.fraction() >= problem.errorBudget || isLocal { kept |= 1 << UInt64(rank) }
    }
    return kept
  }

  /// The bit of the heaviest rank in `ranks` (ties: the first); 0 for none.
  private func heaviest(of problem: TokenProblem, _ ranks: UInt64) -> UInt64 {
    var best = -1
    for rank in problem.routed.indices where ranks & 1 << UInt64(rank) != 0 {
      if best < 0 || problem.routed[rank].weight > problem.routed[best].weight { best = rank }
    }
    return best < 0 ? 0 : 1 << UInt64(best)
  }
}
