// The three phases of the experts: gather rows, gate and up, down and sum.

import CExpertKernels

/// What the phases share.
struct ExpertPhase {
  let kernels: KernelTable
  let arena: MemberArena
  /// The layer's experts.
  let experts: UnsafePointer<ExpertMatrices>
  let groups: UnsafePointer<ExpertGroup>
  let groupCount: Int
  /// Grouped pairs.
  let pairs: Int
  let rows: UnsafePointer<Int32>
  let weights: UnsafePointer<Float>
  /// Width of the hidden state, and inside the experts.
  let width: Int
  let inner: Int
  /// `[pair, inner]` each.
  let gate: UnsafeMutablePointer<Float>
  let up: UnsafeMutablePointer<Float>
}

/// Copies the rows of scattered groups together, shared out by blocks of pairs.
struct GatherJob: TeamJob {
  static let blockPairs = 32
  var claims = Claims()
  let phase: ExpertPhase
  /// `[row, width]`.
  let hidden: UnsafePointer<Float>
  /// `[pair, width]`.
  let gathered: UnsafeMutablePointer<Float>

  mutating func run(on team: ThreadTeam) { team.run(&self, alone: phase.pairs <= 2 * Self.blockPairs) }

  static let entry: ek_work = { context, _, _ in
    guard let pointer = context?.assumingMemoryBound(to: GatherJob.self), let claims = pointer.pointer(to: \.claims)
    else { return }
    let job = pointer.pointee
    let width = job.phase.width
    while true {
      let start = Claims.take(claims) * blockPairs
      guard start < job.phase.pairs else { return }
      for pair in start..<min(start + blockPairs, job.phase.pairs) {
        (job.gathered + pair * width).update(from: job.hidden + Int(job.phase.rows[pair]) * width, count: width)
      }
    }
  }
}

/// `gate[pair] = silu(G · x) × (U · x)`, shared out by (expert, rows of the matrices).
struct GateUpJob: TeamJob {
  var claims = Claims()
  let phase: ExpertPhase
  private var block = 1

  init(phase: ExpertPhase) { self.phase = phase }

  mutating func run(on team: ThreadTeam) {
    let alone = phase.pairs * phase.inner * phase.width * 2 < LinearJob.worthSharing
    let members = alone ? 1 : team.threads
    block = members == 1 ? phase.inner : min(phase.inner, blockOf(phase.inner * phase.groupCount, members: members))
    team.run(&self, alone: alone)
  }

  static let entry: ek_work = { context, member, _ in
    guard let pointer = context?.assumingMemoryBound(to: GateUpJob.self), let claims = pointer.pointer(to: \.claims)
    else { return }
    let job = pointer.pointee
    let blocks = (job.phase.inner + job.block - 1) / job.block
    while true {
      let unit = Claims.take(claims)
      guard unit < job.phase.groupCount * blocks else { return }
      job.work(job.phase.groups[unit / blocks], first: unit % blocks * job.block, Int(member))
    }
  }

  private func work(_ group: ExpertGroup, first: Int, _ member: Int) {
    let matrices = phase.experts[group.expert]
    let count = min(block, phase.inner - first)
    let at = group.start * phase.inner + first
    let scratch = phase.arena.scratch(member)
    phase.kernels.matmul(
      matrices.gate, row: first, group.input, ldx: phase.width, phase.gate + at, ldy: phase.inner, rows: count,
      tokens: group.count, scratch: scratch)
    phase.kernels.matmul(
      matrices.up, row: first, group.input, ldx: phase.width, phase.up + at, ldy: phase.inner, rows: count,
      tokens: group.count, scratch: scratch)
    for pair in 0..<group.count {
      let row = at + pair * phase.inner
      phase.kernels.table.pointee.silu_mul(phase.gate + row, phase.up + row, phase.gate + row, count)
    }
  }
}

/// `sums[row] += weight × (D · gate[pair])`, shared out by elements of the result: each member owns the sums of its
/// elements, so nobody adds to what another adds to.
struct DownJob: TeamJob {
  var claims = Claims()
  let phase: ExpertPhase
  /// `[row, width]`.
  let sums: UnsafeMutablePointer<Double>
  let sumRows: Int
  /// Whether sums begin at zero, or go on from what is there.
  let isFresh: Bool
  /// When set, the sums are final: `residual[row] += sums[row]`.
  let residual: UnsafeMutablePointer<Float>?
  private var block = 1

  init(
    phase: ExpertPhase, sums: UnsafeMutablePointer<Double>, sumRows: Int, isFresh: Bool,
    residual: UnsafeMutablePointer<Float>?
  ) {
    self.phase = phase
    self.sums = sums
    self.sumRows = sumRows
    self.isFresh = isFresh
    self.residual = residual
  }

  mutating func run(on team: ThreadTeam) {
    let alone = phase.pairs * phase.inner * phase.width < LinearJob.worthSharing
    block = alone ? phase.width : blockOf(phase.width, members: team.threads)
    team.run(&self, alone: alone)
  }

  static let entry: ek_work = { context, member, _ in
    guard let pointer = context?.assumingMemoryBound(to: DownJob.self), let claims = pointer.pointer(to: \.claims)
    else { return }
    let job = pointer.pointee
    while true {
      let first = Claims.take(claims) * job.block
      guard first < job.phase.width else { return }
      job.work(first, min(job.block, job.phase.width - first), Int(member))
    }
  }

  /// Elements `first ..< first + count` of all rows.
  private func work(_ first: Int, _ count: Int, _ member: Int) {
    let width = phase.width
    if isFresh { for row in 0..<sumRows { (sums + row * width + first).update(repeating: 0, count: count) } }
    for index in 0..<phase.groupCount {
      let group = phase.groups[index]
      for start in stride(from: 0, to: group.count, by: MemberArena.resultRows) {
        add(group, start, min(MemberArena.resultRows, group.count - start), first, count, member)
      }
    }
    guard let residual else { return }
    for row in 0..<sumRows {
      phase.kernels.table.pointee.settle(residual + row * width + first, sums + row * width + first, count)
    }
  }

  private func add(_ group: ExpertGroup, _ start: Int, _ pairs: Int, _ first: Int, _ count: Int, _ member: Int) {
    let results = phase.arena.results(member)
    let pair = group.start + start
    phase.kernels.matmul(
      phase.experts[group.expert].down, row: first, phase.gate + pair * phase.inner, ldx: phase.inner, results,
      ldy: count, rows: count, tokens: pairs, scratch: phase.arena.scratch(member))
    for index in 0..<pairs {
      let sum = sums + Int(phase.rows[pair + index]) * phase.width + first
      phase.kernels.table.pointee.accumulate(sum, phase.weights[pair + index], results + index * count, count)
    }
  }
}
