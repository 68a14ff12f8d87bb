// Who visits whom in the layer at work: for the price of the next row and for the fair share of each.

import SiftCore

/// The visits of one layer of one step. Buffers keep their size.
struct VisitBooks {
  /// Bit n: whether a row goes to node n; and whether the row at work does.
  private(set) var visited: UInt64 = 0
  private(set) var rowNodes: UInt64 = 0
  /// Grows by one with every layer of every step.
  private(set) var stamp: UInt64 = 0
  /// What a row with a remote expert pays of the wake-up, in joules.
  private(set) var wakeShare = 0.0
  private var wakeRows = 0
  private var airtime = 0.0
  /// `[node]`: rows that go there; (row, expert) pairs of the row at work; seconds of work.
  private var rowCounts: [Int] = []
  private var pairCounts: [Int] = []
  private var seconds: [Double] = []

  mutating func reserve(nodes: Int) {
    rowCounts = Array(repeating: 0, count: nodes)
    pairCounts = Array(repeating: 0, count: nodes)
    seconds = Array(repeating: 0, count: nodes)
  }

  func isVisited(_ node: Int) -> Bool { visited & 1 << UInt64(node) != 0 }

  mutating func beginLayer() {
    stamp += 1
    visited = 0
    rowNodes = 0
    wakeRows = 0
    airtime = 0
    for node in rowCounts.indices {
      rowCounts[node] = 0
      seconds[node] = 0
    }
  }

  /// The row at work has an expert executed at `place`.
  mutating func add(place: Int, _ computeTime: Double) {
    seconds[place] += computeTime
    if place > 0 { rowNodes |= 1 << UInt64(place) }
  }

  /// The row at work is decided.
  mutating func endRow(_ world: Conditions, rowBytes: Int) {
    if rowNodes != 0 { wakeRows += 1 }
    for node in rowCounts.indices where rowNodes & 1 << UInt64(node) != 0 {
      rowCounts[node] += 1
      if isVisited(node) { airtime += world.nodes[node].visit.airtimePerByte * Double(rowBytes) }
    }
    visited |= rowNodes
    rowNodes = 0
  }

  /// Seconds by which the whole layer takes longer than one token of it at most.
  var backlog: Double { airtime + (seconds.max() ?? 0) }

  /// All rows are decided: what each pays of the fixed prices.
  mutating func share(_ world: Conditions) { wakeShare = wakeRows > 0 ? world.wakeEnergy / Double(wakeRows) : 0 }

  /// A row's share of the fixed price of visiting `node`.
  func share(_ node: Int) -> Double { rowCounts[node] > 0 ? 1 / Double(rowCounts[node]) : 0 }

  /// Begins the booking of a row.
  mutating func beginRow() {
    rowNodes = 0
    for node in pairCounts.indices { pairCounts[node] = 0 }
  }

  /// The row being booked sends an expert to `node`.
  mutating func pair(_ node: Int) {
    guard pairCounts.indices.contains(node) else { return }
    pairCounts[node] += 1
    rowNodes |= 1 << UInt64(node)
  }

  func pairs(_ node: Int) -> Int { pairCounts[node] }
}
