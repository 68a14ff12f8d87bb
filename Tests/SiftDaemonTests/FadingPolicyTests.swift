// The default policy over channels that fade: what it spends, what it books, what it learns.

import ExpertExec
import Glibc
import SiftCore
import SiftDaemon
import SiftPolicy
import SiftTestKit
import Testing

/// A gateway with two nodes over Rayleigh channels, one layer of six experts, two routed a token.
private final class FadingWorld {
  static let rates = [
    ChannelRate(minimumSNR: 4, goodput: 4e6), ChannelRate(minimumSNR: 30, goodput: 12e6),
    ChannelRate(minimumSNR: 150, goodput: 40e6),
  ]
  static let power = 2.0
  static let meanSNR = [100.0, 60]
  static let bits = 8 * Double(PolicySelectorTests.bytes.fixed + PolicySelectorTests.bytes.row(pairs: 1))

  /// Age of every sample when it is used, in turns of the channel (f_D·τ).
  let turns: Double
  /// How much stronger the channels are said to be than they are.
  let optimism: Double
  private var random = SeededGenerator(seed: 5)
  private(set) var now = PolicySelectorTests.epoch
  private(set) var world: Conditions
  private(set) lazy var selector = PolicySelector(
    experts: [0, PolicySelectorTests.experts], perToken: 2, placement: PolicySelectorTests.placement,
    calibration: PolicySelectorTests.calibration, bytes: PolicySelectorTests.bytes,
    conditions: { [unowned self] in world }, now: { [unowned self] in now })
  /// Joules of the visits as they really went.
  private(set) var joules = 0.0
  private var gains = [0.0, 0.0]

  init(turns: Double, optimism: Double = 1) {
    self.turns = turns
    self.optimism = optimism
    world = Conditions(epoch: 0, nodes: [], wakeEnergy: 1e-5, wakeTime: 1e-3)
  }

  /// The expected goodput, which is all that a policy of the slow channel knows.
  private var visit: VisitCost {
    // Half of the marginal law of the first node is at the second rate.
    VisitCost(
      energyPerVisit: 0, energyPerByte: 8 * Self.power / 12e6, airtimePerVisit: 0, airtimePerByte: 8 / 12e6)
  }

  private func normal() -> Double {
    let u = Double.random(in: Double.leastNonzeroMagnitude..<1, using: &random)
    return (-2 * log(u)).squareRoot() * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
  }

  /// Draws the channels of the next step: samples of them are published, `turns` old.
  private func fade() {
    now += .milliseconds(50)
    let rho = SpecialFunctions.besselJ0(2 * .pi * turns)
    let rest = (1 - rho * rho).squareRoot()
    var nodes = [NodeConditions(isReachable: true, visit: .zero, computeEnergy: 1e-7, computeTime: 1e-5)]
    for node in 0..<2 {
      let (a, b) = (normal(), normal())
      let (c, d) = (rho * a + rest * normal(), rho * b + rest * normal())
      gains[node] = (c * c + d * d) / 2
      nodes.append(
        NodeConditions(
          isReachable: true, visit: visit, computeEnergy: 1e-7, computeTime: 1e-5,
          channel: ChannelPrediction(
            meanSNR: optimism * Self.meanSNR[node], riceFactor: 0, doppler: 10, sampledGain: (a * a + b * b) / 2,
            sampledAt: now - .seconds(turns / 10), rates: Self.rates)))
    }
    world.epoch += 1
    world.nodes = nodes
  }

  /// Takes one row of each of `ids` through `steps` steps.
  func run(_ ids: [SequenceID], steps: Int) {
    var late = Array(repeating: false, count: 2 * ids.count)
    var plan = LayerPlan(perToken: 2, capacity: ids.count)
    var routed = RoutedTokens(perToken: 2, capacity: ids.count)
    for _ in 0..<steps {
      fade()
      routed.reset(rows: ids.count)
      plan.reset(rows: ids.count)
      for row in ids.indices { route(row, &routed) }
      selector.beginStep(rows: ids)
      selector.decide(layer: 1, routed: routed, plan: &plan)
      var visited = Set<Int32>()
      for place in late.indices {
        let choice = plan.choices[place]
        late[place] = !choice.isSkip && choice.node > 0 && rate(Int(choice.node)) == nil
        if !choice.isSkip && choice.node > 0 { visited.insert(choice.node) }
      }
      if !visited.isEmpty { joules += world.wakeEnergy }
      for node in visited { joules += Self.power * Self.bits / (rate(Int(node)) ?? Self.rates[0].goodput) }
      selector.settle(layer: 1, plan: plan, fellBack: late)
    }
  }

  private func route(_ row: Int, _ routed: inout RoutedTokens) {
    let first = Int32.random(in: 0..<6, using: &random)
    let second = (first + Int32.random(in: 1..<6, using: &random)) % 6
    let weight = Float.random(in: 0.5...0.95, using: &random)
    (routed.experts[2 * row], routed.experts[2 * row + 1]) = (first, second)
    (routed.weights[2 * row], routed.weights[2 * row + 1]) = (weight, 1 - weight)
  }

  /// Goodput that the channel to `node` really has; nil in an outage.
  private func rate(_ node: Int) -> Double? {
    Self.rates.last { $0.minimumSNR <= Self.meanSNR[node - 1] * gains[node - 1] }?.goodput
  }
}

@Suite struct FadingPolicyTests {
  static let one = PolicySelectorTests.one

  static func settings(_ policy: PolicyName, _ budget: Double) -> SiftSettings {
    SiftSettings(policy: policy, errorBudget: budget, latency: .milliseconds(20), lateness: 0.5)
  }

  /// Joules a token and root mean square booked error of one sequence.
  private func spend(
    _ policy: PolicyName, _ budget: Double, turns: Double, steps: Int
  ) -> (joules: Double, error: Double) {
    let world = FadingWorld(turns: turns)
    world.selector.register(Self.one, settings: Self.settings(policy, budget))
    world.run([Self.one], steps: steps)
    return (world.joules / Double(steps), world.selector.retire(Self.one).errorRMS)
  }

  @Test(arguments: [0.02, 0.1])
  func siftmoeKeepsTheAverageAndSpendsLessThanALimitForEveryToken(turns: Double) {
    let budget = 0.2
    let own = spend(.siftmoe, budget, turns: turns, steps: 20_000)
    #expect(abs(own.error / budget - 1) < 0.01, "\(own)")
    // The slow policy at the budget that books the same error.
    var (low, high) = (0.0, 1.0)
    for _ in 0..<12 {
      let middle = (low + high) / 2
      let isAbove = spend(.siftmoeSlow, middle, turns: turns, steps: 5_000).error > own.error
      (low, high) = isAbove ? (low, middle) : (middle, high)
    }
    let slow = spend(.siftmoeSlow, low, turns: turns, steps: 20_000)
    #expect(slow.error >= 0.8 * own.error, "\(slow)")
    #expect(own.joules < 0.85 * slow.joules, "\(own) \(slow)")
  }

  @Test func theAverageIsKeptByWhatCameNotByWhatWasForecast() {
    // The channels are said to be eight times as strong as they are: outages come that nobody expected.
    let budget = 0.15
    let world = FadingWorld(turns: 0.02, optimism: 8)
    world.selector.register(Self.one, settings: Self.settings(.siftmoe, budget))
    world.run([Self.one], steps: 10_000)
    let tally = world.selector.retire(Self.one)
    #expect(tally.expertsLate > 100)
    #expect(abs(tally.errorRMS / budget - 1) < 0.01, "\(tally)")
  }

  @Test func aNodeThatIsAlwaysLateIsGivenUpForAWhile() {
    let selector = PolicySelectorTests.selector(PolicySelectorTests.world())
    selector.register(Self.one, settings: PolicySelectorTests.settings(.siftmoe, 0))
    let row: [(Int32, Float)] = [(2, 0.9), (0, 0.1)]
    var nodes: [Int32] = []
    for step in 0..<800 {
      let plan = PolicySelectorTests.run(selector, [row], ids: [Self.one], fellBack: [step < 10, false])
      nodes.append(plan.choices[0].node)
    }
    #expect(nodes[0] == 1, "a node that nothing is known of is trusted")
    #expect(nodes[9] == 0 && nodes[50] == 0, "and not when it was late a few times")
    #expect(nodes.last == 1, "but gets another chance")
  }

  /// Takes expert 2, at node 1, through layers of one token each; `isLate` of every visit. - Returns: the nodes chosen.
  private func nodes(
    _ policy: PolicyName, isOverdue: Bool, steps: [Bool] = [true], isLate: Bool = false
  ) -> [Int32] {
    var world = PolicySelectorTests.world()
    world.nodes[1].isOverdue = isOverdue
    let selector = PolicySelectorTests.selector(world)
    selector.register(
      Self.one, settings: SiftSettings(policy: policy, errorBudget: 0.3, latency: .seconds(1), lateness: 1))
    let routed = PolicySelectorTests.routed([[(2, 0.9), (0, 0.1)]])
    var plan = LayerPlan(perToken: 2, capacity: 1)
    plan.reset(rows: 1)
    return steps.map { isNewStep in
      if isNewStep { selector.beginStep(rows: [Self.one]) }
      selector.decide(layer: 1, routed: routed, plan: &plan)
      selector.settle(layer: 1, plan: plan, fellBack: [isLate && plan.choices[0].node == 1, false])
      return plan.choices[0].node
    }
  }

  @Test func aNodeWhoseAnswerIsOverdueIsHardlyWorthAVisit() {
    #expect(nodes(.siftmoe, isOverdue: false) == [1])
    #expect(nodes(.siftmoe, isOverdue: true) == [0])
    #expect(nodes(.topk, isOverdue: true) == [1])
  }

  @Test func aNodeThatWasLateIsOverdueForTheRestOfTheStep() {
    #expect(nodes(.siftmoe, isOverdue: false, steps: [true, false, true], isLate: true) == [1, 0, 1])
  }

  /// A world of which node 1 is seen through a Rayleigh channel with a sample of now.
  private final class Sampled {
    var now = PolicySelectorTests.epoch
    var gain = 1.0
    var slowest = 4e6
    private(set) lazy var selector = PolicySelector(
      experts: [0, PolicySelectorTests.experts], perToken: 2, placement: PolicySelectorTests.placement,
      calibration: PolicySelectorTests.calibration, bytes: PolicySelectorTests.bytes,
      conditions: { [unowned self] in world }, now: { [unowned self] in now })

    private var world: Conditions {
      var world = PolicySelectorTests.world()
      world.nodes[1].channel = ChannelPrediction(
        meanSNR: 100, riceFactor: 0, doppler: 5, sampledGain: gain, sampledAt: now,
        rates: [
          ChannelRate(minimumSNR: 4, goodput: slowest), ChannelRate(minimumSNR: 60, goodput: 12e6),
        ])
      return world
    }

    init(rows: Int) {
      selector.register(
        FadingPolicyTests.one,
        settings: SiftSettings(policy: .siftmoe, errorBudget: 0.3, latency: .milliseconds(20), lateness: 1))
      selector.beginStep(rows: Array(repeating: FadingPolicyTests.one, count: rows))
    }

    /// Where expert 2, at node 1, is executed for the first row of a layer.
    func layer(rows: Int = 1) -> Int32 {
      let routed = PolicySelectorTests.routed(Array(repeating: [(2, 0.9), (0, 0.1)], count: rows))
      var plan = LayerPlan(perToken: 2, capacity: rows)
      plan.reset(rows: rows)
      selector.decide(layer: 1, routed: routed, plan: &plan)
      selector.settle(layer: 1, plan: plan, fellBack: Array(repeating: false, count: 2 * rows))
      return plan.choices[0].node
    }
  }

  @Test func aFadeInTheMiddleOfAStepIsSeenByItsNextLayer() {
    let sampled = Sampled(rows: 1)
    #expect(sampled.layer() == 1)
    sampled.gain = 1e-3
    sampled.now += .milliseconds(4)
    #expect(sampled.layer() == 1, "what was forecast just now stands")
    sampled.now += .milliseconds(1)
    #expect(sampled.layer() == 0)
    sampled.gain = 1
    sampled.now += .milliseconds(40)
    #expect(sampled.layer() == 1)
  }

  @Test func aVisitIsForecastWithAllTheRowsThatItMayCarry() {
    // In time at the slowest rate, which is that of now, with one row and not with sixty-four.
    for (rows, node) in [(1, Int32(1)), (64, 0)] {
      let sampled = Sampled(rows: rows)
      sampled.slowest = 2.5e5
      sampled.gain = 0.2
      sampled.now += .milliseconds(5)
      #expect(sampled.layer(rows: rows) == node, "\(rows)")
    }
  }

  @Test func theNextRequestBeginsWithThePriceThatWasLearned() {
    let budget = 0.2
    let world = FadingWorld(turns: 0.05)
    world.selector.register(Self.one, settings: Self.settings(.siftmoe, budget))
    world.run([Self.one], steps: 5_000)
    world.selector.retire(Self.one)
    // Short requests, one after another: each begins near the budget.
    var sum = 0.0
    for number in 0..<50 {
      let id = SequenceID(UInt64(1000 + number))
      world.selector.register(id, settings: Self.settings(.siftmoe, budget))
      world.run([id], steps: 100)
      sum += world.selector.retire(id).squareSum
    }
    let rms = (sum / 5_000).squareRoot()
    #expect(abs(rms / budget - 1) < 0.05, "\(rms)")
  }

  @Test func aChunkOfManyRowsDoesNotSeeOnePriceAlone() {
    // 64 rows of one sequence in every step: the price moves within the step, so that the average holds.
    let budget = 0.2
    let world = FadingWorld(turns: 0.05)
    world.selector.register(Self.one, settings: Self.settings(.siftmoe, budget))
    world.run(Array(repeating: Self.one, count: 64), steps: 400)
    let tally = world.selector.retire(Self.one)
    #expect(tally.decisions == 64 * 400)
    #expect(abs(tally.errorRMS / budget - 1) < 0.02, "\(tally.errorRMS)")
  }

  @Test func noErrorAllowedIsTopK() {
    var random = SeededGenerator(seed: 8)
    let own = PolicySelectorTests.selector(PolicySelectorTests.world())
    let exact = PolicySelectorTests.selector(PolicySelectorTests.world())
    own.register(Self.one, settings: PolicySelectorTests.settings(.siftmoe, 0))
    exact.register(Self.one, settings: PolicySelectorTests.settings(.topk, 0))
    for _ in 0..<200 {
      let ids = Array((0..<Int32(PolicySelectorTests.experts)).shuffled(using: &random).prefix(2))
      let row = [(ids[0], Float(0.6)), (ids[1], Float(0.4))]
      let plans = [own, exact].map { PolicySelectorTests.run($0, [row], ids: [Self.one]) }
      #expect(plans[0].choices == plans[1].choices)
    }
  }
}
