// Study (a): what each policy saves at equal quality, over slow, fast and recorded channels.

import ExpertExec
import SiftPolicy
import SiftSimulation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Runs every policy at every setting of its knob over the same tokens and channels, and compares at equal perplexity.
struct StudyQuality {
  let bench: StudyBench
  let channels: [StudyChannel]
  let policies: [StudyPolicy]
  let seeds: Int
  /// Every `stride`-th window is read by one seed.
  let stride: Int
  let links: RecordedLinks?

  /// Increases of perplexity in percent at which savings are stated.
  static let targets = [1.0, 2, 5]

  private(set) var points = StudyTable(
    "quality-points",
    [
      "channel", "policy", "knob", "seed", "log_loss_nats", "perplexity_increase_percent", "joules_per_token",
      "saving_percent", "visits_per_token", "layers_with_visit_per_token", "failed_visits_share", "mean_square_error",
    ])
  private(set) var savings = StudyTable(
    "quality-savings",
    ["channel", "policy", "perplexity_increase_percent", "saving_percent", "low_percent", "high_percent", "seeds"])

  init(
    bench: StudyBench, channels: [StudyChannel], policies: [StudyPolicy], seeds: Int, stride: Int,
    links: RecordedLinks?
  ) {
    self.bench = bench
    self.channels = channels
    self.policies = policies
    self.seeds = seeds
    self.stride = stride
    self.links = links
  }

  mutating func run() throws(ToolFailure) {
    let knobs = 1 + policies.reduce(0) { $0 + $1.knobs.count }
    let tokens = (0..<seeds).reduce(0) { $0 + Self.tokens(bench.windows(seed: $1, step: stride)) }
    let bar = ProgressBar(label: "study quality", unit: "tokens", total: channels.count * knobs * tokens)
    defer { bar.finish() }
    for channel in channels {
      var curves: [String: [StudyCurve]] = [:]
      for seed in 0..<seeds {
        for (policy, curve) in try run(channel, seed: seed, bar) { curves[policy, default: []].append(curve) }
      }
      for policy in policies { summarise(channel, policy.name, curves[policy.name] ?? []) }
    }
  }

  private static func tokens(_ windows: [[Int32]]) -> Int { windows.reduce(0) { $0 + $1.count } }

  private mutating func run(
    _ channel: StudyChannel, seed: Int, _ bar: ProgressBar
  ) throws(ToolFailure) -> [(String, StudyCurve)] {
    let windows = bench.windows(seed: seed, step: stride)
    let scenario = Self.scenario(channel, bench.model, links)
    let world = world(channel, scenario, tokens: Self.tokens(windows), seed: seed)
    let unit = StudyChannel.visitEnergy(world)
    func outcome(_ policy: StudyPolicy, _ knob: Double) throws(ToolFailure) -> StudyOutcome {
      try bench.run(
        policy, knob: knob, world: world, scenario: scenario, windows: windows, seed: seed, visitEnergy: unit
      ) { bar.advance(by: $0) }
    }
    let top = try outcome(.topk, 0)
    add(channel, .topk, 0, seed, top, top)
    var curves: [(String, StudyCurve)] = []
    for policy in policies {
      var curve = StudyCurve()
      curve.add(increase: 0, saving: 0)
      for knob in policy.knobs {
        let result = try outcome(policy, knob)
        add(channel, policy, knob, seed, result, top)
        curve.add(increase: Self.increase(result, top), saving: Self.saving(result, top))
      }
      curves.append((policy.name, curve))
    }
    return curves
  }

  static func scenario(_ channel: StudyChannel, _ model: LoadedModel, _ links: RecordedLinks?) -> StudyScenario {
    guard channel == .recorded, let links else { return .standard(model) }
    // Where there are links enough every far expert is at two of them, so that one dead link is no dead expert.
    return .standard(model, nodes: links.links.count, replicas: links.links.count >= 4 ? 2 : 1)
  }

  private func world(
    _ channel: StudyChannel, _ scenario: StudyScenario, tokens: Int, seed: Int
  ) -> any ChannelWorld {
    if channel == .recorded, let links { return scenario.replay(links, seed: seed, seeds: seeds) }
    let law = channel == .fast ? StudyScenario.fastLaw : StudyScenario.slowLaw
    return scenario.fading(law, layers: bench.layers.count, tokens: tokens, seed: seed)
  }

  /// Percent of perplexity over Top-K's on the same channel.
  private static func increase(_ outcome: StudyOutcome, _ top: StudyOutcome) -> Double {
    expm1(outcome.logLoss - top.logLoss) * 100
  }
  private static func saving(_ outcome: StudyOutcome, _ top: StudyOutcome) -> Double {
    (1 - outcome.joulesPerToken / top.joulesPerToken) * 100
  }

  private mutating func add(
    _ channel: StudyChannel, _ policy: StudyPolicy, _ knob: Double, _ seed: Int, _ result: StudyOutcome,
    _ top: StudyOutcome
  ) {
    points.add([
      .text(channel.rawValue), .text(policy.name), .number(knob), .count(seed), .number(result.logLoss),
      .number(Self.increase(result, top)), .number(result.joulesPerToken), .number(Self.saving(result, top)),
      .number(result.visitsPerToken), .number(result.layersPerToken), .number(result.failed),
      .number(result.squareMean),
    ])
  }

  private mutating func summarise(_ channel: StudyChannel, _ policy: String, _ curves: [StudyCurve]) {
    for target in Self.targets {
      let found = curves.compactMap { $0.saving(at: target) }
      let interval = found.count == curves.count && !found.isEmpty ? Statistics.meanInterval(found) : nil
      savings.add([
        .text(channel.rawValue), .text(policy), .number(target), .maybe(interval?.value), .maybe(interval?.low),
        .maybe(interval?.high), .count(found.count),
      ])
    }
  }
}
