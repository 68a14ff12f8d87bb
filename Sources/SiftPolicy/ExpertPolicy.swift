// One interface to every policy: the façade of this module.

/// Decides a `TokenProblem` by a named policy.
///
/// `siftmoe-token` (which `siftmoe` stands for at present) is exact. The others ignore what they do not know (`topk` the
/// budget, `local-only` and `nearest` the channel); their answers name the limits they break in `violates`, and
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

  /// - Parameter stepsMax: see `TokenSelector`.
  public init(_ name: PolicyName, routed: Int = 10, places: Int = 8, columns: Int = 256, stepsMax: Int = 20_000_000) {
    self.name = name
    selector = TokenSelector(routed: routed, places: places, columns: columns, stepsMax: stepsMax)
  }

  /// Decides `problem` and overwrites `answer`.
  public func decide(_ problem: TokenProblem, into answer: inout TokenAnswer) {
    switch name {
    case .siftmoe, .siftmoeToken: selector.solve(problem, into: &answer)
    case .topk: serve(hostedRanks(of: problem), problem, &answer)
    case .localOnly: serve(0, problem, &answer)
    case .nearest: serve(farRanks(of: problem), problem, &answer)
    }
  }

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
  /// all others by their stand-ins at the gateway.
  private func serve(_ ranks: UInt64, _ problem: TokenProblem, _ answer: inout TokenAnswer) {
    selector.serve(ranks, of: problem, into: &answer)
    for rank in problem.routed.indices where ranks & 1 << UInt64(rank) == 0 {
      answer.choices[rank] = problem.standIn(for: rank).choice
    }
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
}
