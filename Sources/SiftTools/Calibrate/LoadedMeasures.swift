// A calibration in the form that decisions and books of an evaluation take.

import ExpertExec
import SiftCore
import SiftDaemon
import SiftPolicy

extension LayerMeasures {
  /// - Parameters:
  ///   - figure: which figure of a distance counts in the linear measure.
  ///   - calibration: nil: nothing is known, so nothing is replaced or skipped by choice.
  init(_ policy: PolicyName, _ model: LoadedModel, _ calibration: Calibration?, figure: Calibration.Figure) {
    deciding = []
    linear = []
    squares = []
    for (index, experts) in model.experts.enumerated() {
      guard experts > 0 else {
        linear.append(nil)
        squares.append(nil)
        continue
      }
      let layer = calibration?.layers[index]
      // `siftmoe` scales what it replaces; the others do not.
      let isScaled = policy == .siftmoe
      squares.append(
        layer.flatMap { LayerErrors(squaresOf: $0, isScaled: isScaled) }
          ?? LayerErrors(unknown: experts, measure: .meanSquare))
      let table = isScaled ? layer.flatMap { DistanceTable(scaledIn: $0) } : layer?.distances(figure)
      linear.append(table.map { LayerErrors(linear: $0) } ?? LayerErrors(unknown: experts, measure: .linear))
    }
    deciding = policy == .siftmoe ? squares : linear
  }
}
