// The fast-fading policy at work: forecasts of every visit while they are fresh, decisions by `FadingSelector`.

import SiftCore
import SiftPolicy

/// What the visits of a step have in common.
struct StepVisits {
  var bytes = VisitBytes(width: 0, hiddenBytes: 0, sumBytes: 0)
  /// Rows of the step, ≥ 1: what a visit carries at most.
  var rows = 1
  /// Seconds after which a visit is not waited for.
  var limit = 0.0
}

/// Holds the fading problem of the row at work and what is forecast of the visits of the step. Buffers keep their size.
final class FadingDesk {
  /// Nodes of the average over the unknown phase of a sample (`GainForecast`): enough for three digits of an outage.
  private static let phases = 8
  /// Forecasts this old are made anew before a layer: a step that waits for late visits lasts longer than a fade.
  static let freshness = 0.005
  /// Below this correlation a sample is not asked any more.
  private static let leastCorrelation = 0.05
  /// How fast the mean price of a visit follows: slowly, because it is the unit of prices, which must not follow the
  /// channel.
  private static let pace = 0.01

  /// What a visit to one node is expected to cost.
  private struct Visit {
    /// Joules of a visit with one row, outages included; and of another row in it.
    var first = 0.0
    var further = 0.0
    var airtime = 0.0
  }

  private let selector: FadingSelector
  private var problem: FadingProblem
  private(set) var answer: FadingAnswer
  private var visits: [Visit] = []
  /// Kept for its room alone.
  private var scratch: [AirtimeStep] = []
  private var late = LateShares()
  /// Of visits to nodes whose answer was overdue.
  private var lateAgain = LateShares(start: 0.8)
  /// When the visits were forecast last.
  private(set) var forecastAt = ContinuousClock.now
  /// Bit n: the answer of node n is overdue.
  private var overdue: UInt64 = 0
  /// Joules of a visit on average over nodes and time, wake-up included; nil before any node could be reached.
  private(set) var meanVisit: Double?

  init(perToken: Int, places: Int, columns: Int, stepsMax: Int) {
    selector = FadingSelector(routed: perToken, places: places, columns: columns, stepsMax: stepsMax)
    answer = FadingAnswer(capacity: perToken)
    let token = TokenProblem(
      routed: Array(repeating: RoutedExpert(expert: 0, weight: 0), count: perToken),
      distance: DistanceMatrix(experts: 0, replacing: [], skipping: []), places: [], errorBudget: 0)
    problem = FadingProblem(token: token, laws: [], price: 0, lateness: 0)
  }

  /// Takes the number of nodes.
  func place(nodes: Int) {
    problem.token.places = (0..<nodes).map { _ in ExpertPlace(experts: []) }
    problem.laws = (0..<nodes).map { _ in
      var law = VisitLaw()
      law.steps.reserveCapacity(16)
      return law
    }
    visits = Array(repeating: Visit(), count: nodes)
    scratch.reserveCapacity(16)
    late.reserve(nodes: nodes)
    lateAgain.reserve(nodes: nodes)
  }

  // MARK: A step

  /// Forecasts every visit of a step.
  func beginStep(_ world: Conditions, _ visits: StepVisits, now: ContinuousClock.Instant) {
    late.beginStep()
    forecast(world, visits, now: now)
    noteMeanVisit(world, visits.bytes)
  }

  /// Forecasts every visit as things are now.
  /// - Parameter now: what samples are aged by.
  func forecast(_ world: Conditions, _ step: StepVisits, now: ContinuousClock.Instant) {
    overdue = 0
    forecastAt = now
    problem.token.wakeTime = world.wakeTime
    for node in problem.token.places.indices {
      guard node < world.nodes.count else {
        problem.token.places[node].isReachable = false
        continue
      }
      let figures = world.nodes[node]
      problem.token.places[node].isReachable = node == 0 || figures.isReachable
      problem.token.places[node].computeEnergy = figures.computeEnergy
      problem.token.places[node].computeTime = figures.computeTime
      if node > 0 {
        forecast(node, figures, step, limit: step.limit - world.wakeTime, now: now)
        addChance(late[node], node)
        if figures.isOverdue { noteOverdue(node) }
      }
      problem.token.places[node].airtime = visits[node].airtime
    }
  }

  private func forecast(
    _ node: Int, _ figures: NodeConditions, _ step: StepVisits, limit: Double, now: ContinuousClock.Instant
  ) {
    let visit = figures.visit
    let bytes = step.bytes
    let moved = bytes.fixed + bytes.row(pairs: 1)
    if let channel = figures.channel, let table = RateTable(channel.rates),
      let fading = FadingChannel(
        meanSNR: channel.meanSNR, riceFactor: channel.riceFactor, doppler: channel.doppler)
    {
      let power = visit.airtimePerByte > 0 ? visit.energyPerByte / visit.airtimePerByte : 0
      let bits = 8 * Double(moved)
      // What is lost with a visit that fails: its repetitions at the most robust rate, until nobody waits any more.
      let lost = power * min(max(0, limit), bits / table.entries[0].goodput)
      let price = VisitForecast.Price(
        power: power, perVisit: max(0, visit.energyPerVisit - power * visit.airtimePerVisit),
        overhead: visit.airtimePerVisit, outage: lost)
      let gain = gain(fading, channel, now)
      let alone = VisitForecast(
        gain: gain, meanSNR: channel.meanSNR, table: table, bits: bits, price: price, limit: limit,
        steps: &problem.laws[node].steps)
      problem.laws[node].outage = alone.outage
      visits[node] = Visit(
        first: alone.energy, further: alone.energyPerBit * 8 * Double(bytes.row(pairs: 1)), airtime: alone.airtime)
      if step.rows > 1 {
        // A visit is late for all its rows at once. It is waited for as long as they take at the goodput of now.
        let more = Double((step.rows - 1) * bytes.row(pairs: 1))
        let together = VisitForecast(
          gain: gain, meanSNR: channel.meanSNR, table: table, bits: bits + 8 * more, price: price,
          limit: limit + more * visit.airtimePerByte, steps: &scratch)
        if together.outage > alone.outage { addChance((together.outage - alone.outage) / (1 - alone.outage), node) }
      }
      return
    }
    problem.laws[node].outage = 0
    problem.laws[node].steps.removeAll(keepingCapacity: true)
    visits[node] = Visit(
      first: visit.energy(bytes: moved), further: visit.energyPerByte * Double(bytes.row(pairs: 1)),
      airtime: visit.airtime(bytes: moved))
  }

  /// What came oftener than forecast is added to the outage.
  private func addChance(_ chance: Double, _ node: Int) {
    let inTime = 1 - chance
    problem.laws[node].outage = 1 - (1 - problem.laws[node].outage) * inTime
    for step in problem.laws[node].steps.indices { problem.laws[node].steps[step].probability *= inTime }
  }

  private func noteOverdue(_ node: Int) {
    overdue |= 1 << UInt64(node)
    addChance(lateAgain[node], node)
  }

  /// The forecast from the last sample, or the channel's own law where the sample says nothing any more.
  private func gain(
    _ fading: FadingChannel, _ channel: ChannelPrediction, _ now: ContinuousClock.Instant
  ) -> GainForecast {
    guard let gain = channel.sampledGain, let at = channel.sampledAt else { return GainForecast(of: fading) }
    let age = max(0, (now - at).seconds)
    if abs(fading.correlation(age: age)) < Self.leastCorrelation { return GainForecast(of: fading) }
    return GainForecast(of: fading, sampledGain: gain, age: age, phases: Self.phases)
  }

  private func noteMeanVisit(_ world: Conditions, _ bytes: VisitBytes) {
    var sum = 0.0
    var count = 0.0
    for node in 1..<max(1, min(problem.token.places.count, world.nodes.count)) where world.nodes[node].isReachable {
      sum += world.nodes[node].visit.energy(bytes: bytes.fixed + bytes.row(pairs: 1))
      count += 1
    }
    guard count > 0 else { return }
    let now = world.wakeEnergy + sum / count
    let before = meanVisit ?? now
    meanVisit = before + (now - before) * Self.pace
  }

  // MARK: A layer and its rows

  func beginLayer(_ distance: DistanceMatrix, _ placement: Placement, layer: Int) {
    problem.token.distance = distance
    for node in problem.token.places.indices { problem.token.places[node].experts = placement.nodes[node][layer] }
  }

  /// Decides a row and leaves it in `answer`.
  /// - Parameter visited: bit n: an earlier row goes to node n anyway.
  func decide(
    _ routed: [RoutedExpert], settings: SiftSettings, price: Double, wakeEnergy: Double, visited: UInt64
  ) {
    for rank in problem.token.routed.indices { problem.token.routed[rank] = routed[rank] }
    problem.token.wakeEnergy = visited == 0 ? wakeEnergy : 0
    for node in problem.token.places.indices.dropFirst() {
      problem.token.places[node].radioEnergy =
        visited & 1 << UInt64(node) == 0 ? visits[node].first : visits[node].further
    }
    problem.token.errorBudget = settings.squareBudget * settings.errorCap * settings.errorCap
    problem.token.latencyLimit = settings.latency.seconds
    problem.lateness = settings.lateness
    problem.price = price
    selector.solve(problem, into: &answer)
  }

  /// Notes how a visit went.
  func observe(_ node: Int, isLate: Bool) {
    guard problem.laws.indices.contains(node) else { return }
    if overdue & 1 << UInt64(node) != 0 {
      lateAgain.observe(node, isLate: isLate, expected: lateAgain[node])
      return
    }
    late.observe(node, isLate: isLate, expected: problem.laws[node].outage)
    // For the rest of the step: the next one has news of it.
    if isLate { noteOverdue(node) }
  }
}
