// Which rows go to which experts: pairs collected one by one, then grouped by expert, so that each expert's weights are
// read once for all its rows.

/// Pairs of one expert.
struct ExpertGroup {
  var expert: Int
  /// First pair.
  var start: Int
  /// Pairs, ≥ 1.
  var count: Int
  /// `[count, stride]`: the inputs, gathered or where they lie.
  var input: UnsafePointer<Float>
}

/// The (row, expert, weight) pairs of one layer and step. Buffers for `maxPairs`; nothing is allocated while working.
struct ExpertWork {
  let groups: Scratch<ExpertGroup>
  /// Of the grouped pairs: row and weight.
  let rows: Scratch<Int32>
  let weights: Scratch<Float>
  private let addedRows: Scratch<Int32>
  private let addedExperts: Scratch<Int32>
  private let addedWeights: Scratch<Float>
  private let counts: Scratch<Int>
  private let experts: Int
  let maxPairs: Int
  private(set) var count = 0
  private(set) var groupCount = 0

  init(maxPairs: Int, experts: Int) throws(SessionError) {
    self.maxPairs = maxPairs
    self.experts = experts
    groups = try Scratch(experts)
    rows = try Scratch(maxPairs)
    weights = try Scratch(maxPairs)
    addedRows = try Scratch(maxPairs)
    addedExperts = try Scratch(maxPairs)
    addedWeights = try Scratch(maxPairs)
    counts = try Scratch(experts)
  }

  mutating func reset() { (count, groupCount) = (0, 0) }

  /// Adds a pair. The caller has checked that it is one of `maxPairs` and that `expert` exists.
  @inline(__always)
  mutating func add(row: Int, expert: Int32, weight: Float) {
    assert(count < maxPairs && expert >= 0 && expert < experts)
    addedRows[count] = Int32(row)
    addedExperts[count] = expert
    addedWeights[count] = weight
    count += 1
  }

  /// Groups the pairs by expert, each group in the order of adding. Rows of a group lie in `hidden` (`[row, width]`)
  /// when they follow one another there; other groups are left to `gather`, which `needsGather` announces.
  mutating func group(hidden: UnsafePointer<Float>, width: Int, gathered: UnsafePointer<Float>) -> Bool {
    counts.base.update(repeating: 0, count: experts)
    for pair in 0..<count { counts[Int(addedExperts[pair])] += 1 }
    groupCount = 0
    var start = 0
    for expert in 0..<experts where counts[expert] > 0 {
      groups[groupCount] = ExpertGroup(expert: expert, start: start, count: 0, input: gathered + start * width)
      start += counts[expert]
      counts[expert] = groupCount
      groupCount += 1
    }
    for pair in 0..<count {
      let group = groups.base + counts[Int(addedExperts[pair])]
      let at = group.pointee.start + group.pointee.count
      rows[at] = addedRows[pair]
      weights[at] = addedWeights[pair]
      group.pointee.count += 1
    }
    return locate(hidden: hidden, width: width)
  }

  /// Points groups whose rows follow one another at the rows themselves. - Returns: whether any must be gathered.
  private func locate(hidden: UnsafePointer<Float>, width: Int) -> Bool {
    var needsGather = false
    for index in 0..<groupCount {
      let group = groups.base + index
      let first = Int(rows[group.pointee.start])
      let isRun = isRun(group.pointee, from: first)
      if isRun { group.pointee.input = hidden + first * width } else { needsGather = true }
    }
    return needsGather
  }
  @inline(__always)
  private func isRun(_ group: ExpertGroup, from first: Int) -> Bool {
    for index in 1..<max(group.count, 1) where Int(rows[group.start + index]) != first + index { return false }
    return true
  }
}
