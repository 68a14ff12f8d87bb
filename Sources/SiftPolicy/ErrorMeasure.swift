// How router weights and calibrated distances become errors that add up: once as a bound, once as a mean square.

import SiftCore

/// In which sense the errors of a token's routed experts add up (docs/theory, §3).
public enum ErrorMeasure: String, Sendable, Hashable, CaseIterable {
  /// Σ w·D: with the token's own distances a bound on the relative error of the layer (B1).
  case linear
  /// a_ℓ·Σ w²·D²: the expected square of the relative error where errors are uncorrelated (B3), times the layer's
  /// sensitivity. Its mean over tokens is what the loss of quality follows (§9).
  case meanSquare = "mean-square"

  /// What stands for the router weight `weight` in a `TokenProblem`.
  @inlinable public func weight(_ weight: Double) -> Double {
    switch self {
    case .linear: weight
    case .meanSquare: weight * weight
    }
  }
}

/// The errors of one layer in one measure, in the form that `TokenProblem` adds up: an error is
/// `measure.weight(router weight)` × a figure of `matrix`.
public struct LayerErrors: Sendable, Hashable {
  public let measure: ErrorMeasure
  /// Distances, or sensitivity × squares of distances.
  public let matrix: DistanceMatrix
  /// `[routed, target]`: what a replacement's output is multiplied with beside the router weight (α of a scaled
  /// replacement), ≥ 0, diagonal 1. Empty: 1 everywhere.
  public let factors: [Double]

  /// Σ w·D with unscaled replacements.
  public init(linear table: DistanceTable) {
    measure = .linear
    matrix = DistanceMatrix(
      experts: table.experts, replacing: table.replacing.map(Double.init), skipping: table.skipping.map(Double.init))
    factors = []
  }

  /// Σ w²·D² with scaled replacements, times the sensitivity of the layer.
  ///
  /// - Parameters:
  ///   - replacing: `[routed, target]` root mean square distances after scaling, ≥ 0, diagonal 0, may be infinite.
  ///   - skipping: `[routed]`, ≥ 0, may be infinite.
  ///   - factors: `[routed, target]`, ≥ 0 and finite, diagonal 1; empty: unscaled.
  ///   - sensitivity: a_ℓ, ≥ 0 and finite; 1 where it was not measured.
  /// - Returns: nil when a table has the wrong length or a figure out of range.
  public init?(
    meanSquare experts: Int, replacing: [Float], skipping: [Float], factors: [Float] = [], sensitivity: Double = 1
  ) {
    guard let table = DistanceTable(experts: experts, replacing: replacing, skipping: skipping),
      factors.isEmpty || factors.count == experts * experts, factors.allSatisfy({ $0 >= 0 && $0.isFinite }),
      sensitivity >= 0, sensitivity.isFinite
    else { return nil }
    measure = .meanSquare
    func square(_ distance: Float) -> Double {
      // What is impossible stays so in a layer that hardly matters.
      distance.isFinite ? sensitivity * Double(distance) * Double(distance) : .infinity
    }
    matrix = DistanceMatrix(
      experts: experts, replacing: table.replacing.map(square), skipping: table.skipping.map(square))
    self.factors = factors.map(Double.init)
  }

  /// Where nothing was measured: every expert itself, and nothing else.
  public init(unknown experts: Int, measure: ErrorMeasure) {
    self.measure = measure
    matrix = DistanceMatrix(
      experts: experts, replacing: (0..<experts * experts).map { $0 / experts == $0 % experts ? 0 : .infinity },
      skipping: Array(repeating: .infinity, count: experts))
    factors = []
  }

  /// A routed expert as the problem takes it. - Parameter weight: the router's, finite, ≥ 0.
  @inlinable public func routed(_ expert: Int, weight: Double) -> RoutedExpert {
    RoutedExpert(expert: expert, weight: measure.weight(weight))
  }

  /// The weight that the output of `target` carries in the place of `expert`. - Parameter weight: the router's.
  @inlinable public func carried(_ weight: Double, _ expert: Int, by target: Int) -> Double {
    factors.isEmpty ? weight : weight * factors[expert * matrix.experts + target]
  }

  /// The error of serving `expert` by `choice`. - Parameter weight: the router's.
  public func error(_ weight: Double, _ expert: Int, _ choice: TokenChoice) -> Double {
    if weight == 0 { return 0 }
    let distance = choice.isSkip ? matrix.skipping[expert] : matrix.replacing(expert, by: choice.target)
    return measure.weight(weight) * distance
  }
}
