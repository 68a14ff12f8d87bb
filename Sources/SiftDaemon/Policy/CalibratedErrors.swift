// What calibration measured, as decisions take it.

import ExpertExec
import SiftCore
import SiftPolicy

extension LayerErrors {
  /// a_ℓ·Σ w²·D² of a calibrated layer; from its root mean square distances, unscaled, where the squares that quality
  /// follows were not measured.
  ///
  /// - Parameter isScaled: whether what replaces is scaled.
  /// - Returns: nil when a table is malformed (never for a loaded calibration).
  package init?(squaresOf layer: Calibration.Layer, isScaled: Bool) {
    let sensitivity = Double(layer.effect?.sensitivity ?? 1)
    guard let squares = layer.squares else {
      self.init(
        meanSquare: layer.experts, replacing: layer.rms, skipping: layer.skipRMS, sensitivity: sensitivity)
      return
    }
    self.init(
      meanSquare: layer.experts, replacing: isScaled ? squares.scaled : squares.replacing, skipping: squares.skipping,
      factors: isScaled ? squares.factors : [], sensitivity: sensitivity)
  }
}

extension DistanceTable {
  /// Root mean square distances after scaling, relative to the mean norm as the linear measure is; nil where they were not
  /// measured.
  package init?(scaledIn layer: Calibration.Layer) {
    guard let squares = layer.squares else { return nil }
    let ratio = squares.scale / layer.scale
    self.init(
      experts: layer.experts, replacing: squares.scaled.map { $0 * ratio },
      skipping: squares.skipping.map { $0 * ratio })
  }
}
