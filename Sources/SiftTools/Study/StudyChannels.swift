// The channels of a study, made from a scenario and a seed.

import ExpertExec
import SiftSimulation

/// Which channel a run is over.
enum StudyChannel: String, CaseIterable, Sendable {
  /// A gain that holds for a token and is known.
  case slow
  /// A gain that changes between its measurement and its use.
  case fast
  /// The goodput of recorded links; what is known is the second before.
  case recorded

  /// The radio's mean price of a visit over all nodes, joules: the unit of the policies' price for error.
  static func visitEnergy(_ world: any ChannelWorld) -> Double {
    var sum = 0.0
    for node in 0..<world.nodes { sum += world.known(node: node, token: 0, layer: 0, view: .mean).energy }
    return sum / Double(max(1, world.nodes))
  }
}

extension StudyScenario {
  /// Tokens a second over a recorded channel.
  static let tokensPerSecond = 20.0

  /// A world that fades by a law.
  func fading(_ law: FadingWorld.Law, layers: Int, tokens: Int, seed: Int) -> FadingWorld {
    var random = Xoshiro(seed: UInt64(seed) &+ 0x5157)
    return FadingWorld(
      law: law, radio: radio, meanDecibels: decibels, bytes: visitBytes, limit: latency, layers: layers,
      tokens: tokens, using: &random)
  }

  static let slowLaw = FadingWorld.Law.slow(shape: 2)
  static let fastLaw = FadingWorld.Law.fast(
    riceFactor: riceFactor, doppler: doppler, age: sampleAge, layerTime: layerTime)

  /// A recorded world. The first quarter is the forecast's past; seeds begin at different seconds of the rest.
  func replay(_ links: RecordedLinks, seed: Int, seeds: Int) -> RecordedWorld {
    let past = links.goodput.count / 4
    return RecordedWorld(
      links, radio: radio, bytes: visitBytes, limit: latency,
      start: past + 1 + seed * (links.goodput.count - past) / max(1, seeds), tokensPerSecond: Self.tokensPerSecond)
  }
}
