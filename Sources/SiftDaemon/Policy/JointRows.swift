// Rows of one layer that are decided together.

import SiftCore
import SiftPolicy

/// The batch at work, and which rows of the layer it has decided. Buffers keep their size.
final class JointRows {
  /// Rows of one decision at most: it takes some milliseconds.
  static let rowsMax = 64

  private let selector = BatchSelector(effort: .step)
  private let workspace = BatchWorkspace()
  private(set) var problem = BatchProblem(
    tokens: [], distance: DistanceMatrix(experts: 0, replacing: [], skipping: []), places: [], errorBudget: .infinity)
  private(set) var answer = BatchAnswer()
  /// `[token]` → row.
  private(set) var rows: [Int] = []
  private var decided: [Bool] = []

  func beginLayer(rows count: Int) {
    decided.removeAll(keepingCapacity: true)
    for _ in 0..<count { decided.append(false) }
  }

  /// Whether `row` is decided.
  func holds(_ row: Int) -> Bool { row < decided.count && decided[row] }

  func begin() { rows.removeAll(keepingCapacity: true) }

  func add(_ row: Int) { rows.append(row) }

  /// Sets the layer's distances and the places, which have neither experts nor costs yet.
  func set(_ distance: DistanceMatrix, places: Int, perToken: Int) {
    problem.distance = distance
    let isOtherPlacement = problem.places.count != places
    if isOtherPlacement { problem.places = Array(repeating: BatchPlace(experts: []), count: places) }
    if isOtherPlacement || problem.tokens.count != rows.count {
      let empty = Array(repeating: RoutedExpert(expert: 0, weight: 0), count: perToken)
      problem.tokens = Array(repeating: empty, count: rows.count)
      problem.errorLimits = Array(repeating: 0, count: rows.count)
      for place in problem.places.indices {
        problem.places[place].radioEnergy = Array(repeating: 0, count: rows.count + 1)
        problem.places[place].airtime = Array(repeating: 0, count: rows.count + 1)
      }
    }
  }

  func setWake(energy: Double) { problem.wakeEnergy = energy }

  /// Sets a place. - Parameters:
  ///   - first: joules of a visit with one row.
  ///   - further: joules of each row more.
  func setPlace(_ place: Int, experts: [Int], first: Double, further: Double, computeEnergy: Double) {
    problem.places[place].experts = experts
    problem.places[place].computeEnergy = computeEnergy
    for count in 0..<problem.places[place].radioEnergy.count {
      problem.places[place].radioEnergy[count] = count == 0 ? 0 : first + further * Double(count - 1)
    }
  }

  func setToken(_ token: Int, _ rank: Int, _ routed: RoutedExpert) { problem.tokens[token][rank] = routed }

  func setLimit(_ token: Int, _ limit: Double) { problem.errorLimits?[token] = limit }

  /// Decides. - Returns: whether the limits are kept; then the rows count as decided.
  func solve() -> Bool {
    selector.solve(problem, into: &answer, using: workspace)
    guard answer.feasible else { return false }
    for row in rows where row < decided.count { decided[row] = true }
    return true
  }
}
