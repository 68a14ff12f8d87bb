// `siftctl calibrate` without its command line.

import ExpertExec
import HostIO
import SiftCore

/// Measures a model's expert distances on sample text and writes the calibration file.
public struct CalibrateTool: Sendable {
  public var model: String
  public var texts: [String]
  /// Use only the first half of every text.
  public var firstHalf: Bool
  /// α of the quantile, 0 < α < 1.
  public var missRate: Double
  public var output: String
  public var threads: Int?
  /// Measure too what errors cost in quality: takes the text through the model some five times more, and a part of it
  /// once for each layer.
  public var withCurve: Bool
  /// Time between two writings of the file that an interrupted run goes on from.
  public var checkpointInterval = Duration.seconds(20)
  /// Called after every window of text; what it throws ends the run as an interruption would.
  package var onWindow: @Sendable () throws(ToolFailure) -> Void = {}

  public init(
    model: String, texts: [String], firstHalf: Bool = false, missRate: Double = 0.1, output: String,
    threads: Int? = nil, withCurve: Bool = true
  ) {
    self.withCurve = withCurve
    self.model = model
    self.texts = texts
    self.firstHalf = firstHalf
    self.missRate = missRate
    self.output = output
    self.threads = threads
  }

  /// Does it, or goes on with it where an interrupted run left off.
  /// - Parameter say: told at once what a person wants to know while it runs.
  /// - Returns: what a person wants to know at the end, one line each.
  /// - Throws: `ToolFailure`; the output file is written last and whole.
  public func run(say: (String) -> Void = { _ in }) throws(ToolFailure) -> [String] {
    guard missRate > 0, missRate < 1 else {
      throw ToolFailure(.usage, "--quantile: must lie between 0 and 1, not \(missRate)")
    }
    guard !texts.isEmpty else { throw ToolFailure(.usage, "--text: at least one file is needed") }
    let model = try LoadedModel(folder: model, threads: threads)
    var samples: [[Int32]] = []
    for path in texts {
      let text = try SampleText.read(path, part: firstHalf ? .firstHalf : .whole)
      samples.append(model.encode(text))
    }
    let checkpoint = checkpoint(model, samples)
    var calibration = try measure(model, samples, checkpoint, say)
    if withCurve, let effects = try EffectMeasurement(model, samples, checkpoint, onWindow) {
      try effects.measure(&calibration)
    }
    do { try calibration.save(output) } catch { throw ToolFailure(.cannotWrite, error) }
    checkpoint.remove()
    return report(calibration)
  }

  private func checkpoint(_ model: LoadedModel, _ samples: [[Int32]]) -> Checkpoint {
    let identity = CalibrationPart.identity(
      model: model.engine.hash, samples: samples, options: ["\(missRate)", "\(withCurve)"])
    let start = ContinuousClock.now
    return Checkpoint(output: output, identity: identity, interval: checkpointInterval) { ContinuousClock.now - start }
  }

  private func measure(
    _ model: LoadedModel, _ samples: [[Int32]], _ checkpoint: Checkpoint, _ say: (String) -> Void
  ) throws(ToolFailure) -> Calibration {
    let total = samples.reduce(0) { $0 + $1.count }
    do {
      let calibrator = try Calibrator(engine: model.engine, missRate: missRate)
      if let part = checkpoint.earlier(), calibrator.restore(from: part) {
        say("going on where \(checkpoint.path) left off: \(calibrator.tokens) of \(total) tokens are read")
      } else if fileExists(checkpoint.path) {
        say("\(checkpoint.path) is of another run and is not used")
      }
      let bar = ProgressBar(label: "calibrate", unit: "tokens", total: total)
      defer { bar.finish() }
      var left = calibrator.tokens
      bar.advance(by: left)
      for window in TextWindows.cut(samples, calibrator.window, least: 1) {
        // An interrupted run stops between two windows.
        if left >= window.tokens.count {
          left -= window.tokens.count
          continue
        }
        try calibrator.read(Array(window.tokens)) { bar.advance(by: $0) }
        try checkpoint.offer { calibrator.save(to: &$0) }
        try onWindow()
      }
      checkpoint.keep { calibrator.save(to: &$0) }
      return try calibrator.calibration()
    } catch let failure as ToolFailure {
      throw failure
    } catch {
      throw ToolFailure(.failure, error)
    }
  }

  private func report(_ calibration: Calibration) -> [String] {
    let layers = calibration.layers.compactMap { $0 }
    let counts = layers.flatMap(\.counts)
    var lines = [
      "\(calibration.tokens) tokens, \(layers.count) layers of \(layers.map(\.experts).max() ?? 0) experts, "
        + "\(Int(counts.min() ?? 0)) to \(Int(counts.max() ?? 0)) tokens an expert: \(output)"
    ]
    if layers.contains(where: { $0.gram == nil }) {
      lines.append(
        "Gram matrices are left out: they would take more than \(Calibrator.gramBytesMax >> 20) MiB; errors of the experts "
          + "of a token are taken to be uncorrelated")
    }
    lines += effects(layers)
    if let curve = calibration.curve {
      lines.append(
        "curve: a total error Q costs \(FigureText.fixed(curve.linear, 4)) Q + "
          + "\(FigureText.fixed(curve.quadratic, 4)) Q² nats a token, to "
          + "\(FigureText.fixed(curve.relativeError * 100, 1)) %; targets up to "
          + "\(FigureText.fixed(curve.perplexityIncreaseMax * 100, 1)) % of perplexity")
    }
    let thin = calibration.undersampled
    if let first = thin.first {
      let needed = Calibration.sampleNeeded(missRate: missRate)
      lines.append(
        "the sample is too small for a quantile at \(missRate): \(thin.count) of \(counts.count) experts were met by "
          + "fewer than \(needed) tokens (the first is expert \(first.expert) of layer \(first.layer)); "
          + "the quantile never replaces or skips them")
    }
    return lines
  }

  private func effects(_ layers: [Calibration.Layer]) -> [String] {
    let effects = layers.compactMap(\.effect)
    guard !effects.isEmpty else { return [] }
    func list(_ figures: [Float], _ digits: Int) -> String {
      figures.map { FigureText.fixed(Double($0), digits) }.joined(separator: " ")
    }
    return [
      "sensitivity of the layers: \(list(effects.map(\.sensitivity), 3)), each to "
        + "\(list([effects.map(\.sensitivityError).max() ?? 0], 3))",
      "amplification of the layers: \(list(effects.map(\.amplification), 2))",
    ]
  }
}
