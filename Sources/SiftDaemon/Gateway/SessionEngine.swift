// The scheduler's engine: an inference session whose experts the policy selector chooses.

import ExpertExec
import HostIO
import SiftCore
import SiftPolicy

/// One session with its selector. Lives on the scheduler's thread.
final class SessionEngine: TokenEngine {
  private let session: InferenceSession
  private let selector: PolicySelector
  private let board: ConditionsBoard
  /// Element n − 1 is the name of node n.
  private let peers: [String]
  private var placementEpoch: UInt64 = 0
  private let costs: RowCosts
  /// Experts executed for each sequence up to the step before the latest.
  private var executed: [SequenceID: Int] = [:]
  private var joules: [SequenceID: PeerJoules] = [:]
  private(set) var troubles: [PeerTrouble] = []
  /// Compares sampled decisions with the calibration at idle; nil without a calibration.
  private let watch: CalibrationWatch?

  private struct PeerJoules {
    var joules = 0.0
    var standing: Standing?
  }

  /// - Parameters:
  ///   - board: the world, and the placement that follows it.
  ///   - announce: takes records about the calibration.
  init(
    engine: Engine, options: SessionOptions, calibration: Calibration?, bytes: VisitBytes, board: ConditionsBoard,
    transport: (any ExpertTransport)?, peers: [String], announce: @escaping (JournalRecord) -> Void
  ) throws(SessionError) {
    let experts = engine.description.layers.indices.map { engine.experts(layer: $0) }
    let (placement, epoch) = board.placement
    selector = PolicySelector(
      experts: experts, perToken: engine.description.router?.perToken ?? 1, placement: placement,
      calibration: calibration,
      bytes: bytes, conditions: { board.conditions }, now: { ContinuousClock.now })
    session = try InferenceSession(engine: engine, options: options, selector: selector, transport: transport)
    watch = calibration.map { CalibrationWatch($0, announce: announce) }
    if watch != nil { session.errorSamples = ErrorSamples(engine: engine) }
    self.board = board
    self.peers = peers
    costs = RowCosts(engine.description)
    placementEpoch = epoch
  }

  func open(capacity: Int, choice: SiftChoice) throws -> SequenceID {
    let id: SequenceID
    do {
      id = try session.open(capacity: capacity)
    } catch {
      if case .cacheFull = error { throw TokenEngineError.full("\(error)") }
      throw error
    }
    let name = PolicyName(rawValue: choice.policy) ?? .topk
    selector.register(
      id,
      settings: SiftSettings(
        policy: name, errorBudget: choice.errorBudget, latency: choice.latency, errorCap: choice.errorCap,
        lateness: choice.lateness))
    return id
  }

  func close(_ id: SequenceID) -> SequenceTally {
    session.close(id)
    executed[id] = nil
    var tally = SequenceTally(selector.retire(id))
    if let peer = joules.removeValue(forKey: id) {
      tally.peerJoules = peer.joules
      tally.peerStanding = peer.standing
    }
    return tally
  }

  func forward(_ chunks: [Chunk]) throws {
    let (placement, epoch) = board.placement
    if epoch != placementEpoch {
      selector.place(placement)
      placementEpoch = epoch
    }
    let conditions = board.conditions
    troubles.removeAll(keepingCapacity: true)
    try session.forward(chunks)
    book(chunks)
    noteGone(conditions)
    board.observe(session.statistics)
  }

  /// Measures one sampled decision.
  func rest() -> Bool {
    guard let watch, let sample = session.errorSamples?.take() else { return false }
    let (placement, _) = board.placement
    let conditions = board.conditions
    let square = session.measure(sample) { expert in
      placement.nodes.indices.dropFirst().first {
        conditions.nodes.indices.contains($0) && conditions.nodes[$0].isReachable
          && placement.experts(node: $0, layer: sample.layer).contains(Int(expert))
      }.map { Int32($0) }
    }
    if let square { watch.book(sample, square: square) }
    return true
  }

  func logits(row: Int) -> UnsafeBufferPointer<Float> { session.logits(row: row) }

  func effort(of id: SequenceID, rows: Int) -> SequenceEffort {
    let tally = selector.tally(id) ?? PolicyTally()
    // Whether a replacement was executed here or elsewhere is not booked; near ones are why there are replacements.
    let experts = tally.expertsLocal + tally.expertsReplaced
    let new = experts - (executed[id] ?? 0)
    executed[id] = experts
    var effort = SequenceEffort(
      operations: costs.operations(rows: rows, context: session.length(of: id) ?? rows, experts: new))
    effort.visits = tally.visits
    effort.bytes = tally.bytesUp + tally.bytesDown
    effort.radioJoules = tally.radioJoules
    return effort
  }

  /// Notes what peers said of their energy and how they failed. Joules go to sequences by their rows in the step: a
  /// visit carries the rows of all of them.
  private func book(_ chunks: [Chunk]) {
    let nodes = session.statistics.nodes
    guard !nodes.isEmpty else { return }
    let spent = nodes.reduce(0) { $0 + $1.joules }
    if spent > 0 {
      let rows = Double(session.statistics.rows)
      let standing = nodes.compactMap(\.standing).max()
      for chunk in chunks {
        var account = joules[chunk.sequence] ?? PeerJoules()
        account.joules += spent * Double(chunk.count) / rows
        account.standing = [account.standing, standing].compactMap { $0 }.max()
        joules[chunk.sequence] = account
      }
    }
    for (index, node) in nodes.enumerated() where node.late > 0 || node.lost > 0 {
      troubles.append(PeerTrouble(peer: name(peer: index), reason: node.lost > 0 ? node.lostReason ?? "lost" : "late"))
    }
  }

  /// Notes who was out of reach when the step began.
  private func noteGone(_ conditions: Conditions) {
    for (index, peer) in peers.enumerated() {
      let node = index + 1
      guard !conditions.nodes.indices.contains(node) || !conditions.nodes[node].isReachable else { continue }
      troubles.append(PeerTrouble(peer: peer, isGone: true, reason: "out of reach"))
    }
  }

  /// - Parameter index: of a node, less one.
  private func name(peer index: Int) -> String {
    peers.indices.contains(index) ? peers[index] : "node \(index + 1)"
  }
}

/// Multiplications of a model's parts.
struct RowCosts {
  /// Of a row in all layers: attention's projections and dense layers.
  private let row: Double
  /// Of the output matrix, which a step reads once for a sequence at most.
  private let output: Double
  /// Of a row for each token it looks back at, in all layers.
  private let position: Double
  /// Of one expert for one row.
  private let expert: Double

  init(_ model: ModelDescription) {
    let width = Double(model.width)
    let heads = Double(model.attention.queryHeads * model.attention.headWidth)
    let groups = Double(model.attention.keyValueHeads * model.attention.headWidth)
    let layers = Double(model.layers.count)
    var dense = 0.0
    var expert = 0.0
    for layer in model.layers {
      switch layer.mlp {
      case .dense(let inner): dense += 3 * width * Double(inner)
      case .sparse(_, let inner): expert = 3 * width * Double(inner)
      }
    }
    row = layers * width * (2 * heads + 2 * groups) + dense
    output = width * Double(model.vocabulary)
    position = layers * 2 * heads
    self.expert = expert
  }

  /// - Parameters:
  ///   - context: tokens of the sequence after the step.
  ///   - experts: (row, layer, expert) triples executed here.
  func operations(rows: Int, context: Int, experts: Int) -> Double {
    // The rows look back at `context` − `rows` + 1 … `context` tokens.
    let positions = Double(rows) * (Double(context) - Double(rows - 1) / 2)
    return output + row * Double(rows) + position * positions + expert * Double(experts)
  }
}

extension SequenceTally {
  init(_ tally: PolicyTally) {
    self.init()
    visits = tally.visits
    visitsLate = tally.visitsLate
    decisions = tally.decisions
    expertsLocal = tally.expertsLocal
    expertsRemote = tally.expertsRemote
    expertsReplaced = tally.expertsReplaced
    expertsSkipped = tally.expertsSkipped
    expertsLate = tally.expertsLate
    errorSum = tally.errorSum
    squareSum = tally.squareSum
    bytesUp = tally.bytesUp
    bytesDown = tally.bytesDown
    radioJoules = tally.radioJoules
  }
}
