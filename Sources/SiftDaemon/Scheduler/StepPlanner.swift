// Who gets how many rows of the next step: every decoding sequence one, the rest evenly to the prompts that are read.

/// A sequence as the planner sees it.
package struct PlannedSequence: Sendable, Equatable {
  /// Tokens not yet given to the engine: a prompt's rest, or 1 for a sequence that decodes.
  package var pending: Int
  package var isDecoding: Bool

  package init(pending: Int, isDecoding: Bool) {
    self.pending = pending
    self.isDecoding = isDecoding
  }
}

package enum StepPlanner {
  /// - Parameters:
  ///   - sequences: by age, oldest first; fewer decoding ones than `rows`.
  ///   - rows: rows of a step, ≥ 1.
  /// - Returns: rows for each sequence; no sequence that has something pending starves for more than one step, because
  ///   decoding ones always get theirs and the others share what is left, the smaller demands first.
  package static func rows(for sequences: [PlannedSequence], rows: Int) -> [Int] {
    var granted = [Int](repeating: 0, count: sequences.count)
    var left = rows
    for (index, sequence) in sequences.enumerated() where sequence.isDecoding && left > 0 {
      granted[index] = 1
      left -= 1
    }
    // Water-filling: whoever wants less than an even share leaves the rest to the others.
    let prompts = sequences.indices.filter { !sequences[$0].isDecoding && sequences[$0].pending > 0 }
    let byDemand = prompts.sorted { (sequences[$0].pending, $0) < (sequences[$1].pending, $1) }
    for (place, index) in byDemand.enumerated() {
      let share = left / (byDemand.count - place)
      granted[index] = min(sequences[index].pending, share)
      left -= granted[index]
    }
    // With fewer rows than prompts the even share is 0: the oldest prompts take what is left, one row each.
    for index in prompts where granted[index] == 0 && left > 0 {
      granted[index] = 1
      left -= 1
    }
    return granted
  }

  /// Every row of a scored prompt wants its logits, any other sequence one row's at most.
  /// - Parameters:
  ///   - granted: rows for each sequence.
  ///   - logitRows: rows that a step can have logits of, at least as many as there are sequences.
  /// - Returns: rows for each sequence that wants no more of them.
  package static func limitScored(_ granted: [Int], isScored: [Bool], logitRows: Int) -> [Int] {
    var waiting = zip(granted, isScored).count { $0 > 0 && $1 }
    guard waiting > 0 else { return granted }
    var left = logitRows - zip(granted, isScored).count { $0 > 0 && !$1 }
    var limited = granted
    for index in granted.indices where isScored[index] && granted[index] > 0 {
      limited[index] = min(granted[index], max(1, left / waiting))
      left -= limited[index]
      waiting -= 1
    }
    return limited
  }
}
