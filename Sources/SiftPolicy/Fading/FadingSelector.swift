// The exact selector of one token over channels that fade (docs/theory, §7).

/// Solves `FadingProblem` exactly: sets of remote places outside (`PlaceSetSearch`), within a set the cheapest way to serve
/// every routed expert (`LinearServing`).
///
/// Ties in energy + λ·error go to the smaller error; ties in both to the answer that is met first: fewer places before
/// more, cheaper places before dearer ones.
///
/// Not thread-safe: one selector a thread. After the first problems of a size it allocates nothing.
///
/// - Complexity: O(2^N · C^K) at worst for N remote places and C hosted experts, cut off after `stepsMax` steps with
///   `optimal` false.
public final class FadingSelector {
  private var search: PlaceSetSearch<LinearServing>
  private var size: (routed: Int, places: Int, columns: Int)
  /// Steps of search after which the best answer so far is given without proof.
  public var stepsMax: Int
  /// Steps that the last problem took.
  public private(set) var steps = 0

  public init(routed: Int = 10, places: Int = 8, columns: Int = 256, stepsMax: Int = 20_000_000) {
    size = (max(1, routed), max(1, places), max(1, columns))
    search = Self.search(size)
    self.stepsMax = stepsMax
  }

  deinit { search.deallocate() }

  private static func search(_ size: (routed: Int, places: Int, columns: Int)) -> PlaceSetSearch<LinearServing> {
    PlaceSetSearch(
      places: size.places,
      step: LinearServing(routed: size.routed, places: size.places, columns: size.columns))
  }

  /// Decides `problem` and overwrites `answer`.
  /// - Precondition: the token is well formed (`TokenProblem`), at most 64 routed experts and 64 places; the price is
  ///   finite and ≥ 0.
  public func solve(_ problem: FadingProblem, into answer: inout FadingAnswer) {
    precondition(problem.price >= 0 && problem.price.isFinite, "a price is finite and never negative")
    reserve(for: problem.token)
    steps = 0
    let rules = FadingRules(price: problem.price, errorLimit: problem.token.errorBudget)
    let incumbent = run(problem, rules)
    answer.violates = []
    answer.leastError = nil
    answer.feasible = incumbent.isFound
    answer.optimal = incumbent.isProved
    write(problem, incumbent.isFound, into: &answer)
    if !incumbent.isFound { solveInfeasible(problem, into: &answer) }
  }

  /// `solve(_:into:)` with an answer of its own.
  public func solve(_ problem: FadingProblem) -> FadingAnswer {
    var answer = FadingAnswer()
    solve(problem, into: &answer)
    return answer
  }

  /// The least expected error that the chance constraint permits, then the least energy at that error.
  private func solveInfeasible(_ problem: FadingProblem, into answer: inout FadingAnswer) {
    var rules = FadingRules(price: 1, errorLimit: .infinity, ignoresEnergy: true)
    let least = run(problem, rules)
    answer.optimal = answer.optimal && least.isProved
    answer.violates = least.isFound ? .error : [.error, .latency]
    write(problem, least.isFound, into: &answer)
    guard least.isFound else { return }
    answer.leastError = least.error
    rules = FadingRules(price: 0, errorLimit: least.error)
    let cheapest = run(problem, rules)
    answer.optimal = answer.optimal && cheapest.isProved
    if cheapest.isFound { write(problem, true, into: &answer) }
  }

  private func run(_ problem: FadingProblem, _ rules: FadingRules) -> FadingIncumbent {
    let incumbent = search.run(problem, rules, stepsMax: stepsMax)
    steps += stepsMax - max(0, incumbent.stepsLeft)
    return incumbent
  }

  private func write(_ problem: FadingProblem, _ isFound: Bool, into answer: inout FadingAnswer) {
    answer.choices.removeAll(keepingCapacity: true)
    for _ in problem.token.routed { answer.choices.append(.skip) }
    if isFound { search.step.write(into: &answer.choices) }
    let sums = FadingSums(problem, answer.choices)
    answer.energy = sums.energy
    answer.error = sums.error
  }

  private func reserve(for token: TokenProblem) {
    precondition(
      token.routed.count <= TokenProblem.routedMax && token.places.count <= TokenProblem.placesMax
        && !token.places.isEmpty, "a problem has at most 64 routed experts and 1 to 64 places")
    var columns = 0
    for place in token.places { columns += place.experts.count }
    if token.routed.count <= size.routed && token.places.count <= size.places && columns <= size.columns { return }
    size = (max(size.routed, token.routed.count), max(size.places, token.places.count), max(size.columns, columns))
    search.deallocate()
    search = Self.search(size)
  }
}

/// What a decision is expected to cost, added up without allocating.
///
/// - Complexity: O(K² + K·L) for L experts at the gateway.
public struct FadingSums: Sendable, Hashable {
  /// E[energy], joules.
  public let energy: Double
  /// E[error].
  public private(set) var error = 0.0
  /// P(every visit succeeds), airtimes left aside.
  public private(set) var success = 1.0

  public init(_ problem: FadingProblem, _ choices: [TokenChoice]) {
    energy = DecisionSums(problem.token, choices).energy
    var seen: UInt64 = 0
    for rank in choices.indices {
      let choice = choices[rank]
      let routed = problem.token.routed[rank]
      let distance =
        choice.isSkip
        ? problem.token.distance.skipping[routed.expert]
        : problem.token.distance.replacing(routed.expert, by: choice.target)
      let own = routed.weight == 0 ? 0 : routed.weight * distance
      let outage = choice.isSkip ? 0 : problem.outage(choice.place)
      error += outage > 0 ? (1 - outage) * own + outage * problem.token.standIn(for: rank).error : own
      if choice.isSkip || seen & 1 << UInt64(choice.place) != 0 { continue }
      seen |= 1 << UInt64(choice.place)
      success *= 1 - outage
    }
  }
}
