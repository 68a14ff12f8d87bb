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
  let policies: [StudyPolicy]
  let trace: RoutingTrace
  let seeds: Int

  /// What the root mean square error may be beyond Top-K's, unless it is what is swept: about one percent of perplexity
  /// on the reference model. Visits that fail make an error that no choice of Top-K's can help, so a limit for all channels
  /// alike would be out of everybody's reach on the worse ones.
  static let error = 0.07

  /// What a policy costs at one place of a sweep.
  struct Outcome {
    let sweep: String
    let value: Double
    let unit: String
    let channel: StudyChannel
    let policy: String
    let seed: Int
    let joulesPerToken: Double
    /// Of Top-K's energy, in percent.
    let saving: Double
    /// The mean square error that is kept.
    let limit: Double
  }
  private(set) var outcomes: [Outcome] = []

  init(bench: StudyBench, policies: [StudyPolicy], trace: RoutingTrace, seeds: Int) {
    self.bench = bench
    self.policies = policies
    self.trace = trace
    self.seeds = seeds
  }

  var table: StudyTable {
    var table = StudyTable(
      "sweeps",
      [
        "sweep", "value", "unit", "channel", "policy", "seed", "joules_per_token", "saving_percent",
        "mean_square_error_limit",
      ])
    for outcome in outcomes {
      table.add([
        .text(outcome.sweep), .number(outcome.value), .text(outcome.unit), .text(outcome.channel.rawValue),
        .text(outcome.policy), .count(outcome.seed), .number(outcome.joulesPerToken), .number(outcome.saving),
        .number(outcome.limit),
      ])
    }
    return table
  }

  /// One plot: a sweep over a channel, its places in order.
  struct Plot {
    let sweep: String
    let unit: String
    let channel: StudyChannel
    var values: [Double] = []
    /// Of its files.
    var name: String {
      "sweep-\(sweep.split(separator: " ").joined(separator: "-").lowercased())-\(channel.rawValue)"
    }
  }

  var plots: [Plot] {
    var plots: [Plot] = []
    for outcome in outcomes {
      let at = plots.firstIndex { $0.sweep == outcome.sweep && $0.channel == outcome.channel } ?? plots.endIndex
      if at == plots.endIndex {
        plots.append(Plot(sweep: outcome.sweep, unit: outcome.unit, channel: outcome.channel))
      }
      if !plots[at].values.contains(outcome.value) { plots[at].values.append(outcome.value) }
    }
    return plots
  }

  /// What every policy but Top-K saves at one place of a plot, in percent, means over the seeds; the most first.
  func savings(_ plot: Plot, _ value: Double) -> [(policy: String, saving: Double)] {
    policies.map { policy in
      let found = outcomes.filter {
        $0.sweep == plot.sweep && $0.channel == plot.channel && $0.value == value && $0.policy == policy.name
      }
      return (policy.name, Statistics.mean(found.map(\.saving)))
    }.sorted { $0.saving > $1.saving }
  }

  /// One scenario, and the places of a sweep that it serves: each with the error allowed beyond Top-K's.
  private struct Setting {
    let sweep: String
    let unit: String
    let channel: StudyChannel
    var scenario: StudyScenario
    var law: FadingWorld.Law
    let places: [(value: Double, error: Double)]
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
            sweep: sweep, unit: unit, channel: channel, scenario: base, law: law, places: [(value, Self.error)])
          change(&setting, value)
          settings.append(setting)
        }
      }
      settings.append(
        Setting(
          sweep: "error budget", unit: "r.m.s. error", channel: channel, scenario: base, law: law,
          places: [0, 0.02, 0.04, 0.07, 0.1, 0.14, 0.2].map { ($0, $0) }))
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
    let top = books(.topk, 0, setting, world, seed)
    func note(_ policy: StudyPolicy, _ curve: StudyCurve) {
      for place in setting.places {
        let saved = curve.saving(at: place.error * place.error) ?? 0
        outcomes.append(
          Outcome(
            sweep: setting.sweep, value: place.value, unit: setting.unit, channel: setting.channel, policy: policy.name,
            seed: seed, joulesPerToken: top.joulesPerToken - saved,
            saving: top.joulesPerToken > 0 ? saved / top.joulesPerToken * 100 : 0,
            limit: top.squareMean + place.error * place.error))
      }
    }
    // Settings that take turns have every error between theirs and energy in proportion, and Top-K is a setting that
    // everybody has.
    var start = StudyCurve()
    start.add(increase: 0, saving: 0)
    note(.topk, start)
    for policy in policies {
      var curve = start
      for knob in policy.knobs {
        let books = books(policy, knob, setting, world, seed)
        curve.add(
          increase: books.squareMean - top.squareMean, saving: top.joulesPerToken - books.joulesPerToken)
      }
      note(policy, curve)
    }
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
