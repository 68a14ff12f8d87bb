// From conditions, placement and settings to plans and books.

import ExpertExec
import SiftCore
import SiftDaemon
import SiftPolicy
import SiftTestKit
import Testing

@Suite struct PolicySelectorTests {
  static let experts = 6
  static let perToken = 2
  /// Distances: 0.5 between neighbours, 1 otherwise; a skip costs 1.
  static let calibration: Calibration = {
    let mean = (0..<experts * experts).map { at -> Float in
      let apart = abs(at / experts - at % experts)
      return apart == 0 ? 0 : apart == 1 ? 0.5 : 1
    }
    let skip = [Float](repeating: 1, count: experts)
    let layer = Calibration.Layer(
      scale: 1, counts: skip, mean: mean, rms: mean, quantile: mean, skipMean: skip, skipRMS: skip, skipQuantile: skip)
    return Calibration(
      modelHash: ContentHash(bytes: [UInt8](repeating: 7, count: 32))!, missRate: 0.1, tokens: 100,
      layers: [nil, layer])
  }()
  /// Experts 0, 1 at the gateway; 2, 3 at node 1; 4, 5 at node 2.
  static let placement = Placement(nodes: [[[], [0, 1]], [[], [2, 3]], [[], [4, 5]]])
  static let bytes = VisitBytes(width: 8, hiddenBytes: 4, sumBytes: 8)

  static func world(reachable: [Bool] = [true, true, true]) -> Conditions {
    let visit = VisitCost(energyPerVisit: 1, energyPerByte: 1e-3, airtimePerVisit: 1e-3, airtimePerByte: 1e-6)
    return Conditions(
      epoch: 1,
      nodes: reachable.enumerated().map { index, reachable in
        NodeConditions(
          isReachable: reachable, visit: index == 0 ? .zero : visit, computeEnergy: 1e-2, computeTime: 1e-4)
      }, wakeEnergy: 0.5, wakeTime: 1e-3)
  }

  static func selector(_ world: Conditions) -> PolicySelector {
    PolicySelector(
      experts: [0, experts], perToken: perToken, placement: placement, calibration: calibration, bytes: bytes,
      conditions: { world }, now: { epoch })
  }
  /// When all of this happens.
  static let epoch = ContinuousClock.now

  static func routed(_ rows: [[(Int32, Float)]]) -> RoutedTokens {
    var routed = RoutedTokens(perToken: perToken, capacity: rows.count)
    routed.reset(rows: rows.count)
    for (row, pairs) in rows.enumerated() {
      for (rank, pair) in pairs.enumerated() {
        routed.experts[row * perToken + rank] = pair.0
        routed.weights[row * perToken + rank] = pair.1
      }
    }
    return routed
  }

  /// Decides one layer and settles it. - Returns: the plan and the tallies of the sequences.
  static func run(
    _ selector: PolicySelector, _ rows: [[(Int32, Float)]], ids: [SequenceID], fellBack: [Bool]? = nil
  ) -> LayerPlan {
    var plan = LayerPlan(perToken: perToken, capacity: rows.count)
    plan.reset(rows: rows.count)
    selector.beginStep(rows: ids)
    selector.decide(layer: 1, routed: routed(rows), plan: &plan)
    selector.settle(
      layer: 1, plan: plan, fellBack: fellBack ?? Array(repeating: false, count: rows.count * perToken))
    return plan
  }

  static func settings(_ policy: PolicyName, _ budget: Double, latency: Duration = .seconds(1)) -> SiftSettings {
    SiftSettings(policy: policy, errorBudget: budget, latency: latency)
  }
  static let one = SequenceID(101)
  static let two = SequenceID(102)

  @Test func topkGoesWhereTheExpertsAre() {
    let selector = Self.selector(Self.world())
    selector.register(Self.one, settings: Self.settings(.topk, 0))
    let plan = Self.run(selector, [[(0, 0.6), (4, 0.4)]], ids: [Self.one])
    #expect(plan.choices.map(\.target) == [0, 4] && plan.choices.map(\.node) == [0, 2])
    #expect(plan.choices.map(\.weight) == [0.6, 0.4] && plan.choices.allSatisfy { $0.error == 0 })
    // What happens if node 2 is late: the nearest local expert is as far as a skip, and a skip costs nothing.
    #expect(plan.choices[1].fallbackTarget == ExpertChoice.skip && plan.choices[1].fallbackError == 0.4)
    let tally = selector.retire(Self.one)
    #expect(tally.expertsLocal == 1 && tally.expertsRemote == 1 && tally.visits == 1 && tally.visitsLate == 0)
    #expect(tally.layersWithVisit == 1)
    #expect(tally.tokens == 1 && tally.decisions == 1 && tally.errorSum == 0)
    #expect(tally.bytesUp == 40 + 4 + 8 * 4 + 8 && tally.bytesDown == 40 + 8 * 8)
    let moved = Double(tally.bytesUp + tally.bytesDown)
    #expect(abs(tally.radioJoules - (0.5 + 1 + moved * 1e-3)) < 1e-12)
  }

  @Test func theExactPolicyStaysAtHomeWhenTheBudgetAllows() {
    let selector = Self.selector(Self.world())
    selector.register(Self.one, settings: Self.settings(.siftmoeSlow, 0.25))
    // Expert 2 at 0.4 · 0.5 = 0.2 by the local neighbour 1.
    let plan = Self.run(selector, [[(0, 0.6), (2, 0.4)]], ids: [Self.one])
    #expect(plan.choices.map(\.target) == [0, 1] && plan.choices.map(\.node) == [0, 0])
    let tally = selector.retire(Self.one)
    #expect(tally.expertsReplaced == 1 && tally.expertsLocal == 1 && tally.visits == 0 && tally.radioJoules == 0)
    #expect(abs(tally.errorSum - 0.2) < 1e-6 && tally.infeasible == 0)
  }

  @Test(arguments: [PolicyName.topk, .siftmoeSlow, .siftmoe, .nearest])
  func anUnreachableNodeIsNeverChosenAndItsAbsenceIsBooked(_ policy: PolicyName) {
    let selector = Self.selector(Self.world(reachable: [true, false, true]))
    selector.register(Self.one, settings: Self.settings(policy, 0))
    let plan = Self.run(selector, [[(0, 0.6), (2, 0.4)]], ids: [Self.one])
    #expect(plan.choices.allSatisfy { $0.node != 1 })
    #expect(abs(selector.retire(Self.one).errorSum - 0.2) < 1e-6)
    #expect(plan.choices[1].target == 1 && plan.choices[1].error == 0.2)
  }

  @Test func whatCannotBeKeptIsCountedAndDecidedByTheLeastError() {
    let selector = Self.selector(Self.world(reachable: [true, false, true]))
    selector.register(Self.one, settings: Self.settings(.siftmoeSlow, 0.1))
    let plan = Self.run(selector, [[(0, 0.6), (2, 0.4)]], ids: [Self.one])
    #expect(plan.choices.map(\.target) == [0, 1])
    let tally = selector.retire(Self.one)
    #expect(tally.infeasible == 1 && abs(tally.errorSum - 0.2) < 1e-6)
  }

  @Test func theFixedPriceOfAVisitIsSharedAndBytesAreEachRowsOwn() {
    let selector = Self.selector(Self.world())
    for id in [Self.one, Self.two] { selector.register(id, settings: Self.settings(.topk, 0)) }
    _ = Self.run(selector, [[(0, 0.6), (4, 0.4)], [(4, 0.6), (5, 0.4)]], ids: [Self.one, Self.two])
    let first = selector.retire(Self.one)
    let second = selector.retire(Self.two)
    let row = Double(4 + 8 * 4 + 8 * 8)
    let fixed = (0.5 + 1 + 80e-3) / 2
    #expect(abs(first.radioJoules - (fixed + (row + 8) * 1e-3)) < 1e-12)
    #expect(abs(second.radioJoules - (fixed + (row + 16) * 1e-3)) < 1e-12)
    #expect(first.visits == 1 && second.visits == 1)
  }

  @Test func aRowJoinsAVisitWhereAlonePriceWouldKeepItAway() {
    // Expert 2 is at nodes 1 and 2, node 1 a little cheaper: alone a row takes node 1, but beside a row that has to
    // visit node 2 it goes there too.
    var world = Self.world()
    world.nodes[2].visit.energyPerVisit = 1.1
    let placement = Placement(nodes: [[[], [0, 1]], [[], [2, 3]], [[], [2, 4, 5]]])
    let selector = PolicySelector(
      experts: [0, Self.experts], perToken: 2, placement: placement, calibration: Self.calibration, bytes: Self.bytes,
      conditions: { world }, now: { Self.epoch })
    selector.register(Self.one, settings: Self.settings(.siftmoeSlow, 0))
    let alone = Self.run(selector, [[(0, 0.6), (2, 0.4)]], ids: [Self.one])
    #expect(alone.choices[1].node == 1)
    let joined = Self.run(selector, [[(0, 0.6), (4, 0.4)], [(0, 0.6), (2, 0.4)]], ids: [Self.one, Self.one])
    #expect(joined.choices.map(\.node) == [0, 2, 0, 2])
    // The two rows of one sequence share one exchange.
    #expect(selector.tally(Self.one)?.visits == 2 && selector.tally(Self.one)?.tokens == 3)
  }

  @Test func rowsOfAStepAreDecidedTogether() {
    // Alone the first row would go to node 1, a little cheaper; together both take the one visit that the second row needs.
    var world = Self.world()
    world.nodes[2].visit.energyPerVisit = 1.1
    let placement = Placement(nodes: [[[], [0, 1]], [[], [2, 3]], [[], [2, 4, 5]]])
    func plan(_ policy: PolicyName) -> [Int32] {
      let selector = PolicySelector(
        experts: [0, Self.experts], perToken: 2, placement: placement, calibration: Self.calibration,
        bytes: Self.bytes, conditions: { world }, now: { Self.epoch })
      for id in [Self.one, Self.two] { selector.register(id, settings: Self.settings(policy, 0)) }
      return Self.run(selector, [[(0, 0.6), (2, 0.4)], [(0, 0.6), (4, 0.4)]], ids: [Self.one, Self.two]).choices.map(
        \.node)
    }
    #expect(plan(.siftmoeSlow) == [0, 2, 0, 2])
    #expect(plan(.siftmoeToken) == [0, 1, 0, 2])
  }

  @Test func rowsAreDecidedTogetherUnderAnotherPlacementToo() {
    // With as many rows as before: first one node, then the two of which both rows take the second.
    var world = Self.world()
    world.nodes[2].visit.energyPerVisit = 1.1
    let selector = PolicySelector(
      experts: [0, Self.experts], perToken: 2, placement: Placement(nodes: [[[], [0, 1]], [[], [2, 3, 4, 5]]]),
      calibration: Self.calibration, bytes: Self.bytes, conditions: { world }, now: { Self.epoch })
    for id in [Self.one, Self.two] { selector.register(id, settings: Self.settings(.siftmoeSlow, 0)) }
    let rows: [[(Int32, Float)]] = [[(0, 0.6), (2, 0.4)], [(0, 0.6), (4, 0.4)]]
    #expect(Self.run(selector, rows, ids: [Self.one, Self.two]).choices.map(\.node) == [0, 1, 0, 1])
    selector.place(Placement(nodes: [[[], [0, 1]], [[], [2, 3]], [[], [2, 4, 5]]]))
    #expect(Self.run(selector, rows, ids: [Self.one, Self.two]).choices.map(\.node) == [0, 2, 0, 2])
  }

  @Test(arguments: [0.0, 0.1, 0.3])
  func togetherRowsKeepTheirOwnBudgetsAndCostNoMoreThanAlone(budget: Double) {
    var random = SeededGenerator(seed: 77)
    for count in [2, 5, 16, 70] {
      let rows = (0..<count).map { _ in
        let weight = Float.random(in: 0.5...0.9, using: &random)
        let ids = (0..<Int32(Self.experts)).shuffled(using: &random)
        return [(ids[0], weight), (ids[1], 1 - weight)]
      }
      var joules: [PolicyName: Double] = [:]
      for policy in [PolicyName.siftmoeSlow, .siftmoeToken] {
        let selector = Self.selector(Self.world())
        selector.register(Self.one, settings: Self.settings(policy, budget))
        selector.register(Self.two, settings: Self.settings(policy, 0))
        // The last row is another request's, which allows no error.
        let ids = (0..<count).map { $0 < count - 1 ? Self.one : Self.two }
        let plan = Self.run(selector, rows, ids: ids)
        for row in 0..<count {
          let error = plan.choices[2 * row..<2 * row + 2].reduce(0) { $0 + Double($1.error) }
          #expect(error <= (row < count - 1 ? budget : 0) + 1e-6)
        }
        let tallies = [selector.retire(Self.one), selector.retire(Self.two)]
        #expect(tallies.allSatisfy { $0.infeasible == 0 })
        joules[policy] = tallies.reduce(0) { $0 + $1.radioJoules + $1.computeJoules }
      }
      #expect((joules[.siftmoeSlow] ?? .nan) <= (joules[.siftmoeToken] ?? .nan) * (1 + 1e-9), "\(count): \(joules)")
    }
  }

  @Test func aLateNodeIsBookedByItsFallback() {
    let selector = Self.selector(Self.world())
    selector.register(Self.one, settings: Self.settings(.topk, 0))
    _ = Self.run(selector, [[(0, 0.6), (2, 0.4)]], ids: [Self.one], fellBack: [false, true])
    let tally = selector.retire(Self.one)
    #expect(tally.expertsLate == 1 && tally.expertsReplaced == 1 && tally.expertsRemote == 0)
    #expect(abs(tally.errorSum - 0.2) < 1e-6 && tally.visits == 1 && tally.visitsLate == 1 && tally.radioJoules > 1)
  }

  @Test func withoutACalibrationNothingIsReplacedByChoice() {
    let world = Self.world()
    let selector = PolicySelector(
      experts: [0, Self.experts], perToken: 2, placement: Self.placement, calibration: nil, bytes: Self.bytes,
      conditions: { world }, now: { Self.epoch })
    selector.register(Self.one, settings: Self.settings(.siftmoeSlow, 100))
    let plan = Self.run(selector, [[(2, 0.6), (4, 0.4)]], ids: [Self.one])
    #expect(plan.choices.map(\.target) == [2, 4])
    #expect(plan.choices.allSatisfy { $0.fallbackTarget == ExpertChoice.skip && $0.fallbackError.isFinite })
  }

  @Test func patienceIsTheLatencyLimitAndGrowsWithTheRows() {
    let selector = Self.selector(Self.world())
    selector.register(Self.one, settings: Self.settings(.topk, 0, latency: .milliseconds(20)))
    let row: [(Int32, Float)] = [(2, 0.6), (4, 0.4)]
    let alone = Self.run(selector, [row], ids: [Self.one])
    let many = Self.run(selector, Array(repeating: row, count: 200), ids: Array(repeating: Self.one, count: 200))
    #expect(alone.patience >= .milliseconds(20) && alone.patience < .milliseconds(21))
    #expect(many.patience > .milliseconds(60) && many.patience < .milliseconds(200))
  }

  @Test func everyRoutedExpertIsCountedOnceWhateverHappens() {
    var random = SeededGenerator(seed: 31)
    for name in PolicyName.allCases {
      let selector = Self.selector(Self.world(reachable: [true, true, false]))
      selector.register(Self.one, settings: Self.settings(name, 0.3, latency: .milliseconds(3)))
      for _ in 0..<200 {
        let rows = (0..<Int.random(in: 1...5, using: &random)).map { _ in
          Array((0..<Int32(Self.experts)).shuffled(using: &random).prefix(2)).map { ($0, Float(0.5)) }
        }
        let late = (0..<rows.count * 2).map { _ in Bool.random(using: &random) }
        _ = Self.run(selector, rows, ids: rows.map { _ in Self.one }, fellBack: late)
      }
      let tally = selector.retire(Self.one)
      let counted = tally.expertsLocal + tally.expertsRemote + tally.expertsReplaced + tally.expertsSkipped
      #expect(counted == tally.decisions * Self.perToken && tally.decisions == tally.tokens)
    }
  }
}
