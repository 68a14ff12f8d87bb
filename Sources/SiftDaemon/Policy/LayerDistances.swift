// The distances of one layer in the forms that decisions and books need.

import ExpertExec
import SiftCore
import SiftPolicy

/// What choices of one layer cost in error, in both measures, and what stands in for each expert without a radio.
struct LayerBooks {
  /// By Σ w·D.
  let linear: DistanceMatrix
  /// By a_ℓ·Σ w²·D², and what a replacement's weight is multiplied with.
  let squares: LayerErrors
  /// `[expert]`: what is done instead when its node is late or lost: the nearest local expert or `ExpertChoice.skip`,
  /// whichever is nearer in the measure that is decided by.
  private(set) var fallback: [Int32] = []
  /// `[expert]`: the distances booked for it, finite.
  private(set) var fallbackLinear: [Double] = []
  private(set) var fallbackSquare: [Double] = []
  private let decidesBySquares: Bool

  /// Booked where nothing was measured: leaving out an output as large as the whole layer's.
  static let unknownDistance = 1.0

  init(linear: DistanceMatrix, squares: LayerErrors, decidesBySquares: Bool) {
    self.linear = linear
    self.squares = squares
    self.decidesBySquares = decidesBySquares
  }

  /// Works out the fallbacks for a gateway that hosts `local`.
  mutating func place(local: [Int]) {
    let deciding = decidesBySquares ? squares.matrix : linear
    let worst = (linear: Self.worst(linear), square: Self.worst(squares.matrix))
    fallback = []
    fallbackLinear = []
    fallbackSquare = []
    for expert in 0..<linear.experts {
      var target = ExpertChoice.skip
      var nearest = deciding.skipping[expert]
      for other in local where deciding.replacing(expert, by: other) < nearest {
        nearest = deciding.replacing(expert, by: other)
        target = Int32(other)
      }
      fallback.append(target)
      let distance = Self.distance(linear, expert, target)
      let square = Self.distance(squares.matrix, expert, target)
      fallbackLinear.append(distance.isFinite ? distance : worst.linear)
      fallbackSquare.append(square.isFinite ? square : worst.square)
    }
  }

  private static func worst(_ matrix: DistanceMatrix) -> Double {
    matrix.replacing.reduce(unknownDistance) { $1.isFinite ? max($0, $1) : $0 }
  }

  private static func distance(_ matrix: DistanceMatrix, _ expert: Int, _ target: Int32) -> Double {
    target == ExpertChoice.skip ? matrix.skipping[expert] : matrix.replacing(expert, by: Int(target))
  }

  /// The weight that `target` carries in the place of `expert`. - Parameter weight: the router's.
  func carried(_ weight: Double, _ expert: Int, by target: Int32) -> Double {
    target == ExpertChoice.skip ? weight : squares.carried(weight, expert, by: Int(target))
  }

  /// Σ w·D of one routed expert; the fallback's where it cannot be told. - Parameter weight: the router's.
  func linearError(_ weight: Double, _ expert: Int, _ target: Int32) -> Double {
    let distance = Self.distance(linear, expert, target)
    return weight * (distance.isFinite ? distance : fallbackLinear[expert])
  }

  /// a_ℓ·w²·D² of one routed expert, as `linearError`.
  func squareError(_ weight: Double, _ expert: Int, _ target: Int32) -> Double {
    let square = Self.distance(squares.matrix, expert, target)
    return squares.measure.weight(weight) * (square.isFinite ? square : fallbackSquare[expert])
  }

  /// a_ℓ·w²·D² of one routed expert whose fallback was used.
  func fallbackSquareError(_ weight: Double, _ expert: Int) -> Double {
    squares.measure.weight(weight) * fallbackSquare[expert]
  }
}

/// One layer's distances for policies that leave the router's weights alone, and for `siftmoe`, which scales what it
/// replaces.
struct LayerDistances {
  /// Decided by Σ w·D.
  private(set) var plain: LayerBooks
  /// Decided by a_ℓ·Σ w²·D².
  private(set) var scaled: LayerBooks

  /// - Parameters:
  ///   - layer: nil when nothing was calibrated: then nothing is ever replaced or skipped by choice.
  ///   - figure: which figure of a distance counts in the linear measure.
  init(experts: Int, layer: Calibration.Layer?, figure: Calibration.Figure) {
    let unknown = LayerErrors(unknown: experts, measure: .linear).matrix
    let noSquares = LayerErrors(unknown: experts, measure: .meanSquare)
    let linear = layer?.distances(figure).map { LayerErrors(linear: $0).matrix } ?? unknown
    plain = LayerBooks(
      linear: linear, squares: layer.flatMap { LayerErrors(squaresOf: $0, isScaled: false) } ?? noSquares,
      decidesBySquares: false)
    scaled = LayerBooks(
      linear: layer.flatMap { DistanceTable(scaledIn: $0) }.map { LayerErrors(linear: $0).matrix } ?? linear,
      squares: layer.flatMap { LayerErrors(squaresOf: $0, isScaled: true) } ?? noSquares, decidesBySquares: true)
  }

  /// Works out the fallbacks for a gateway that hosts `local`.
  mutating func place(local: [Int]) {
    plain.place(local: local)
    scaled.place(local: local)
  }
}
