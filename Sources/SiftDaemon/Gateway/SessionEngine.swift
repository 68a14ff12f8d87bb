// The scheduler's engine: an inference session whose experts the policy selector chooses.

import ExpertExec
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
  private var joules: [SequenceID: PeerJoules] = [:]
  private(set) var troubles: [PeerTrouble] = []

  private struct PeerJoules {
    var joules = 0.0
    var standing: Standing?
  }

  /// - Parameter board: the world, and the placement that follows it.
  init(
    engine: Engine, options: SessionOptions, calibration: Calibration?, bytes: VisitBytes, board: ConditionsBoard,
    transport: (any ExpertTransport)?, peers: [String]
  ) throws(SessionError) {
    let experts = engine.description.layers.indices.map { engine.experts(layer: $0) }
    let (placement, epoch) = board.placement
    selector = PolicySelector(
      experts: experts, perToken: engine.description.router?.perToken ?? 1, placement: placement,
      calibration: calibration,
      bytes: bytes, conditions: { board.conditions })
    session = try InferenceSession(engine: engine, options: options, selector: selector, transport: transport)
    self.board = board
    self.peers = peers
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
      id, settings: SiftSettings(policy: name, errorBudget: choice.errorBudget, latency: choice.latency))
    return id
  }

  func close(_ id: SequenceID) -> SequenceTally {
    session.close(id)
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
    try session.forward(chunks)
    book(chunks)
    board.observe(session.statistics)
  }

  func logits(row: Int) -> UnsafeBufferPointer<Float> { session.logits(row: row) }

  /// Notes what peers said of their energy and how they failed. Joules go to sequences by their rows in the step: a
  /// visit carries the rows of all of them.
  private func book(_ chunks: [Chunk]) {
    troubles.removeAll(keepingCapacity: true)
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
      let name = peers.indices.contains(index) ? peers[index] : "node \(index + 1)"
      troubles.append(
        PeerTrouble(peer: name, reason: node.lost > 0 ? session.statistics.lostReason ?? "lost" : "late"))
    }
  }
}

extension SequenceTally {
  init(_ tally: PolicyTally) {
    self.init()
    visits = tally.visits
    decisions = tally.decisions
    expertsLocal = tally.expertsLocal
    expertsRemote = tally.expertsRemote
    expertsReplaced = tally.expertsReplaced
    expertsSkipped = tally.expertsSkipped
    expertsLate = tally.expertsLate
    errorSum = tally.errorSum
    bytesUp = tally.bytesUp
    bytesDown = tally.bytesDown
    radioJoules = tally.radioJoules
  }
}
