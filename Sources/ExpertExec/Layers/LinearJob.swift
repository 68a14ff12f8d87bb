// Up to three matrices applied to the same rows, shared out by rows of the matrices; with the norm before and the
// residual after, where there are any.

import CExpertKernels

/// One matrix of a linear job and where its results go: `out[row * stride + r]`.
struct LinearPart {
  var weights: Weights
  var out: UnsafeMutablePointer<Float>
  var stride: Int
}

/// `out = W · x` for each part and row.
struct LinearJob: TeamJob {
  var claims = Claims()
  let kernels: KernelTable
  let arena: MemberArena
  /// `[rows, stride]`.
  var input: UnsafePointer<Float>
  var inputStride: Int
  var rows: Int
  private var parts: (LinearPart, LinearPart, LinearPart)
  private var ends: (Int, Int, Int)
  /// Rows of a matrix that are claimed together.
  private var block = 1
  /// When set, `input` holds rows before this norm, and every member normalises them for itself (few rows only).
  var norm: Weights?
  var epsilon: Float = 0
  /// When set, results are added to these rows as well: `residual[row * stride + r] += out[row * stride + r]`.
  var residual: UnsafeMutablePointer<Float>?

  init(
    kernels: KernelTable, arena: MemberArena, input: UnsafePointer<Float>, inputStride: Int, rows: Int,
    parts: (LinearPart, LinearPart?, LinearPart?)
  ) {
    self.kernels = kernels
    self.arena = arena
    self.input = input
    self.inputStride = inputStride
    self.rows = rows
    let second = parts.1 ?? parts.0
    let third = parts.2 ?? second
    self.parts = (parts.0, second, third)
    let first = parts.0.weights.rows
    let both = first + (parts.1?.weights.rows ?? 0)
    self.ends = (first, both, both + (parts.2?.weights.rows ?? 0))
  }

  /// Multiplications of the whole job.
  private var work: Int { ends.2 * parts.0.weights.columns * rows }

  mutating func run(on team: ThreadTeam) {
    let alone = work < Self.worthSharing
    block = alone ? ends.2 : blockOf(ends.2, members: team.threads)
    team.run(&self, alone: alone)
  }

  /// Below so many multiplications it takes longer to wake the others than to do the work.
  static let worthSharing = 24_576

  static let entry: ek_work = { context, member, _ in
    guard let pointer = context?.assumingMemoryBound(to: LinearJob.self) else { return }
    pointer.pointee.work(Int(member), claims: pointer.pointer(to: \.claims))
  }

  private func work(_ member: Int, claims: UnsafeMutablePointer<Claims>?) {
    guard let claims else { return }
    var x = input
    var stride = inputStride
    var isReady = norm == nil
    while true {
      let start = Claims.take(claims) * block
      guard start < ends.2 else { return }
      if !isReady, let norm {
        let own = arena.normalised(member)
        for row in 0..<rows {
          kernels.rmsnorm(input + row * inputStride, norm, epsilon: epsilon, own + row * norm.columns)
        }
        (x, stride, isReady) = (UnsafePointer(own), norm.columns, true)
      }
      let end = min(start + block, ends.2)
      apply(parts.0, max(start, 0), min(end, ends.0), x, stride, member)
      apply(parts.1, max(start, ends.0) - ends.0, min(end, ends.1) - ends.0, x, stride, member)
      apply(parts.2, max(start, ends.1) - ends.1, min(end, ends.2) - ends.1, x, stride, member)
    }
  }

  /// Rows `first ..< end` of one part; none when they are the wrong way round.
  @inline(__always)
  private func apply(
    _ part: LinearPart, _ first: Int, _ end: Int, _ x: UnsafePointer<Float>, _ stride: Int, _ member: Int
  ) {
    guard first < end else { return }
    kernels.matmul(
      part.weights, row: first, x, ldx: stride, part.out + first, ldy: part.stride, rows: end - first, tokens: rows,
      scratch: arena.scratch(member))
    guard let residual else { return }
    for row in 0..<rows {
      let at = row * part.stride + first
      kernels.table.pointee.add(residual + at, part.out + at, end - first)
    }
  }
}

/// How many of `total` rows are claimed together: several blocks a member, whole groups of 16 rows.
func blockOf(_ total: Int, members: Int) -> Int {
  guard members > 1 else { return max(total, 1) }
  return max(16, (total / (members * 4) + 15) / 16 * 16)
}
