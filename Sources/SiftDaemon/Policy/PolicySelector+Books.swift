// The books of the policy selector: what became of a plan, row by row.

import ExpertExec
import SiftCore

extension PolicySelector {
  /// A node that one row's fallback was used for was late, or lost, for all of them.
  /// - Returns: bit n: node n was.
  func noteLateNodes(_ plan: LayerPlan, _ fellBack: [Bool]) -> UInt64 {
    var seen: UInt64 = 0
    var late: UInt64 = 0
    for place in 0..<plan.rows * perToken where !plan.choices[place].isSkip && plan.choices[place].node > 0 {
      let node = UInt64(1) << UInt64(plan.choices[place].node)
      seen |= node
      if fellBack[place] { late |= node }
    }
    while isForecast, seen != 0 {
      let node = seen.trailingZeroBitCount
      seen &= seen - 1
      desk.observe(node, isLate: late & 1 << UInt64(node) != 0)
    }
    return late
  }

  /// - Parameter late: bit n: node n was late.
  func book(
    _ row: Int, _ sequence: PolicySequence, _ layer: LayerBooks, _ plan: LayerPlan, _ fellBack: [Bool], late: UInt64
  ) {
    var error = 0.0
    var square = 0.0
    books.beginRow()
    for place in row * perToken..<(row + 1) * perToken {
      let choice = plan.choices[place]
      if !choice.isSkip && choice.node > 0 { books.pair(Int(choice.node)) }
      if fellBack[place] {
        sequence.tally.expertsLate += 1
        error += Double(choice.fallbackError)
        square += layer.fallbackSquareError(routedWeights[place], Int(routedExperts[place]))
        count(choice.fallbackTarget, node: 0, routedExperts[place], sequence)
      } else {
        error += Double(choice.error)
        square += layer.squareError(routedWeights[place], Int(routedExperts[place]), choice.target)
        count(choice.target, node: choice.node, routedExperts[place], sequence)
      }
    }
    sequence.tally.decisions += 1
    sequence.tally.errorSum += error
    sequence.tally.errorMax = max(sequence.tally.errorMax, error)
    sequence.tally.squareSum += square
    if row < expected.count { sequence.correct(by: square - expected[row]) }
    bookVisits(sequence, late: late)
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

  private func bookVisits(_ sequence: PolicySequence, late: UInt64) {
    guard books.rowNodes != 0 else { return }
    sequence.beginLayer(books.stamp)
    if sequence.nodes == 0 { sequence.tally.layersWithVisit += 1 }
    sequence.tally.radioJoules += books.wakeShare
    for node in 1..<problem.places.count where books.rowNodes & 1 << UInt64(node) != 0 {
      let pairs = books.pairs(node)
      if sequence.nodes & 1 << UInt64(node) == 0 {
        sequence.tally.visits += 1
        if late & 1 << UInt64(node) != 0 { sequence.tally.visitsLate += 1 }
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
