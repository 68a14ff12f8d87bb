// The running check of the calibration: predicted against measured errors of sampled decisions.

import ExpertExec
import HostIO
import SiftCore
import SiftPolicy

/// Compares what the calibration foretells of sampled decisions with what executing the experts shows, and announces
/// drift once. One thread's.
package final class CalibrationWatch {
  /// One layer's mean squares, without and with scaled replacements, in units of the squared scale.
  private struct Layer {
    let plain: LayerErrors
    let scaled: LayerErrors
    let scale: Double
  }

  /// What counts as drift: a factor of three in the mean square. A policy leaves experts out in their light moments, when
  /// their outputs are smaller than the average that the calibration keeps (by a half on the reference model); a smaller
  /// factor would take that for drift.
  package static let rule = DriftCheck(inner: 2, outer: 3)

  private let layers: [Layer?]
  private let announce: (JournalRecord) -> Void
  package private(set) var check: DriftCheck

  package init(
    _ calibration: Calibration, check: DriftCheck = CalibrationWatch.rule, announce: @escaping (JournalRecord) -> Void
  ) {
    self.check = check
    self.announce = announce
    layers = calibration.layers.map { layer in
      guard let layer, let squares = layer.squares,
        let plain = LayerErrors(
          meanSquare: layer.experts, replacing: squares.replacing, skipping: squares.skipping),
        let scaled = LayerErrors(
          meanSquare: layer.experts, replacing: squares.scaled, skipping: squares.skipping, factors: squares.factors)
      else { return nil }
      return Layer(plain: plain, scaled: scaled, scale: Double(squares.scale))
    }
  }

  /// The relative mean square error that the calibration foretells of a decision; nil where it knows nothing.
  package func predicted(_ sample: ErrorSample) -> Double? {
    guard layers.indices.contains(sample.layer), let layer = layers[sample.layer] else { return nil }
    var error = 0.0
    for rank in sample.experts.indices where sample.isChanged(rank) {
      let weight = Double(sample.weights[rank])
      let choice = sample.choices[rank]
      // A replacement that carries the router's own weight is not scaled.
      let errors = choice.weight == sample.weights[rank] ? layer.plain : layer.scaled
      error += errors.error(
        weight, Int(sample.experts[rank]),
        choice.isSkip ? .skip : TokenChoice(target: Int(choice.target), place: 0))
    }
    return error.isFinite ? error : nil
  }

  /// Books a measurement. - Parameter square: ‖y − ỹ‖².
  package func book(_ sample: ErrorSample, square: Double) {
    guard let predicted = predicted(sample), let layer = layers[sample.layer] else { return }
    guard let event = check.book(predicted: predicted, measured: square / (layer.scale * layer.scale)) else { return }
    announce(Self.record(event, memory: check.memory))
  }

  package static func record(_ event: DriftCheck.Event, memory: Int) -> JournalRecord {
    let priority: JournalPriority
    let text: String
    let ratio: String
    switch event {
    case .drifted(let value):
      ratio = Figure.text((value * 100).rounded() / 100)
      priority = .warning
      text =
        "the calibration drifts: layers err by \(ratio) times the calibrated mean square; run siftctl calibrate on text "
        + "like the one that is served"
    case .settled(let value):
      ratio = Figure.text((value * 100).rounded() / 100)
      priority = .notice
      text = "the calibration fits again: layers err by \(ratio) times the calibrated mean square"
    }
    return JournalRecord(
      priority: priority, messageID: MessageID.drift.rawValue, message: text,
      fields: [JournalField("SIFT_DRIFT", ratio), JournalField("SIFT_SAMPLES", "\(memory)")])
  }
}
