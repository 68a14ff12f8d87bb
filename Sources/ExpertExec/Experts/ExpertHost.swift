// Executes experts for other nodes, with the same kernels as at home.

import CExpertKernels
import SiftCore
import Synchronization

/// The experts of one process in the service of others. Thread-safe: one visit at a time is executed, with all threads.
public final class ExpertHost: ExpertHosting {
  /// Rows of a visit and pairs a row are limited: a visit is a step of a gateway, not a bulk job.
  public struct Limits: Sendable {
    public var rows: Int
    /// At least the model's routed experts a token are taken.
    public var pairsPerRow: Int
    public init(rows: Int = 512, pairsPerRow: Int = 16) {
      self.rows = rows
      self.pairsPerRow = pairsPerRow
    }
  }

  public let engine: Engine
  public let limits: Limits
  /// Taken for as long as `bench` is used.
  private let turn = Mutex(())
  private let bench: Bench
  private let lists: [[Int]]

  /// - Parameters:
  ///   - hosted: `[layer][…]`: the experts that are served; nil for all.
  ///   - threads: threads that execute a visit; nil: the engine's.
  /// - Throws: `SessionError` for experts that do not exist, or when memory or threads are refused.
  public init(engine: Engine, hosted: [[Int]]? = nil, threads: Int? = nil, limits: Limits = Limits())
    throws(SessionError)
  {
    guard (1...1 << 16).contains(limits.rows), (1...1024).contains(limits.pairsPerRow) else {
      throw .option(
        "limits of \(limits.rows) rows (expected 1 to 65536) and \(limits.pairsPerRow) experts a row (1 to 1024)")
    }
    let pairs = max(limits.pairsPerRow, engine.shape.perToken)
    let limits = Limits(rows: limits.rows, pairsPerRow: pairs)
    self.engine = engine
    self.limits = limits
    let experts = try HostedExperts(engine: engine, hosted: hosted)
    lists = (0..<engine.shape.layers).map { experts.list(layer: $0) }
    bench = try Bench(engine: engine, hosted: hosted, threads: threads ?? engine.threads, limits: limits)
  }

  public var modelHash: ContentHash { engine.hash }
  public var arithmetic: String { engine.arithmetic }
  public var width: Int { engine.shape.width }
  public var layers: Int { engine.shape.layers }

  public func hostedExperts(layer: Int) -> [Int] { lists.indices.contains(layer) ? lists[layer] : [] }

  public func execute(_ visit: ExpertVisit, sums: UnsafeMutableBufferPointer<Double>) throws(ExpertHostingError) {
    try check(visit, sums.count)
    try turn.withLock { _ throws(ExpertHostingError) in try bench.execute(visit, sums: sums) }
  }

  /// The outputs of some experts for the same rows, without weights: `out[expert][row, width]`. For calibration.
  package func outputs(
    layer: Int, experts: [Int], hidden: UnsafePointer<Float>, rows: Int, out: UnsafeMutablePointer<Float>
  ) throws(ExpertHostingError) {
    guard layer >= 0, layer < layers else { throw .noSuchLayer(layer, layers: layers) }
    guard rows >= 1, rows <= limits.rows else { throw .shape("\(rows) rows, expected 1 to \(limits.rows)") }
    let hosted = lists[layer]
    for expert in experts where !hosted.contains(expert) { throw .notHosted(layer: layer, expert: expert) }
    turn.withLock { _ in
      for (index, expert) in experts.enumerated() {
        bench.output(layer: layer, expert: expert, hidden: hidden, rows: rows, out: out + index * rows * width)
      }
    }
  }

  /// Everything about a visit that can be checked without touching its figures.
  private func check(_ visit: ExpertVisit, _ sums: Int) throws(ExpertHostingError) {
    guard visit.layer >= 0, visit.layer < layers else { throw .noSuchLayer(visit.layer, layers: layers) }
    guard visit.width == width else { throw .shape("hidden state of width \(visit.width), expected \(width)") }
    guard visit.rows >= 1, visit.rows <= limits.rows else {
      throw .shape("\(visit.rows) rows in a visit, expected 1 to \(limits.rows)")
    }
    guard visit.counts.count == visit.rows, sums >= visit.rows * width else {
      throw .shape("\(visit.counts.count) counts and \(sums) sums for \(visit.rows) rows")
    }
    var pairs = 0
    for count in visit.counts {
      guard count >= 1, count <= limits.pairsPerRow else {
        throw .shape("a row with \(count) experts, expected 1 to \(limits.pairsPerRow)")
      }
      pairs += Int(count)
    }
    guard visit.experts.count == pairs, visit.weights.count == pairs else {
      throw .shape("\(visit.experts.count) experts and \(visit.weights.count) weights for \(pairs) pairs")
    }
  }
}

/// What one visit at a time works with.
private final class Bench: @unchecked Sendable {
  // Unchecked: `ExpertHost` calls it under its lock only.
  private let engine: Engine
  private let hosted: HostedExperts
  private let team: ThreadTeam
  private let floats: Scratch<Float>
  private let output: Scratch<Double>
  private var local: LocalExperts

  init(engine: Engine, hosted: [[Int]]?, threads: Int, limits: ExpertHost.Limits) throws(SessionError) {
    let shape = engine.shape
    self.engine = engine
    self.hosted = try HostedExperts(engine: engine, hosted: hosted)
    guard let team = ThreadTeam(threads: threads) else { throw .noThreads(threads) }
    self.team = team
    floats = try Scratch(threads * MemberArena.floats(columns: shape.columns, width: shape.width, scores: 0))
    output = try Scratch(limits.rows * shape.width)
    let arena = MemberArena(base: floats.base, columns: shape.columns, width: shape.width, scores: 0)
    local = try LocalExperts(engine: engine, arena: arena, maxPairs: limits.rows * limits.pairsPerRow)
  }

  func execute(_ visit: ExpertVisit, sums: UnsafeMutableBufferPointer<Double>) throws(ExpertHostingError) {
    let count = visit.rows * visit.width
    guard isFinite(visit.hidden, count), let out = sums.baseAddress else { throw .notFinite(layer: visit.layer) }
    local.work.reset()
    var pair = 0
    for row in 0..<visit.rows {
      for _ in 0..<visit.counts[row] {
        let expert = visit.experts[pair]
        let weight = visit.weights[pair]
        guard hosted.contains(layer: visit.layer, expert: expert) else {
          throw .notHosted(layer: visit.layer, expert: Int(expert))
        }
        guard weight.isFinite else { throw .notFinite(layer: visit.layer) }
        local.work.add(row: row, expert: expert, weight: weight)
        pair += 1
      }
    }
    local.execute(
      layer: visit.layer, hidden: visit.hidden, rows: visit.rows, sums: out, isFresh: true, residual: nil, team: team)
    for index in 0..<count where !(abs(out[index]) < NodeVisit.greatestSum) { throw .notFinite(layer: visit.layer) }
  }

  /// One expert's output for `rows` rows, each with weight 1.
  func output(
    layer: Int, expert: Int, hidden: UnsafePointer<Float>, rows: Int, out: UnsafeMutablePointer<Float>
  ) {
    let count = rows * engine.shape.width
    local.work.reset()
    for row in 0..<rows { local.work.add(row: row, expert: Int32(expert), weight: 1) }
    local.execute(
      layer: layer, hidden: hidden, rows: rows, sums: output.base, isFresh: true, residual: nil, team: team)
    for index in 0..<count { out[index] = Float(output[index]) }
  }

  private func isFinite(_ values: UnsafePointer<Float>, _ count: Int) -> Bool {
    for index in 0..<count where !values[index].isFinite { return false }
    return true
  }
}
