// The exact selector of one token in one layer (docs/theory, §5).

/// Solves `TokenProblem` exactly.
///
/// The nodes are taken one after another: a label is the set of remote places used, with its radio energy, its airtime
/// and, for every routed expert, the nearest expert within reach. A label is dropped when even all places still to come
/// leave too much error, or when its energy passes the best answer; places that are dearer, slower and nowhere closer
/// than another are removed beforehand. For a complete set the airtime is known, so the latency limit becomes a number
/// of experts per place (no Pareto front over time is needed), and what remains is to open the cheapest experts that
/// bring the error under the budget: a search over the routed experts, each served for free (skipped, or by an
/// expert opened before) or by a newly opened one, cut by how much error q more experts can take away at most.
///
/// Sets of places rather than sets of routed experts are the labels because radio energy is paid per place and places
/// are few: 2^N labels, against N·3^K extensions of subset labels (8 places, 8 routed: 256 against 52,488).
///
/// Ties in energy go to the smaller error; ties in both to the answer that is met first: fewer places before more,
/// places with lower indices before higher, experts in the order of their lists.
///
/// Not thread-safe: one selector a thread. After the first problems of a size it allocates nothing.
///
/// - Complexity: O(2^N · C^K) at worst (the problem is NP-hard in K), cut off after `stepsMax` steps with
///   `optimal` false and a proved lower bound.
public final class TokenSelector {
  private var workspace: TokenWorkspace
  /// Steps of search after which the best answer so far is given without proof.
  public var stepsMax: Int
  /// Steps that the last problem took.
  public private(set) var steps = 0

  public init(routed: Int = 10, places: Int = 8, columns: Int = 256, stepsMax: Int = 20_000_000) {
    workspace = TokenWorkspace(routed: max(1, routed), places: max(1, places), columns: max(1, columns))
    self.stepsMax = stepsMax
  }

  deinit { workspace.deallocate() }

  /// Decides `problem` and overwrites `answer`.
  /// - Precondition: the problem is well formed (`TokenProblem`), at most 64 routed experts and 64 places.
  public func solve(_ problem: TokenProblem, into answer: inout TokenAnswer) {
    reserve(for: problem)
    steps = 0
    var rules = SearchRules(problem)
    let isProved = search(problem, rules, into: &answer)
    if answer.feasible { return }
    rules.errorLimit = .infinity
    rules.ignoresEnergy = true
    _ = search(problem, rules, into: &answer)
    let least: Double? = answer.feasible ? answer.error : nil
    if let least {
      rules.errorLimit = least
      rules.ignoresEnergy = false
      _ = search(problem, rules, into: &answer)
    }
    answer.feasible = false
    answer.leastError = least
    answer.optimal = isProved
    answer.lowerBound = isProved ? .infinity : 0
    answer.violates = least == nil ? [.error, .latency] : .error
  }

  /// Serves the ranks in `mask` (bit r: rank r) by themselves, at the least energy within the latency if that can be
  /// met, else at the least energy; all others are left out as if skipped. Only `choices` of the answer are meant.
  func serve(_ mask: UInt64, of problem: TokenProblem, into answer: inout TokenAnswer) {
    reserve(for: problem)
    steps = 0
    var rules = SearchRules(problem)
    rules.errorLimit = .infinity
    rules.allowSkip = false
    rules.allowReplace = false
    rules.ranks = mask
    _ = search(problem, rules, into: &answer)
    if answer.feasible { return }
    rules.latencyLimit = .infinity
    _ = search(problem, rules, into: &answer)
  }

  /// The least energy that serves all but a share `errorBudget` of the gate weight, each expert by itself; the latency
  /// does not count. This is the problem of §5 with all skip distances 1: a knapsack cover, solved exactly. Where hosts
  /// are missing, as much weight as there is. Only `choices` of the answer are meant.
  func keepWeight(of problem: TokenProblem, into answer: inout TokenAnswer) {
    reserve(for: problem)
    steps = 0
    var rules = SearchRules(problem)
    var total = 0.0
    for routed in problem.routed { total += routed.weight }
    rules.errorLimit = problem.errorBudget * total
    rules.latencyLimit = .infinity
    rules.allowSkip = true
    rules.allowReplace = false
    rules.skipsByWeight = true
    _ = search(problem, rules, into: &answer)
    if answer.feasible { return }
    for rank in problem.routed.indices where !problem.isHosted(problem.routed[rank].expert) {
      rules.errorLimit += problem.routed[rank].weight
    }
    _ = search(problem, rules, into: &answer)
  }

  /// `solve(_:into:)` with an answer of its own.
  public func solve(_ problem: TokenProblem) -> TokenAnswer {
    var answer = TokenAnswer()
    solve(problem, into: &answer)
    return answer
  }

  private func reserve(for problem: TokenProblem) {
    precondition(
      problem.routed.count <= TokenProblem.routedMax && problem.places.count <= TokenProblem.placesMax
        && !problem.places.isEmpty, "a problem has at most 64 routed experts and 1 to 64 places")
    var columns = 0
    for place in problem.places { columns += place.experts.count }
    let old = workspace
    if problem.routed.count <= old.routed && problem.places.count <= old.places && columns <= old.columns { return }
    old.deallocate()
    workspace = TokenWorkspace(
      routed: max(old.routed, problem.routed.count), places: max(old.places, problem.places.count),
      columns: max(old.columns, columns))
  }

  /// - Returns: whether the outcome is proved.
  private func search(_ problem: TokenProblem, _ rules: SearchRules, into answer: inout TokenAnswer) -> Bool {
    var search = TokenSearch(problem, workspace, rules)
    search.stepsLeft = stepsMax
    search.run()
    steps += stepsMax - max(0, search.stepsLeft)
    search.write(problem, into: &answer)
    return search.isProved
  }
}

/// What one search may do: the problem's own rules, or narrower ones.
struct SearchRules {
  var errorLimit: Double
  var latencyLimit: Double
  var allowSkip: Bool
  var allowReplace: Bool
  /// All energies count as zero, so that the least error wins.
  var ignoresEnergy = false
  /// A skip costs the weight itself, whatever its distance.
  var skipsByWeight = false
  /// Bit r: whether rank r of the problem takes part; the others cost nothing and are skipped.
  var ranks = UInt64.max

  init(_ problem: TokenProblem) {
    errorLimit = problem.errorBudget
    latencyLimit = problem.latencyLimit
    allowSkip = problem.allowSkip
    allowReplace = problem.allowReplace
  }
}
