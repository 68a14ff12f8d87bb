// `siftctl calibrate` without its command line.

import ExpertExec
import HostIO

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
  /// Measure the curve from error to quality too: takes the text through the model seven times more.
  public var withCurve: Bool

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

  /// Does it. - Returns: what a person wants to know, one line each.
  /// - Throws: `ToolFailure`; the output file is written last and whole.
  public func run() throws(ToolFailure) -> [String] {
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
    var calibration = try measure(model, samples)
    if withCurve { calibration.curve = try QualityCurve.measure(model, samples, calibration) }
    do { try calibration.save(output) } catch { throw ToolFailure(.cannotWrite, error) }
    return report(calibration)
  }

  private func measure(_ model: LoadedModel, _ samples: [[Int32]]) throws(ToolFailure) -> Calibration {
    let total = samples.reduce(0) { $0 + $1.count }
    let bar = ProgressBar(label: "calibrate", unit: "tokens", total: total)
    defer { bar.finish() }
    do {
      let calibrator = try Calibrator(engine: model.engine, missRate: missRate)
      for sample in samples { try calibrator.read(sample) { bar.advance(by: $0) } }
      return try calibrator.calibration()
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
    if let last = calibration.curve.last {
      lines.append(
        "curve: an error of \(FigureText.fixed(Double(last.meanSquare).squareRoot(), 3)) a layer (r.m.s.) costs "
          + "\(FigureText.fixed(Double(last.lossIncrease), 3)) nats a token")
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
}
