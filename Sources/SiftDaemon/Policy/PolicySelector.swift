// Between the engine and the policies: turns conditions, placement, calibration and a request's settings into plans.

import ExpertExec
import SiftCore
import SiftPolicy

/// Decides for every row of a step what stands in for its routed experts, and keeps the books of every sequence.
///
/// The rows of a layer are decided one after another. A visit carries the rows of all sequences, so its fixed price
/// (exchange, wake-up) is paid once: a row that comes after another which already visits a node pays for that node's
/// bytes only. The first rows see the full price, which makes a batch visit a little less than the joint optimum
/// (docs/theory, §6) would. The latency limit is a token's own: a chunk of many rows takes longer in sum, and the plan's
/// patience grows with its bytes and its work.
///
/// Radio energy is booked evenly: the fixed price of a visit among its rows, bytes to the row they carry.
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
  private let perToken: Int
  private let bytes: VisitBytes
  private let conditions: () -> Conditions
  private var layers: [LayerDistances?]
  private var places: Placement

  private var policies: [PolicyName: ExpertPolicy] = [:]
  private var sequences: [SequenceID: PolicySequence] = [:]
  /// Rows of sequences that were never registered.
  private let strangers = PolicySequence(SiftSettings(policy: .topk, errorBudget: 0, latency: .seconds(1)))

  // The step and layer at work.
  private var world = Conditions(epoch: 0, nodes: [], wakeEnergy: 0, wakeTime: 0)
  private var rows: [PolicySequence] = []
  private var problem: TokenProblem
  private var answer: TokenAnswer
  private var routedExperts: [Int32] = []
  private var books = VisitBooks()

  /// - Parameters:
  ///   - experts: `[layer]` → experts of the layer, 0 for a dense one.
  ///   - perToken: routed experts a token.
  ///   - calibration: nil when there is none: nothing is replaced or skipped by choice then.
  ///   - figure: which figure of a distance's distribution the error budget is about.
  ///   - conditions: the latest view of the world; asked once a step, must not wait.
  /// - Precondition: `placement.fault(experts:)` is nil, and the calibration has the same layers.
  public init(
    experts: [Int], perToken: Int, placement: Placement, calibration: Calibration?,
    figure: Calibration.Figure = .mean, bytes: VisitBytes, conditions: @escaping () -> Conditions
  ) {
    self.experts = experts
    self.perToken = perToken
    self.bytes = bytes
    self.conditions = conditions
    places = placement
    layers = experts.enumerated().map { index, count in
      guard count > 0 else { return nil }
      let layer = calibration.flatMap { $0.layers.indices.contains(index) ? $0.layers[index] : nil }
      return LayerDistances(experts: count, table: layer?.distances(figure))
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

  public func decide(layer: Int, routed: RoutedTokens, plan: inout LayerPlan) {
    guard layers.indices.contains(layer), let distances = layers[layer] else { return }
    beginLayer(layer, distances, rows: routed.rows)
    var limit = 0.0
    for row in 0..<routed.rows {
      let sequence = row < rows.count ? rows[row] : strangers
      for rank in 0..<perToken {
        let place = row * perToken + rank
        routedExperts.append(routed.experts[place])
        problem.routed[rank] = RoutedExpert(
          expert: Int(routed.experts[place]), weight: Double(routed.weights[place]))
      }
      problem.errorBudget = sequence.settings.errorBudget
      problem.latencyLimit = sequence.settings.latency.seconds
      limit = max(limit, problem.latencyLimit)
      policy(sequence.settings.policy).decide(problem, into: &answer)
      if !answer.feasible { sequence.tally.infeasible += 1 }
      write(row, distances, &plan)
    }
    plan.patience = .seconds(limit + books.backlog)
  }

  public func settle(layer: Int, plan: LayerPlan, fellBack: [Bool]) {
    guard layers.indices.contains(layer), layers[layer] != nil else { return }
    books.share(world)
    for row in 0..<plan.rows {
      let sequence = row < rows.count ? rows[row] : strangers
      book(row, sequence, plan, fellBack)
    }
  }

  // MARK: Deciding

  private func policy(_ name: PolicyName) -> ExpertPolicy {
    if let policy = policies[name] { return policy }
    let columns = experts.reduce(0, max) * max(1, problem.places.count)
    let policy = ExpertPolicy(
      name, routed: perToken, places: problem.places.count, columns: columns, stepsMax: Self.stepsMax)
    policies[name] = policy
    return policy
  }

  private func beginLayer(_ layer: Int, _ distances: LayerDistances, rows: Int) {
    problem.distance = distances.matrix
    for node in problem.places.indices { problem.places[node].experts = places.nodes[node][layer] }
    routedExperts.removeAll(keepingCapacity: true)
    books.beginLayer()
    priceNodes()
  }

  /// What a visit adds for the next row: all of it, or only its bytes where an earlier row goes anyway.
  private func priceNodes() {
    problem.wakeEnergy = books.visited == 0 ? world.wakeEnergy : 0
    for node in 1..<max(1, min(problem.places.count, world.nodes.count)) {
      let visit = world.nodes[node].visit
      let row = bytes.row(pairs: 1)
      problem.places[node].radioEnergy =
        books.isVisited(node) ? visit.energyPerByte * Double(row) : visit.energy(bytes: bytes.fixed + row)
    }
  }

  /// Puts the answer into the plan and notes which nodes this row goes to.
  private func write(_ row: Int, _ distances: LayerDistances, _ plan: inout LayerPlan) {
    let before = books.visited
    for rank in 0..<perToken {
      let routed = problem.routed[rank]
      let choice = answer.choices[rank]
      let distance =
        choice.isSkip
        ? distances.matrix.skipping[routed.expert] : distances.matrix.replacing(routed.expert, by: choice.target)
      let fallback = distances.fallbackDistance[routed.expert]
      plan.choices[row * perToken + rank] = ExpertChoice(
        target: choice.isSkip ? ExpertChoice.skip : Int32(choice.target), node: Int32(choice.place),
        weight: Float(routed.weight),
        error: Float(routed.weight * (distance.isFinite ? distance : fallback)),
        fallbackTarget: distances.fallback[routed.expert], fallbackError: Float(routed.weight * fallback))
      if !choice.isSkip { books.add(place: choice.place, problem.places[choice.place].computeTime) }
    }
    books.endRow(world, rowBytes: bytes.row(pairs: 1))
    if books.visited != before { priceNodes() }
  }

  // MARK: Keeping the books

  private func book(_ row: Int, _ sequence: PolicySequence, _ plan: LayerPlan, _ fellBack: [Bool]) {
    var error = 0.0
    books.beginRow()
    for place in row * perToken..<(row + 1) * perToken {
      let choice = plan.choices[place]
      if !choice.isSkip && choice.node > 0 { books.pair(Int(choice.node)) }
      if fellBack[place] {
        sequence.tally.expertsLate += 1
        error += Double(choice.fallbackError)
        count(choice.fallbackTarget, node: 0, routedExperts[place], sequence)
      } else {
        error += Double(choice.error)
        count(choice.target, node: choice.node, routedExperts[place], sequence)
      }
    }
    sequence.tally.decisions += 1
    sequence.tally.errorSum += error
    sequence.tally.errorMax = max(sequence.tally.errorMax, error)
    bookVisits(sequence)
  }

  private func count(_ target: Int32, node: Int32, _ routed: Int32, _ sequence: PolicySequence) {
    if target == ExpertChoice.skip {
      sequence.tally.expertsSkipped += 1
      return
    }
    if target != routed {
      sequence.tally.expertsReplaced += 1
    } else if node == 0 {
      sequence.tally.expertsLocal += 1
    } else {
      sequence.tally.expertsRemote += 1
    }
    if Int(node) < world.nodes.count { sequence.tally.computeJoules += world.nodes[Int(node)].computeEnergy }
  }

  private func bookVisits(_ sequence: PolicySequence) {
    guard books.rowNodes != 0 else { return }
    sequence.beginLayer(books.stamp)
    if sequence.nodes == 0 { sequence.tally.layersWithVisit += 1 }
    sequence.tally.radioJoules += books.wakeShare
    for node in 1..<problem.places.count where books.rowNodes & 1 << UInt64(node) != 0 {
      let pairs = books.pairs(node)
      if sequence.nodes & 1 << UInt64(node) == 0 {
        sequence.tally.visits += 1
        sequence.tally.bytesUp += bytes.fixedUp
        sequence.tally.bytesDown += bytes.fixedDown
      }
      sequence.nodes |= 1 << UInt64(node)
      sequence.tally.bytesUp += bytes.rowUp + bytes.pairUp * pairs
      sequence.tally.bytesDown += bytes.rowDown
      guard node < world.nodes.count else { continue }
      let visit = world.nodes[node].visit
      let fixed = visit.energy(bytes: bytes.fixed) * books.share(node)
      sequence.tally.radioJoules += fixed + visit.energyPerByte * Double(bytes.row(pairs: pairs))
    }
  }
}

/// What the selector holds of one sequence.
final class PolicySequence {
  var settings: SiftSettings
  var tally = PolicyTally()
  /// Nodes that the sequence visits in the layer at work.
  var nodes: UInt64 = 0
  private var stamp: UInt64 = 0

  init(_ settings: SiftSettings) { self.settings = settings }

  /// Forgets the nodes of an earlier layer.
  func beginLayer(_ stamp: UInt64) {
    if self.stamp == stamp { return }
    self.stamp = stamp
    nodes = 0
  }
}
