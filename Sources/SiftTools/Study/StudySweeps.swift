// Study (b): energy against one figure of the scenario at a time, all policies at the same mean-square error.

import SiftPolicy
import SiftSimulation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Plays policies on what the router really said, without the forward pass: decisions and costs depend on routing,
/// calibration and channel alone.
struct StudySweeps {
  let bench: StudyBench
  let trace: RoutingTrace
  let seeds: Int

  /// Root mean square error that the policies are held at, unless it is what is swept: about one percent of perplexity
  /// on the reference model.
  static let error = 0.07

  private(set) var table = StudyTable(
    "sweeps",
    [
      "sweep", "value", "unit", "channel", "policy", "seed", "joules_per_token", "mean_square_error",
      "visits_per_token", "failed_visits_share", "error_kept",
    ])

  init(bench: StudyBench, trace: RoutingTrace, seeds: Int) {
    self.bench = bench
    self.trace = trace
    self.seeds = seeds
  }

  /// One setting of one sweep.
  private struct Setting {
    let sweep: String
    let value: Double
    let unit: String
    let channel: StudyChannel
    var scenario: StudyScenario
    var law: FadingWorld.Law
    var error = StudySweeps.error
  }

  mutating func run() throws(ToolFailure) {
    let settings = Self.settings(bench.model)
    let bar = ProgressBar(label: "study sweeps", unit: "settings", total: settings.count * seeds)
    defer { bar.finish() }
    for setting in settings {
      for seed in 0..<seeds {
        play(setting, seed)
        bar.advance(by: 1)
      }
    }
  }

  private static func settings(_ model: LoadedModel) -> [Setting] {
    let base = StudyScenario.standard(model)
    var settings: [Setting] = []
    for (channel, law) in [(StudyChannel.slow, StudyScenario.slowLaw), (.fast, StudyScenario.fastLaw)] {
      func add(_ sweep: String, _ unit: String, _ values: [Double], _ change: (inout Setting, Double) -> Void) {
        for value in values {
          var setting = Setting(
            sweep: sweep, value: value, unit: unit, channel: channel, scenario: base, law: law)
          change(&setting, value)
          settings.append(setting)
        }
      }
      add("error budget", "r.m.s. error", [0, 0.02, 0.04, 0.07, 0.1, 0.14, 0.2]) { $0.error = $1 }
      add("bandwidth", "of 20 MHz", [0.25, 0.5, 1, 2, 4]) { setting, factor in
        for at in setting.scenario.radio.rates.indices {
          setting.scenario.radio.rates[at].bitsPerSecond *= factor
          // The same power over more bandwidth.
          setting.scenario.radio.rates[at].decibels += 10 * log10(factor)
        }
      }
      add("deadline", "s", [0.002, 0.003, 0.005, 0.01, 0.02, 0.05]) { $0.scenario.latency = $1 }
      add("nodes", "", [1, 2, 3, 5, 10]) { $0.scenario = .standard(model, nodes: Int($1)) }
      add("mean SNR", "dB over the standard", [-9, -6, -3, 0, 3, 6]) { setting, shift in
        for at in setting.scenario.decibels.indices { setting.scenario.decibels[at] += shift }
      }
      guard channel == .fast else { continue }
      add("Doppler x age", "at the middle layer", [0.01, 0.03, 0.1, 0.2, 0.3]) { setting, product in
        let age = StudyScenario.sampleAge + 2.5 * StudyScenario.layerTime
        setting.law = .fast(
          riceFactor: StudyScenario.riceFactor, doppler: product / age, age: StudyScenario.sampleAge,
          layerTime: StudyScenario.layerTime)
      }
    }
    return settings
  }

  private mutating func play(_ setting: Setting, _ seed: Int) {
    let world = setting.scenario.fading(setting.law, layers: bench.layers.count, tokens: trace.tokens, seed: seed)
    let policies = [StudyPolicy.topk] + StudyPolicy.all.filter { $0.kind == .priced || $0.name == "siftmoe-token" }
    for policy in policies {
      let books = hold(policy, setting, world, seed)
      let tokens = Double(max(1, books.tokens))
      table.add([
        .text(setting.sweep), .number(setting.value), .text(setting.unit), .text(setting.channel.rawValue),
        .text(policy.name), .count(seed), .number(books.joulesPerToken), .number(books.squareMean),
        .number(Double(books.visits) / tokens),
        .number(books.visits > 0 ? Double(books.failed) / Double(books.visits) : 0),
        .count(books.squareMean <= setting.error * setting.error * 1.01 + 1e-12 ? 1 : 0),
      ])
    }
  }

  /// The run whose mean-square error comes nearest to the setting's from below, by bisection of the knob's logarithm.
  private func hold(_ policy: StudyPolicy, _ setting: Setting, _ world: FadingWorld, _ seed: Int) -> StudyBooks {
    let limit = setting.error * setting.error
    if policy.knobs.count == 1 { return books(policy, 0, setting, world, seed) }
    // A price buys less error the dearer it is; a budget the other way round.
    let isPrice = policy.kind == .priced
    var strict = isPrice ? 1e5 : 1e-4
    var loose = isPrice ? 1e-1 : 10.0
    var best = books(policy, strict, setting, world, seed)
    if limit == 0 { return best }
    for _ in 0..<9 {
      let middle = (strict * loose).squareRoot()
      let result = books(policy, middle, setting, world, seed)
      if result.squareMean <= limit {
        strict = middle
        best = result
      } else {
        loose = middle
      }
    }
    return best
  }

  private func books(
    _ policy: StudyPolicy, _ knob: Double, _ setting: Setting, _ world: FadingWorld, _ seed: Int
  ) -> StudyBooks {
    let decider = StudyDecider(
      policy, knob: knob, problem: bench.problem(setting.scenario), visitEnergy: StudyChannel.visitEnergy(world),
      seed: UInt64(seed) &+ 1)
    let player = StudyPlayer(decider, world: world, layers: bench.layers, scenario: setting.scenario)
    for token in 0..<trace.tokens {
      player.books.tokens += 1
      for layer in bench.layers.indices where player.decides(layer) {
        _ = player.play(token: token, layer: layer, routed: trace.routed(token, layer: layer))
      }
    }
    return player.books
  }
}
