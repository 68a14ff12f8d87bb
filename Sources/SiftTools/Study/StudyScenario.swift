// The cluster that studies are about: who hosts what, and what everything costs, with the sources of the figures.

import ExpertExec
import SiftSimulation

/// Placement, computing and radio of a study. Figures that are not given by an option come from the sources named in
/// `sources` and were fixed before any result was looked at.
package struct StudyScenario {
  /// `[place][layer]` → experts; place 0 is the gateway.
  var experts: [[[Int]]]
  /// Mean signal-to-noise ratio to each node, dB; not used over a recorded channel.
  var decibels: [Double]
  /// Joules and seconds to execute one expert for one token, at any place.
  var computeEnergy: Double
  var computeTime: Double
  /// Bytes of a visit, up and down together.
  var visitBytes: Double
  /// Seconds that a layer's experts may take; a visit that takes longer is not waited for.
  var latency = 0.05
  /// Round trip before the first byte, seconds.
  var wakeTime = 0.0075
  var radio = SimulatedRadio.wifi

  /// Bytes a second that executing an expert streams, and watts above idle of the processor while it does.
  static let streamBytesPerSecond = 11.4e9
  static let processorWatts = 3.46

  /// What stands behind the figures, a line each.
  static let sources = [
    "radio: \(SimulatedRadio.wifi.source)",
    "mean SNR: 15 dBm, free space to 1 m at 2.437 GHz, path loss exponent 4 (arXiv 2603.23888), noise -94 dBm",
    "slow fading: power gain Gamma(shape 2, mean 1) (arXiv 2603.23888), one draw a token and node",
    "fast fading: Rician with the K that has the same second moment (Nakagami m = 2: K = 2.41); Doppler of 1.4 m/s at "
      + "2.437 GHz; the sample is 5 ms old when a token begins and layers follow one another in 7.5 ms (a round trip)",
    "computing: 3.46 W above idle (powerjoular, Raspberry Pi 5) while weights stream at 11.4 GB/s (measured on the same "
      + "board by distributed-llama users), so energy follows an expert's bytes",
  ]

  /// Rician factor whose Nakagami m is 2: m = (K+1)²/(2K+1).
  static let riceFactor = 1 + 2.0.squareRoot()
  /// Hertz: 1.4 m/s at 2.437 GHz.
  static let doppler = 1.4 * 2.437e9 / 299_792_458
  static let sampleAge = 0.005
  static let layerTime = 0.0075

  /// Metres to the nodes, the nearest first: further ones repeat the list.
  static let metres = [10.0, 15]

  /// The cluster of all studies: three eighths of the experts here, the rest on `nodes` nodes.
  static func standard(_ model: LoadedModel, nodes: Int = 2, replicas: Int = 1) -> StudyScenario {
    let description = model.engine.description
    let inner =
      description.layers.lazy.compactMap { layer -> Int? in
        if case .sparse(_, let inner) = layer.mlp { inner } else { nil }
      }.first ?? 0
    // Three matrices in bf16.
    let expertBytes = Double(3 * description.width * inner * 2)
    // A row up in f32 with ids and weights, its partial sum down in f64, and a header each way.
    let visit = Double(40 + 4 + 4 * description.width + 8 * 2 + 40 + 8 * description.width)
    let seconds = expertBytes / streamBytesPerSecond
    return StudyScenario(
      experts: spread(experts: model.experts, nodes: nodes, replicas: replicas),
      decibels: (0..<nodes).map { SimulatedRadio.meanDecibels(distance: metres[$0 % metres.count]) },
      computeEnergy: seconds * processorWatts, computeTime: seconds, visitBytes: visit)
  }

  /// The gateway hosts the first three eighths of the experts, the others lie in equal parts on `nodes` nodes. With
  /// `replicas` 2 the nodes form two rows that each hold everything.
  package static func spread(experts counts: [Int], nodes: Int, replicas: Int = 1) -> [[[Int]]] {
    let parts = max(1, nodes / replicas)
    return (0...nodes).map { place in
      counts.map { count in
        let local = count * 3 / 8
        if place == 0 { return Array(0..<local) }
        let part = (place - 1) % parts
        let far = count - local
        return Array((local + far * part / parts)..<(local + far * (part + 1) / parts))
      }
    }
  }
}
