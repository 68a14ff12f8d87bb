// The energy of requests that overlap: the scheduler says who did what, the meter what it took, the books whose it was.

import EnergyLedger
import EnergyMeter
import SiftCore

/// Work of one request in one step.
public struct StepWork: Sendable, Hashable {
  /// Processor seconds over all cores.
  public var coreSeconds: Double
  public var visits: Int
  public var bytes: Int
  /// Radio energy by the model, in joules.
  public var radioJoules: Double

  public init(coreSeconds: Double = 0, visits: Int = 0, bytes: Int = 0, radioJoules: Double = 0) {
    self.coreSeconds = coreSeconds
    self.visits = visits
    self.bytes = bytes
    self.radioJoules = radioJoules
  }

  public static func += (sum: inout StepWork, part: StepWork) {
    sum.coreSeconds += part.coreSeconds
    sum.visits += part.visits
    sum.bytes += part.bytes
    sum.radioJoules += part.radioJoules
  }
}

/// The energy books of requests. The real ones are on the rail meter. Calls come from the scheduler's thread, between
/// steps.
public protocol EnergyWindows: Sendable {
  /// Opens the books of a request.
  func open() -> UInt64
  /// Books work of the step that just ended.
  func work(_ window: UInt64, _ work: StepWork)
  /// All work of a step is booked.
  func endOfStep()
  /// Closes the books of a request.
  func close(_ window: UInt64) -> RequestEnergy
}

/// Sums up whose each rail's joules were until a minute is full: what the ledger keeps.
package struct RailMinutes: Sendable {
  /// Seconds that an entry spans, at least.
  package static let seconds = 60.0

  private var sums: [String: WindowEntry] = [:]

  package init() {}

  /// Adds an interval. Times are in seconds since 1970.
  /// - Returns: the entries that are full.
  package mutating func add(_ splits: [RailSplit], start: Double, end: Double) -> [WindowEntry] {
    var full: [WindowEntry] = []
    for split in splits {
      let sum = sums[split.id].map { $0.adding(split, end: end) } ?? WindowEntry(split, start: start, end: end)
      // A clock that was set back would make an entry that never fills.
      let isFull = sum.end - sum.start >= Self.seconds || end < start
      sums[split.id] = isFull ? nil : sum
      if isFull { full.append(sum) }
    }
    return full
  }

  /// What is there, full or not.
  package mutating func finish() -> [WindowEntry] {
    defer { sums = [:] }
    return sums.values.sorted { $0.rail < $1.rail }
  }
}

extension WindowEntry {
  fileprivate init(_ split: RailSplit, start: Double, end: Double) {
    self.init(
      rail: split.id, start: start, end: end, joules: split.joules, idle: split.idle, requests: split.requests,
      unattributed: split.unattributed, coverage: split.coverage, standing: split.standing)
  }

  fileprivate func adding(_ split: RailSplit, end: Double) -> WindowEntry {
    let (before, after) = (self.end - start, end - self.end)
    let whole = before + after
    var sum = self
    sum.end = end
    sum.joules += split.joules
    // Unknown in one interval is unknown in all.
    sum.idle = idle.flatMap { known in split.idle.map { known + $0 } }
    sum.requests += split.requests
    sum.unattributed += split.unattributed
    sum.coverage = whole > 0 ? (coverage * before + split.coverage * after) / whole : coverage
    sum.standing = max(standing, split.standing)
    return sum
  }
}
