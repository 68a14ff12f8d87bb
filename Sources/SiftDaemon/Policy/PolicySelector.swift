// Between the engine and the policies: turns conditions, placement, calibration and a request's settings into plans.

import ExpertExec
import SiftCore
import SiftPolicy

/// Decides for every row of a step what stands in for its routed experts, and keeps the books of every sequence.
///
/// A visit carries the rows of all sequences, so its fixed price (exchange, wake-up) is paid once. Rows under
/// `siftmoe-slow` are decided together (docs/theory, §6). All others are decided one after another, and a row that comes
/// after another which already visits a node pays for that node's bytes only. The latency limit is a token's own: a chunk
/// of many rows takes longer in sum, and the plan's patience grows with its bytes and its work.
///
/// Radio energy is booked evenly: the fixed price of a visit among its rows, bytes to the row they carry.
///
/// `siftmoe` prices errors: each row takes the least expected energy + λ·error under a cap, with outages and fallbacks as
/// the forecasts of the step have them, and λ follows the errors of the sequence as they really came (docs/theory, §7).
/// Errors are mean squares there, with replacements scaled, because that is what the loss of quality follows (§9).
/// The price is moved by the expected error at once, so that the many rows of a chunk do not all see the same, and set
/// right in `settle`. All other policies keep their limit in every row.
///
/// A node that cannot be reached is never chosen. Where the limits cannot all be kept, the decision of the least error
/// within the latency is taken and counted (`PolicyTally.infeasible`).
///
/// One engine's, on the engine's thread. In steady state it allocates nothing.
public final class PolicySelector: ExpertSelecting {
  /// Steps of search after which a decision is taken unproved: about a millisecond.
  static let stepsMax = 20_000

  /// `[layer]` → experts, 0 for a dense layer.
  private let experts: [Int]
  let perToken: Int
  let bytes: VisitBytes
  private let conditions: () -> Conditions
  private let now: () -> ContinuousClock.Instant
  private(set) var layers: [LayerDistances?]
  private(set) var places: Placement

  private var policies: [PolicyName: ExpertPolicy] = [:]
  private var sequences: [SequenceID: PolicySequence] = [:]
  /// Rows of sequences that were never registered.
  private let strangers = PolicySequence(SiftSettings(policy: .topk, errorBudget: 0, latency: .seconds(1)))

  // The step and layer at work.
  var world = Conditions(epoch: 0, nodes: [], wakeEnergy: 0, wakeTime: 0)
  var rows: [PolicySequence] = []
  var problem: TokenProblem
  private var answer: TokenAnswer
  /// `[row, rank]` of the layer at work, with the router's own weights.
  var routedExperts: [Int32] = []
  var routedWeights: [Double] = []
  var books = VisitBooks()
  let desk: FadingDesk
  /// A row of the step asks for forecasts.
  private(set) var isForecast = false
  private var visits = StepVisits()
  private var prices = PriceMemory()
  let joint = JointRows()
  /// `[row]`: the error that was expected of the layer at work; NaN for a row that no price was asked for.
  var expected: [Double] = []

  /// - Parameters:
  ///   - experts: `[layer]` → experts of the layer, 0 for a dense one.
  ///   - perToken: routed experts a token.
  ///   - calibration: nil when there is none: nothing is replaced or skipped by choice then.
  ///   - figure: which figure of a distance's distribution the error budget is about.
  ///   - conditions: the latest view of the world; asked once a step, must not wait.
  ///   - now: what the samples in it are aged by; asked once a step.
  /// - Precondition: `placement.fault(experts:)` is nil, and the calibration has the same layers.
  public init(
    experts: [Int], perToken: Int, placement: Placement, calibration: Calibration?,
    figure: Calibration.Figure = .mean, bytes: VisitBytes, conditions: @escaping () -> Conditions,
    now: @escaping () -> ContinuousClock.Instant
  ) {
    self.experts = experts
    self.perToken = perToken
    self.bytes = bytes
    self.conditions = conditions
    self.now = now
    places = placement
    desk = FadingDesk(
      perToken: perToken, places: max(1, placement.nodes.count),
      columns: experts.reduce(0, max) * max(1, placement.nodes.count), stepsMax: Self.stepsMax)
    layers = experts.enumerated().map { index, count in
      guard count > 0 else { return nil }
      let layer = calibration.flatMap { $0.layers.indices.contains(index) ? $0.layers[index] : nil }
      return LayerDistances(experts: count, layer: layer, figure: figure)
    }
    problem = TokenProblem(
      routed: Array(repeating: RoutedExpert(expert: 0, weight: 0), count: perToken),
      distance: DistanceMatrix(experts: 0, replacing: [], skipping: []), places: [], errorBudget: 0)
    answer = TokenAnswer(capacity: perToken)
    place(placement)
  }

  // MARK: What changes between steps

  /// Takes a new placement, such as after a peer came or left.
  public func place(_ placement: Placement) {
    places = placement
    for layer in layers.indices { layers[layer]?.place(local: placement.experts(node: 0, layer: layer)) }
    problem.places = placement.nodes.prefix(TokenProblem.placesMax).map { _ in ExpertPlace(experts: []) }
    books.reserve(nodes: problem.places.count)
    desk.place(nodes: problem.places.count)
  }

  /// Begins the books of a sequence.
  public func register(_ id: SequenceID, settings: SiftSettings) { sequences[id] = PolicySequence(settings) }

  /// Changes the settings of a sequence under way.
  public func update(_ id: SequenceID, settings: SiftSettings) { sequences[id]?.settings = settings }

  /// Closes the books of a sequence. - Returns: its tally; an empty one for a sequence that was never registered.
  @discardableResult
  public func retire(_ id: SequenceID) -> PolicyTally { sequences.removeValue(forKey: id)?.tally ?? PolicyTally() }

  /// The books of a sequence so far; nil when it is not registered.
  public func tally(_ id: SequenceID) -> PolicyTally? { sequences[id]?.tally }

  // MARK: ExpertSelecting

  public func beginStep(rows ids: [SequenceID]) {
    world = conditions()
    rows.removeAll(keepingCapacity: true)
    var last: SequenceID?
    for id in ids {
      if id == last, let same = rows.last {
        rows.append(same)
      } else {
        rows.append(sequences[id] ?? strangers)
        last = id
      }
    }
    for row in rows { row.tally.tokens += 1 }
    beginFading()
    takeWorld()
  }

  /// Tells the policies of the slow channel what the nodes are like now.
  private func takeWorld() {
    problem.wakeTime = world.wakeTime
    for node in problem.places.indices {
      guard node < world.nodes.count else {
        problem.places[node].isReachable = false
        continue
      }
      let figures = world.nodes[node]
      problem.places[node].isReachable = node == 0 || figures.isReachable
      problem.places[node].computeEnergy = figures.computeEnergy
      problem.places[node].computeTime = figures.computeTime
      problem.places[node].airtime = node == 0 ? 0 : figures.visit.airtime(bytes: bytes.fixed + bytes.row(pairs: 1))
    }
  }

  /// Forecasts the step's visits and the prices of its sequences where one of them wants that.
  private func beginFading() {
    var limit = -1.0
    for row in rows where row.settings.policy == .siftmoe { limit = max(limit, row.settings.latency.seconds) }
    isForecast = limit >= 0
    guard isForecast else { return }
    visits = StepVisits(bytes: bytes, rows: max(1, rows.count), limit: limit)
    desk.beginStep(world, visits, now: now())
    var last: PolicySequence?
    for row in rows where row !== last && row.settings.policy == .siftmoe {
      row.beginStep(meanVisit: desk.meanVisit, &prices)
      last = row
    }
  }

  public func decide(layer: Int, routed: RoutedTokens, plan: inout LayerPlan) {
    guard layers.indices.contains(layer), let distances = layers[layer] else { return }
    beginLayer(layer, distances, rows: routed.rows)
    shareExperts(routed)
    noteRouted(routed)
    decideTogether(distances, &plan)
    var limit = 0.0
    for row in 0..<routed.rows {
      let sequence = row < rows.count ? rows[row] : strangers
      limit = max(limit, sequence.settings.latency.seconds)
      if joint.holds(row) {
        expected.append(.nan)
        continue
      }
      if sequence.settings.policy == .siftmoe {
        decideFading(row, sequence, distances.scaled)
        write(row, distances.scaled, desk.answer.choices, &plan)
      } else {
        decide(row, sequence)
        write(row, distances.plain, answer.choices, &plan)
      }
    }
    plan.patience = .seconds(limit + books.backlog)
  }

  public func settle(layer: Int, plan: LayerPlan, fellBack: [Bool]) {
    guard layers.indices.contains(layer), let distances = layers[layer] else { return }
    books.share(world)
    let late = noteLateNodes(plan, fellBack)
    for row in 0..<plan.rows {
      let sequence = row < rows.count ? rows[row] : strangers
      let layer = sequence.settings.policy == .siftmoe ? distances.scaled : distances.plain
      book(row, sequence, layer, plan, fellBack, late: late)
    }
  }

  // MARK: Deciding

  private func decide(_ row: Int, _ sequence: PolicySequence) {
    for rank in 0..<perToken {
      let place = row * perToken + rank
      problem.routed[rank] = RoutedExpert(expert: Int(routedExperts[place]), weight: routedWeights[place])
    }
    problem.errorBudget = sequence.settings.errorBudget
    problem.latencyLimit = sequence.settings.latency.seconds
    priceNodes(isAlone: sequence.settings.policy == .siftmoeToken)
    policy(sequence.settings.policy).decide(problem, into: &answer)
    if !answer.feasible { sequence.tally.infeasible += 1 }
    expected.append(.nan)
  }

  private func decideFading(_ row: Int, _ sequence: PolicySequence, _ layer: LayerBooks) {
    for rank in 0..<perToken {
      let place = row * perToken + rank
      problem.routed[rank] = layer.squares.routed(Int(routedExperts[place]), weight: routedWeights[place])
    }
    desk.decide(
      problem.routed, settings: sequence.settings, price: sequence.price, wakeEnergy: world.wakeEnergy,
      visited: books.visited)
    if !desk.answer.feasible { sequence.tally.infeasible += 1 }
    sequence.expect(error: desk.answer.error)
    expected.append(desk.answer.error)
  }

  /// Tells `xshare` of all rows that ask for it: they are its batch. Its knob is that of the first of them.
  private func shareExperts(_ routed: RoutedTokens) {
    var knob: Double?
    for row in 0..<min(routed.rows, rows.count) where rows[row].settings.policy == .xshare {
      let sharing = policy(.xshare)
      if knob == nil { sharing.beginBatch(experts: problem.distance.experts) }
      knob = knob ?? rows[row].settings.errorBudget
      for rank in 0..<perToken {
        let at = row * perToken + rank
        problem.routed[rank] = RoutedExpert(expert: Int(routed.experts[at]), weight: Double(routed.weights[at]))
      }
      sharing.addToken(problem)
    }
    if let knob { policy(.xshare).endBatch(knob: knob) }
  }

  private func policy(_ name: PolicyName) -> ExpertPolicy {
    if let policy = policies[name] { return policy }
    let columns = experts.reduce(0, max) * max(1, problem.places.count)
    let policy = ExpertPolicy(
      name, routed: perToken, places: problem.places.count, columns: columns, stepsMax: Self.stepsMax)
    policies[name] = policy
    return policy
  }

  private func noteRouted(_ routed: RoutedTokens) {
    for place in 0..<routed.rows * perToken {
      routedExperts.append(routed.experts[place])
      routedWeights.append(Double(routed.weights[place]))
    }
  }

  private func refreshForecast() {
    let instant = now()
    guard (instant - desk.forecastAt).seconds >= FadingDesk.freshness else { return }
    world = conditions()
    takeWorld()
    desk.forecast(world, visits, now: instant)
  }

  private func beginLayer(_ layer: Int, _ distances: LayerDistances, rows: Int) {
    problem.distance = distances.plain.linear
    for node in problem.places.indices { problem.places[node].experts = places.nodes[node][layer] }
    routedExperts.removeAll(keepingCapacity: true)
    routedWeights.removeAll(keepingCapacity: true)
    expected.removeAll(keepingCapacity: true)
    if isForecast { refreshForecast() }
    if isForecast { desk.beginLayer(distances.scaled.squares.matrix, places, layer: layer) }
    books.beginLayer()
  }

  /// What a visit adds for the next row: all of it, or only its bytes where an earlier row goes anyway.
  /// - Parameter isAlone: the row is priced as if there were no other.
  private func priceNodes(isAlone: Bool) {
    problem.wakeEnergy = books.visited == 0 || isAlone ? world.wakeEnergy : 0
    for node in 1..<max(1, min(problem.places.count, world.nodes.count)) {
      let visit = world.nodes[node].visit
      let row = bytes.row(pairs: 1)
      problem.places[node].radioEnergy =
        books.isVisited(node) && !isAlone ? visit.energyPerByte * Double(row) : visit.energy(bytes: bytes.fixed + row)
    }
  }

  /// Puts the answer into the plan and notes which nodes this row goes to.
  func write(_ row: Int, _ layer: LayerBooks, _ choices: [TokenChoice], _ plan: inout LayerPlan) {
    for rank in 0..<perToken {
      let place = row * perToken + rank
      let expert = Int(routedExperts[place])
      let weight = routedWeights[place]
      let choice = choices[rank]
      let target = choice.isSkip ? ExpertChoice.skip : Int32(choice.target)
      let fallback = layer.fallback[expert]
      plan.choices[place] = ExpertChoice(
        target: target, node: Int32(choice.place), weight: Float(layer.carried(weight, expert, by: target)),
        error: Float(layer.linearError(weight, expert, target)), fallbackTarget: fallback,
        fallbackWeight: Float(layer.carried(weight, expert, by: fallback)),
        fallbackError: Float(weight * layer.fallbackLinear[expert]))
      if !choice.isSkip { books.add(place: choice.place, problem.places[choice.place].computeTime) }
    }
    books.endRow(world, rowBytes: bytes.row(pairs: 1))
  }
}
