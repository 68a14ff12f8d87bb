// What one other node is asked for in one layer, and how it has behaved in this step.

import CExpertKernels
import SiftCore

/// What became of a visit that was to be sent.
enum Sending {
  case underWay
  /// The node cannot be asked just now.
  case unreachable
  /// It was lost, or late too often, in an earlier layer of the step: it was not asked.
  case spared
}

/// The visit to one node that is being filled, under way or settled. Buffers for the most a step can hold.
final class NodeVisit {
  let node: NodeIndex
  /// Rows with at least one pair, in rising order, and how many pairs each has.
  private let rows: Scratch<Int32>
  private let counts: Scratch<Int32>
  /// Of the pairs: place in the plan (row × K + rank), expert, weight.
  private let places: Scratch<Int32>
  private let experts: Scratch<Int32>
  private let weights: Scratch<Float>
  /// `[visited row, width]`.
  private let hidden: Scratch<Float>
  private let sums: Scratch<Double>
  private let width: Int
  private(set) var rowCount = 0
  private(set) var pairCount = 0
  private var ticket: VisitTicket?
  private var deadline: ContinuousClock.Instant?
  /// Times in this step that nothing came in time. Two are enough: a node that holds up layer after layer is not asked
  /// again before the next step.
  private var lateInStep = 0
  private var isLost = false

  /// Sums are figures of a layer's output: far beyond this they are nonsense, and would not add up exactly either.
  static let greatestSum = Double(1 << 20)

  init(node: NodeIndex, maxRows: Int, perToken: Int, width: Int) throws(SessionError) {
    self.node = node
    self.width = width
    rows = try Scratch(maxRows)
    counts = try Scratch(maxRows)
    places = try Scratch(maxRows * perToken)
    experts = try Scratch(maxRows * perToken)
    weights = try Scratch(maxRows * perToken)
    hidden = try Scratch(maxRows * width)
    sums = try Scratch(maxRows * width)
  }

  func beginStep() { (lateInStep, isLost) = (0, false) }

  func beginLayer() { (rowCount, pairCount, ticket, deadline) = (0, 0, nil, nil) }

  /// Adds a pair; rows come in rising order.
  func add(row: Int, place: Int, expert: Int32, weight: Float) {
    if rowCount == 0 || rows[rowCount - 1] != Int32(row) {
      rows[rowCount] = Int32(row)
      counts[rowCount] = 0
      rowCount += 1
    }
    counts[rowCount - 1] += 1
    places[pairCount] = Int32(place)
    experts[pairCount] = expert
    weights[pairCount] = weight
    pairCount += 1
  }

  /// The places in the plan of the pairs of this visit.
  var visitedPlaces: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(start: places.base, count: pairCount) }
  var isUnderWay: Bool { ticket != nil }

  /// Sends the visit. Unless it is under way, its pairs fall back.
  func send(
    by transport: any ExpertTransport, layer: Int, hidden stream: UnsafePointer<Float>, patience: Duration,
    clock: ContinuousClock
  ) -> Sending {
    guard !isLost, lateInStep < 2 else { return .spared }
    for index in 0..<rowCount {
      (hidden.base + index * width).update(from: stream + Int(rows[index]) * width, count: width)
    }
    ticket = transport.send(
      ExpertVisit(
        node: node, layer: layer, width: width, rows: rowCount, hidden: UnsafePointer(hidden.base),
        counts: UnsafeBufferPointer(start: counts.base, count: rowCount),
        experts: UnsafeBufferPointer(start: experts.base, count: pairCount),
        weights: UnsafeBufferPointer(start: weights.base, count: pairCount), patience: patience))
    deadline = clock.now + patience
    isLost = ticket == nil
    return isLost ? .unreachable : .underWay
  }

  /// Waits for the reply and adds it to `total`, `[row, width]`; nothing is added unless the outcome is `done`.
  func receive(
    by transport: any ExpertTransport, into total: UnsafeMutablePointer<Double>, kernels: KernelTable
  ) -> VisitOutcome {
    guard let ticket, let deadline else { return .lost(reason: "no visit is under way") }
    self.ticket = nil
    let reply = UnsafeMutableBufferPointer(start: sums.base, count: rowCount * width)
    var outcome = transport.receive(ticket, until: deadline, sums: reply)
    if case .done = outcome, !isSane(reply) { outcome = .lost(reason: "the sums of its reply are out of range") }
    switch outcome {
    case .done:
      for index in 0..<rowCount {
        kernels.table.pointee.merge(total + Int(rows[index]) * width, sums.base + index * width, width)
      }
    case .late: lateInStep += 1
    case .lost: isLost = true
    }
    return outcome
  }

  /// Whether every figure is finite and not absurdly large.
  private func isSane(_ reply: UnsafeMutableBufferPointer<Double>) -> Bool {
    for sum in reply where !(abs(sum) < Self.greatestSum) { return false }
    return true
  }
}
