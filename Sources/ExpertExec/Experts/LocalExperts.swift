// Executes experts here: pairs in, exact sums out.

import CExpertKernels

/// The local execution of experts with its buffers. One thread's, like the team it uses.
struct LocalExperts {
  private let kernels: KernelTable
  private let arena: MemberArena
  private let tables: ModelTables
  private let width: Int
  private let gate: Scratch<Float>
  private let up: Scratch<Float>
  private let gathered: Scratch<Float>
  /// The pairs to execute: `reset`, `add`, then `execute`.
  var work: ExpertWork

  init(engine: Engine, arena: MemberArena, maxPairs: Int) throws(SessionError) {
    kernels = engine.kernels
    tables = engine.tables
    width = engine.shape.width
    self.arena = arena
    gate = try Scratch(maxPairs * engine.shape.inner)
    up = try Scratch(maxPairs * engine.shape.inner)
    gathered = try Scratch(maxPairs * engine.shape.width)
    work = try ExpertWork(maxPairs: maxPairs, experts: engine.shape.experts)
  }

  /// Executes the pairs in `work`.
  ///
  /// - Parameters:
  ///   - hidden: `[row, width]`: the normalised inputs.
  ///   - rows: rows of `hidden` and `sums`.
  ///   - sums: `[row, width]`, zeroed first when `isFresh`.
  ///   - residual: `[row, width]`: the sums are added to it when they are complete; nil while they are not.
  mutating func execute(
    layer: Int, hidden: UnsafePointer<Float>, rows: Int, sums: UnsafeMutablePointer<Double>, isFresh: Bool,
    residual: UnsafeMutablePointer<Float>?, team: ThreadTeam
  ) {
    let needsGather = work.group(hidden: hidden, width: width, gathered: UnsafePointer(gathered.base))
    let matrices = tables.layers[layer].experts
    let phase = ExpertPhase(
      kernels: kernels, arena: arena, experts: matrices, groups: UnsafePointer(work.groups.base),
      groupCount: work.groupCount, pairs: work.count, rows: UnsafePointer(work.rows.base),
      weights: UnsafePointer(work.weights.base), width: width, inner: matrices.pointee.gate.rows, gate: gate.base,
      up: up.base)
    if needsGather {
      var gather = GatherJob(phase: phase, hidden: hidden, gathered: gathered.base)
      gather.run(on: team)
    }
    if work.count > 0 {
      var gateUp = GateUpJob(phase: phase)
      gateUp.run(on: team)
    }
    var down = DownJob(phase: phase, sums: sums, sumRows: rows, isFresh: isFresh, residual: residual)
    down.run(on: team)
  }
}
