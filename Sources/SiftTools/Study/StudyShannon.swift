// Study (c): the three shapes of arXiv 2603.23888 over its radio: Shannon's energy, path loss, Gamma fading.

import ExpertExec
import SiftPolicy
import SiftSimulation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One of the paper's models.
package struct PaperShape: Sendable, Hashable {
  package let name: String
  let experts: Int
  let routed: Int
  /// Width of the hidden state: 16 bits an element go up.
  let width: Int
  /// Hertz, and seconds a layer may take.
  package let bandwidth: Double
  package let deadline: Double

  package static let all = [
    PaperShape(name: "switch-base-8", experts: 8, routed: 1, width: 768, bandwidth: 1e6, deadline: 0.7),
    PaperShape(name: "mixtral-8x7b", experts: 8, routed: 2, width: 4096, bandwidth: 2e6, deadline: 0.074),
    PaperShape(name: "gpt-oss-20b", experts: 32, routed: 4, width: 2880, bandwidth: 0.8e6, deadline: 0.35),
  ]
}

/// One user, one expert a node, all nodes within 150 m; 38 dBm at most, path loss exponent 4, gain Gamma(2, 1), noise
/// −174 dBm/Hz. The paper's routing and distances are not published, so both are drawn: weights from a softmax of
/// normal scores, distances between experts from the calibration at hand (experts of a layer, drawn with replacement).
struct StudyShannon {
  let layers: [StudyLayer]
  let seeds: Int
  let tokens: Int

  static let wattsMax = 6.30957344480193  // 38 dBm
  static let noise = 3.98107170553497e-21  // −174 dBm/Hz, in W/Hz
  static let reach = 150.0
  static let gammaShape = 2.0
  /// Experts that are not worth more than this many places are left out of a decision: the routed ones come first, then
  /// those with the best channels.
  static let placesMax = 8

  private(set) var budgets = StudyTable(
    "paper-budgets",
    [
      "model", "policy", "knob", "seed", "bandwidth_hz", "deadline_s", "joules_per_token_layer", "error_mean",
      "weight_lost",
    ])
  private(set) var slots = StudyTable(
    "paper-slots", ["model", "seed", "slots", "scheduled_joules", "uniform_joules"])

  init(layers: [StudyLayer], seeds: Int, tokens: Int) {
    self.layers = layers
    self.seeds = seeds
    self.tokens = tokens
  }

  static let policies: [(PolicyName, [Double])] = [
    (.topk, [0]), (.siftmoeToken, [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8]), (.wdmoe, [0.1, 0.2, 0.4, 0.6, 0.8, 1]),
    (.adaptive, [0.05, 0.1, 0.2, 0.3, 0.5]), (.des, [0.05, 0.1, 0.2, 0.3, 0.5]),
  ]

  mutating func run() {
    let bar = ProgressBar(label: "study paper", unit: "runs", total: PaperShape.all.count * seeds)
    defer { bar.finish() }
    for shape in PaperShape.all {
      for seed in 0..<seeds {
        sweepBudgets(shape, seed)
        for factor in [0.5, 0.75, 1.5, 2] {
          var wider = shape
          wider = PaperShape(
            name: shape.name, experts: shape.experts, routed: shape.routed, width: shape.width,
            bandwidth: shape.bandwidth * factor, deadline: shape.deadline)
          sweep(wider, .siftmoeToken, 0.2, seed)
          sweep(wider, .topk, 0, seed)
          let later = PaperShape(
            name: shape.name, experts: shape.experts, routed: shape.routed, width: shape.width,
            bandwidth: shape.bandwidth, deadline: shape.deadline * factor)
          sweep(later, .siftmoeToken, 0.2, seed)
          sweep(later, .topk, 0, seed)
        }
        scheduleBits(shape, seed)
        bar.advance(by: 1)
      }
    }
  }

  private mutating func sweepBudgets(_ shape: PaperShape, _ seed: Int) {
    for (policy, knobs) in Self.policies { for knob in knobs { sweep(shape, policy, knob, seed) } }
  }

  /// Joules to send a hidden state in `seconds` at power gain `gain` (path loss included); infinite beyond the power.
  static func uplink(_ shape: PaperShape, seconds: Double, gain: Double) -> Double {
    let bits = 16 * Double(shape.width)
    let watts = noise * shape.bandwidth / gain * expm1(bits / (seconds * shape.bandwidth) * log(2))
    return watts <= wattsMax ? watts * seconds : .infinity
  }

  private mutating func sweep(_ shape: PaperShape, _ policy: PolicyName, _ knob: Double, _ seed: Int) {
    var random = Xoshiro(seed: UInt64(seed) &+ 77)
    // Nodes are spread evenly over the disc; expert 0 is the user's own.
    let metres = (0..<shape.experts).map { _ in max(1, Self.reach * random.unitDraw().squareRoot()) }
    let decider = ExpertPolicy(
      policy, routed: shape.routed, places: Self.placesMax + 1, stepsMax: 100_000, seed: UInt64(seed) &+ 3)
    let slot = shape.deadline / Double(shape.routed)
    var (joules, error, lost) = (0.0, 0.0, 0.0)
    for token in 0..<tokens {
      let problem = problem(shape, layers[token % layers.count], metres, slot, knob, &random)
      let answer = decider.decide(problem)
      let sums = DecisionSums(problem, answer.choices)
      joules += sums.energy
      error += sums.error
      for (routed, choice) in zip(problem.routed, answer.choices) where choice.isSkip || choice.target != routed.expert
      {
        lost += routed.weight
      }
    }
    let count = Double(tokens)
    budgets.add([
      .text(shape.name), .text(policy.rawValue), .number(knob), .count(seed), .number(shape.bandwidth),
      .number(shape.deadline), .number(joules / count), .number(error / count), .number(lost / count),
    ])
  }

  private func problem(
    _ shape: PaperShape, _ layer: StudyLayer, _ metres: [Double], _ slot: Double, _ knob: Double,
    _ random: inout Xoshiro
  ) -> TokenProblem {
    let scores = (0..<shape.experts).map { _ in random.normalDraw() }
    let order = scores.indices.sorted { scores[$0] > scores[$1] }.prefix(shape.routed)
    let total = order.reduce(0) { $0 + exp(scores[$1]) }
    let gains = metres.map { pow($0, -4) * random.gammaDraw(shape: Self.gammaShape) }
    let energies = gains.map { Self.uplink(shape, seconds: slot, gain: $0) }
    let others = energies.indices.filter { $0 > 0 && !order.contains($0) }.sorted { energies[$0] < energies[$1] }
    let used = (order.filter { $0 > 0 } + others).prefix(Self.placesMax)
    var places = [ExpertPlace(experts: [0])]
    for expert in used {
      places.append(
        ExpertPlace(
          experts: [expert], radioEnergy: energies[expert].isFinite ? energies[expert] : 0, airtime: slot,
          isReachable: energies[expert].isFinite))
    }
    return TokenProblem(
      routed: order.map { RoutedExpert(expert: $0, weight: exp(scores[$0]) / total) },
      distance: distances(shape, layer, &random), places: places, errorBudget: knob,
      latencyLimit: shape.deadline * (1 + 1e-9))
  }

  /// Distances between as many experts as the shape has, drawn once a call from the layer's own.
  private func distances(_ shape: PaperShape, _ layer: StudyLayer, _ random: inout Xoshiro) -> DistanceMatrix {
    let source = layer.linear.matrix
    let drawn = (0..<shape.experts).map { _ in Int(random.next() % UInt64(source.experts)) }
    var replacing: [Double] = []
    for i in 0..<shape.experts {
      for j in 0..<shape.experts {
        let distance = source.replacing(drawn[i], by: drawn[j])
        // Two copies of one expert stand for two that are not alike: as far apart as its nearest neighbour.
        let other = (0..<source.experts).filter { $0 != drawn[i] }.map { source.replacing(drawn[i], by: $0) }.min()
        replacing.append(i == j ? 0 : drawn[i] == drawn[j] ? other ?? distance : distance)
      }
    }
    return DistanceMatrix(experts: shape.experts, replacing: replacing, skipping: drawn.map { source.skipping[$0] })
  }

  /// Bits scheduled by the dynamic programme against the same bits in every slot, over the same gains.
  private mutating func scheduleBits(_ shape: PaperShape, _ seed: Int) {
    var random = Xoshiro(seed: UInt64(seed) &+ 901)
    let quantiles = (0..<4096).map { _ in random.gammaDraw(shape: Self.gammaShape) }.sorted()
    let gains = stride(from: 32, to: 4096, by: 64).map { quantiles[$0] }
    let path = pow(75.0, -4)
    for count in [2, 5, 10, 20] {
      let seconds = shape.deadline / Double(shape.routed) / Double(count)
      let quanta = 40
      let quantum = 16 * Double(shape.width) / Double(quanta)
      guard let slot = ShannonSlot(duration: seconds, bandwidth: shape.bandwidth, noise: Self.noise / path),
        let schedule = BitSchedule(slot: slot, slots: count, quanta: quanta, quantum: quantum, gains: gains)
      else { continue }
      var (scheduled, uniform) = (0.0, 0.0)
      for _ in 0..<2000 {
        var left = quanta
        for at in 0..<count {
          let gain = gains[Int(random.next() % UInt64(gains.count))]
          let now = schedule.send(slotsLeft: count - at, quantaLeft: left, gain: gain)
          scheduled += slot.energy(bits: Double(now) * quantum, gain: gain) / 2000
          uniform += slot.energy(bits: Double(quanta) / Double(count) * quantum, gain: gain) / 2000
          left -= now
        }
      }
      slots.add([.text(shape.name), .count(seed), .count(count), .number(scheduled), .number(uniform)])
    }
  }
}
