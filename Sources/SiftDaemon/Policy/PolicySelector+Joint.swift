// Rows under `siftmoe-slow` that are decided together (docs/theory, §6).

import ExpertExec
import SiftCore
import SiftPolicy

extension PolicySelector {
  /// Decides the rows that ask for `siftmoe-slow`, up to `JointRows.rowsMax` at a time, and writes them into the plan. A row
  /// alone, and rows whose latency limit would bind, are left to be decided one after another.
  func decideTogether(_ distances: LayerDistances, _ plan: inout LayerPlan) {
    joint.beginLayer(rows: plan.rows)
    var row = 0
    while row < min(plan.rows, rows.count) {
      joint.begin()
      var limit = Double.infinity
      while row < min(plan.rows, rows.count), joint.rows.count < JointRows.rowsMax {
        let settings = rows[row].settings
        if settings.policy == .siftmoeSlow {
          joint.add(row)
          limit = min(limit, settings.latency.seconds)
        }
        row += 1
      }
      guard joint.rows.count > 1, longestLatency <= limit else { continue }
      guard pose(distances), joint.solve() else { continue }
      for (token, row) in joint.rows.enumerated() {
        if joint.problem.errorLimit(token) > rows[row].settings.errorBudget { rows[row].tally.infeasible += 1 }
        write(row, distances.plain, joint.answer.choices[token], &plan)
      }
    }
  }

  /// Seconds of a token that visits every node and has all its experts at the slowest place.
  private var longestLatency: Double {
    var airtime = problem.wakeTime
    var compute = 0.0
    for place in problem.places where place.isReachable {
      airtime += place.airtime
      compute = max(compute, place.computeTime)
    }
    return airtime + Double(perToken) * compute
  }

  /// Sets the batch. - Returns: false when an expert can be served by nothing that anything is known of.
  private func pose(_ distances: LayerDistances) -> Bool {
    joint.set(distances.plain.linear, places: problem.places.count, perToken: perToken)
    joint.setWake(energy: books.visited == 0 ? world.wakeEnergy : 0)
    let row = bytes.row(pairs: 1)
    for node in problem.places.indices {
      let place = problem.places[node]
      let visit = node > 0 && node < world.nodes.count ? world.nodes[node].visit : .zero
      let further = visit.energyPerByte * Double(row)
      joint.setPlace(
        node, experts: place.isReachable ? place.experts : [],
        first: books.isVisited(node) ? further : visit.energy(bytes: bytes.fixed + row), further: further,
        computeEnergy: place.computeEnergy)
    }
    for (token, row) in joint.rows.enumerated() {
      var least = 0.0
      for rank in 0..<perToken {
        let at = row * perToken + rank
        let routed = RoutedExpert(expert: Int(routedExperts[at]), weight: routedWeights[at])
        joint.setToken(token, rank, routed)
        least += routed.weight * leastDistance(routed.expert, distances.plain.linear)
      }
      guard least.isFinite else { return false }
      // What cannot be kept is exceeded by no more than it must.
      joint.setLimit(token, max(rows[row].settings.errorBudget, least * (1 + 1e-9)))
    }
    return true
  }

  /// The least distance at which `expert` can be served by anything that can be reached.
  private func leastDistance(_ expert: Int, _ matrix: DistanceMatrix) -> Double {
    var least = matrix.skipping[expert]
    for place in problem.places where place.isReachable {
      for target in place.experts { least = min(least, matrix.replacing(expert, by: target)) }
    }
    return least
  }
}
