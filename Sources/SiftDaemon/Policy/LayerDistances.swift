// The distances of one layer in the form that decisions and books need.

import ExpertExec
import SiftCore
import SiftPolicy

/// One layer's distances, and what stands in for each expert without a radio.
struct LayerDistances {
  let matrix: DistanceMatrix
  /// `[expert]`: what is done instead when its node is late or lost: the nearest local expert or `ExpertChoice.skip`,
  /// whichever is nearer.
  private(set) var fallback: [Int32] = []
  /// `[expert]`: the relative distance booked for it, finite.
  private(set) var fallbackDistance: [Double] = []

  /// Booked where nothing was measured: leaving out an output as large as the whole layer's.
  static let unknownDistance = 1.0

  /// - Parameter table: nil when nothing was calibrated: then nothing is ever replaced or skipped by choice.
  init(experts: Int, table: DistanceTable?) {
    if let table {
      matrix = DistanceMatrix(
        experts: experts, replacing: table.replacing.map(Double.init), skipping: table.skipping.map(Double.init))
    } else {
      matrix = DistanceMatrix(
        experts: experts,
        replacing: (0..<experts * experts).map { $0 / experts == $0 % experts ? 0 : .infinity },
        skipping: Array(repeating: .infinity, count: experts))
    }
  }

  /// Works out the fallbacks for a gateway that hosts `local`.
  mutating func place(local: [Int]) {
    let worst = matrix.replacing.reduce(Self.unknownDistance) { $1.isFinite ? max($0, $1) : $0 }
    fallback = []
    fallbackDistance = []
    for expert in 0..<matrix.experts {
      var target = ExpertChoice.skip
      var nearest = matrix.skipping[expert]
      for other in local where matrix.replacing(expert, by: other) < nearest {
        nearest = matrix.replacing(expert, by: other)
        target = Int32(other)
      }
      fallback.append(target)
      fallbackDistance.append(nearest.isFinite ? nearest : worst)
    }
  }
}
