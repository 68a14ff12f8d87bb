// From the error that layers make to what a reader loses: measured on the sample text (docs/theory, §9).

import ExpertExec
import SiftCore
import SiftPolicy

/// Measures sensitivity and amplification of each layer, and the curve from error to log-loss.
///
/// Everything is measured under the default policy, the least energy plus price times error, with every second expert
/// far away; from one window to the next the near and the far ones change places. What costs quality is the error made,
/// wherever the experts lie.
struct EffectMeasurement {
  /// Root mean square errors of a layer at which the curve is measured, all layers at once.
  static let levels = [0.06, 0.09, 0.13, 0.18]
  /// The one at which a layer errs alone: large, because its effect is measured against nothing else.
  static let levelAlone = 0.3
  /// Tokens on which layers err alone, about.
  static let tokensAlone = 12_288

  let model: LoadedModel
  let window: Int
  private let windows: [TextWindow]
  private let routing: RoutingSample
  private let scenarios: [Scenario]
  private let checkpoint: Checkpoint
  private let onWindow: () throws(ToolFailure) -> Void

  /// - Returns: nil when no sample has two tokens.
  init?(
    _ model: LoadedModel, _ samples: [[Int32]], _ checkpoint: Checkpoint,
    _ onWindow: @escaping () throws(ToolFailure) -> Void
  ) throws(ToolFailure) {
    self.model = model
    self.checkpoint = checkpoint
    self.onWindow = onWindow
    window = min(512, model.engine.description.contextLength)
    windows = TextWindows.cut(samples, window)
    guard !windows.isEmpty else { return nil }
    routing = try RoutingSample(model, samples, window: window, label: "routing")
    scenarios = [0, 1].map { .halfRemote(experts: model.experts, far: $0) }
  }

  private var layers: [Int] { model.experts.indices.filter { model.experts[$0] > 0 } }

  /// Writes effects and curve into `calibration`.
  func measure(_ calibration: inout Calibration) throws(ToolFailure) {
    let effects = try layerEffects(calibration)
    for (layer, effect) in zip(layers, effects) { calibration.layers[layer]?.effect = effect }
    calibration.curve = try curve(calibration)
  }

  // MARK: One layer alone

  private func layerEffects(_ calibration: Calibration) throws(ToolFailure) -> [LayerEffect] {
    let measures = LayerMeasures(.siftmoe, model, calibration, figure: .mean)
    var variants: [AlternatingSelector] = []
    for layer in layers {
      let prices = try prices(measures, error: Self.levelAlone * Self.levelAlone, onlyLayer: layer)
      variants.append(selector(prices, measures, onlyLayer: layer))
    }
    let total = windows.reduce(0) { $0 + $1.tokens.count }
    let step = max(1, total / Self.tokensAlone)
    let taken = stride(from: 0, to: windows.count, by: step).map { windows[$0] }
    let probe = AloneProbe(layers: layers, scales: layers.map { calibration.layers[$0]?.squares?.scale ?? 1 })
    let effects = try read(taken, variants, label: "layers", probe: probe)
    var rates: [(value: Double, error: Double)] = []
    for (index, windows) in effects.enumerated() {
      // The divergence is what the loss would rise by if the exact model were right: a layer's share in it is known far
      // better than its share in the loss itself.
      let pairs = zip(windows, variants[index].errors).map { ($0.divergence, $1) }
      let error = pairs.reduce(0) { $0 + $1.1 }
      rates.append(
        error > 0 ? (pairs.reduce(0) { $0 + $1.0 } / error, RatioError.of(pairs)) : (.nan, .infinity))
    }
    let known = rates.map(\.value).filter { $0.isFinite }
    let mean = known.isEmpty ? 1 : known.reduce(0, +) / Double(known.count)
    return rates.enumerated().map { index, rate in
      let isKnown = rate.value.isFinite && rate.error.isFinite && mean > 0
      return LayerEffect(
        sensitivity: isKnown ? Float(rate.value / mean) : 1, sensitivityError: isKnown ? Float(rate.error / mean) : 1,
        amplification: probe.amplification(index, missRate: calibration.missRate))
    }
  }

  // MARK: All layers together

  private func curve(_ calibration: Calibration) throws(ToolFailure) -> LossCurve? {
    let measures = LayerMeasures(.siftmoe, model, calibration, figure: .mean)
    var variants: [AlternatingSelector] = []
    for level in Self.levels {
      let prices = try prices(measures, error: level * level * Double(layers.count), onlyLayer: nil)
      variants.append(selector(prices, measures, onlyLayer: nil))
    }
    let effects = try read(windows, variants, label: "curve", probe: nil)
    return CurveFit.fit(effects, zip(effects, variants).map { Self.booked($1.errors, $0) })
  }

  /// Q: the booked error of a token in the mean.
  private static func booked(_ errors: [Double], _ windows: [WindowEffect]) -> Double {
    errors.reduce(0, +) / Double(max(1, windows.reduce(0) { $0 + $1.tokens }))
  }

  // MARK: Reading

  /// λ for each of the two scenarios.
  private func prices(
    _ measures: LayerMeasures, error target: Double, onlyLayer: Int?
  ) throws(ToolFailure) -> [Double] {
    var prices: [Double] = []
    for scenario in scenarios {
      prices.append(
        try KnobSearch.find(target: target, start: 1 / target, isRising: false) { price in
          routing.error(
            TokenDecider(.priced(price), scenario, measures, perToken: model.perToken), onlyLayer: onlyLayer)
        })
    }
    return prices
  }

  private func selector(_ prices: [Double], _ measures: LayerMeasures, onlyLayer: Int?) -> AlternatingSelector {
    AlternatingSelector(
      zip(prices, scenarios).map { price, scenario in
        EvalSelector(
          TokenDecider(.priced(price), scenario, measures, perToken: model.perToken), perToken: model.perToken,
          onlyLayer: onlyLayer)
      })
  }

  /// - Returns: `[variant][window]`.
  private func read(
    _ windows: [TextWindow], _ variants: [AlternatingSelector], label: String, probe: AloneProbe?
  ) throws(ToolFailure) -> [[WindowEffect]] {
    var log = EffectLog(label: label, variants: variants.count)
    let earlier = checkpoint.earlier()
    if let earlier, log.restore(from: earlier), probe?.restore(from: earlier) ?? true {
      for (variant, selector) in variants.enumerated() { selector.goOn(after: log.errors[variant]) }
    } else {
      log = EffectLog(label: label, variants: variants.count)
    }
    let bar = ProgressBar(label: label, unit: "tokens", total: windows.reduce(0) { $0 + $1.tokens.count })
    defer { bar.finish() }
    do {
      let reader = try PairedReader(engine: model.engine, window: window, selectors: variants)
      probe?.reader = reader
      reader.probe = probe
      bar.advance(by: windows.prefix(log.windows).reduce(0) { $0 + $1.tokens.count })
      for window in windows.dropFirst(log.windows) {
        for variant in variants { variant.beginWindow() }
        probe?.beginWindow()
        var effects = variants.map { _ in WindowEffect() }
        try reader.read(window: window.tokens) { variant, effect in
          effects[variant].add(effect)
          probe?.add(variant, range: effect.range)
        }
        for variant in variants { variant.endWindow() }
        log.add(effects, errors: variants.map { $0.errors.last ?? 0 })
        bar.advance(by: window.tokens.count)
        try checkpoint.offer {
          log.save(to: &$0)
          probe?.save(to: &$0)
        }
        try onWindow()
      }
    } catch let failure as ToolFailure {
      throw failure
    } catch {
      throw ToolFailure(.failure, error)
    }
    let whole = log
    checkpoint.keep {
      whole.save(to: &$0)
      probe?.save(to: &$0)
    }
    return log.effects
  }
}
