// Nodes whose channels fade, slowly or fast, by a law that is known.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

import SiftPolicy

/// Channels with Rician scatter (fast) or a gain that holds for a token (slow, Nakagami).
public struct FadingWorld: ChannelWorld, Sendable {
  /// How a channel changes.
  public enum Law: Sendable, Hashable {
    /// A new gain for every token, Gamma of this shape and mean 1, known exactly while the token is decided.
    case slow(shape: Double)
    /// Rician with factor K and Doppler shift in hertz; sampled `age` seconds before the first layer, and layers follow
    /// one another in `layerTime` seconds.
    case fast(riceFactor: Double, doppler: Double, age: Double, layerTime: Double)
  }

  public let law: Law
  public let radio: SimulatedRadio
  /// `[node]`: mean signal-to-noise ratio in dB.
  public let meanDecibels: [Double]
  /// Bytes of a visit, up and down together.
  public let bytes: Double
  /// Seconds of airtime after which a visit counts as failed.
  public let limit: Double
  private let layers: Int
  private let processes: [FadingProcess]
  /// `[node][token]`: slow gains.
  private let blocks: [[Double]]
  /// `[node][layer][sampled gain in steps of a quarter decibel]`.
  private let forecasts: [[[VisitKnowledge]]]
  private let means: [VisitKnowledge]

  static let stepsPerDecibel = 4.0
  static let lowestDecibels = -40.0
  static let steps = 240

  /// - Parameter tokens: tokens that slow gains are drawn for; a later token sees the first one's again.
  public init(
    law: Law, radio: SimulatedRadio, meanDecibels: [Double], bytes: Double, limit: Double, layers: Int, tokens: Int,
    using random: inout some RandomNumberGenerator
  ) {
    self.law = law
    self.radio = radio
    self.meanDecibels = meanDecibels
    self.bytes = bytes
    self.limit = limit
    self.layers = layers
    var processes: [FadingProcess] = []
    var blocks: [[Double]] = []
    var forecasts: [[[VisitKnowledge]]] = []
    var means: [VisitKnowledge] = []
    for node in meanDecibels.indices {
      switch law {
      case .slow(let shape):
        var gains: [Double] = []
        for _ in 0..<max(1, tokens) { gains.append(random.gammaDraw(shape: shape)) }
        blocks.append(gains)
        // The law alone: the average over what was drawn.
        means.append(Self.average(gains, radio, meanDecibels[node], bytes, limit))
      case .fast(let rice, let doppler, let age, let layerTime):
        processes.append(FadingProcess(riceFactor: rice, doppler: doppler, using: &random))
        let snr = pow(10, meanDecibels[node] / 10)
        guard let channel = FadingChannel(meanSNR: snr, riceFactor: rice, doppler: doppler), let table = radio.table
        else { continue }
        func forecast(_ gain: GainForecast) -> VisitKnowledge {
          let failed = radio.visit(bytes: bytes, goodput: nil, limit: limit)
          let fixed = radio.fixedEnergy(bytes: bytes) - radio.watts * radio.overhead
          let visit = VisitForecast(
            gain: gain, meanSNR: snr, table: table, bits: bytes * 8,
            price: .init(power: radio.watts, perVisit: fixed, overhead: radio.overhead, outage: failed.energy - fixed),
            limit: limit)
          return VisitKnowledge(energy: visit.energy, airtime: visit.airtime, outage: visit.outage)
        }
        means.append(forecast(GainForecast(of: channel)))
        forecasts.append(
          (0..<layers).map { layer in
            (0..<Self.steps).map { step in
              let gain = pow(10, (Self.lowestDecibels + (Double(step) + 0.5) / Self.stepsPerDecibel) / 10)
              return forecast(
                GainForecast(of: channel, sampledGain: gain, age: age + Double(layer) * layerTime, phases: 16))
            }
          })
      }
    }
    self.processes = processes
    self.blocks = blocks
    self.forecasts = forecasts
    self.means = means
  }

  public var nodes: Int { meanDecibels.count }

  public func truth(node: Int, token: Int, layer: Int) -> VisitTruth {
    visit(node, gain: gain(node, token, layer: layer))
  }

  public func known(node: Int, token: Int, layer: Int, view: ChannelView) -> VisitKnowledge {
    guard case .fast = law else {
      return view == .mean ? means[node] : Self.certain(truth(node: node, token: token, layer: layer))
    }
    switch view {
    case .clairvoyant: return Self.certain(truth(node: node, token: token, layer: layer))
    case .sample: return Self.certain(visit(node, gain: gain(node, token, layer: nil)))
    case .mean: return means[node]
    case .forecast:
      let decibels = 10 * log10(max(gain(node, token, layer: nil), 1e-30))
      let step = Int(((decibels - Self.lowestDecibels) * Self.stepsPerDecibel).rounded(.down))
      return forecasts[node][layer][min(Self.steps - 1, max(0, step))]
    }
  }

  /// The gain in a layer; `layer` nil: when the sample is taken.
  private func gain(_ node: Int, _ token: Int, layer: Int?) -> Double {
    switch law {
    case .slow: return blocks[node][token % blocks[node].count]
    case .fast(_, _, let age, let layerTime):
      let start = Double(token) * (age + Double(layers) * layerTime)
      return processes[node].gain(at: start + (layer.map { age + Double($0) * layerTime } ?? 0))
    }
  }

  private func visit(_ node: Int, gain: Double) -> VisitTruth {
    let decibels = meanDecibels[node] + 10 * log10(max(gain, 1e-30))
    return radio.visit(bytes: bytes, goodput: radio.goodput(decibels: decibels), limit: limit)
  }

  static func certain(_ visit: VisitTruth) -> VisitKnowledge {
    VisitKnowledge(energy: visit.energy, airtime: visit.airtime, outage: visit.arrives ? 0 : 1)
  }

  private static func average(
    _ gains: [Double], _ radio: SimulatedRadio, _ decibels: Double, _ bytes: Double, _ limit: Double
  ) -> VisitKnowledge {
    var sum = VisitKnowledge(energy: 0, airtime: 0, outage: 0)
    for gain in gains {
      let visit = radio.visit(
        bytes: bytes, goodput: radio.goodput(decibels: decibels + 10 * log10(max(gain, 1e-30))), limit: limit)
      sum.energy += visit.energy
      sum.airtime += visit.arrives ? visit.airtime : 0
      sum.outage += visit.arrives ? 0 : 1
    }
    let count = Double(gains.count)
    return VisitKnowledge(
      energy: sum.energy / count, airtime: sum.airtime / max(1, count - sum.outage), outage: sum.outage / count)
  }
}
