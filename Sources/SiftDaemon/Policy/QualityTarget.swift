// From the perplexity that may be lost to the error budget of a layer.

import ExpertExec
import SiftCore

/// `policy.max-perplexity-increase`, turned into a budget by the calibration's curve.
package enum QualityTarget {
  /// The root mean square error of a layer with which the perplexity is foretold to rise by the configured share.
  /// - Returns: nil without a target.
  /// - Throws: `DaemonFailure` when there is no curve, or when it ends before the target.
  package static func errorBudget(
    _ configuration: Configuration, _ calibration: Calibration?
  ) throws(DaemonFailure) -> Double? {
    let key = Keys.policy.perplexityIncrease
    guard let target = ShareText.target(configuration[key]) else { return nil }
    guard let calibration, let curve = calibration.curve else {
      throw DaemonFailure(
        .configuration,
        "\(key.path): the calibration has no curve from error to quality; siftctl calibrate makes one, without --no-curve"
      )
    }
    let layers = calibration.layers.count { $0 != nil }
    guard let error = curve.error(forPerplexityIncrease: target) else {
      let most = Double(Int(curve.perplexityIncreaseMax * 1000)) / 10
      throw DaemonFailure(
        .configuration,
        "\(key.path): \(configuration[key].literal) is beyond the calibrated curve, which ends at \(most) %")
    }
    return (error / Double(max(1, layers))).squareRoot()
  }
}
