// The router: which experts a row goes to, and with what weights.

import CExpertKernels

/// Norm, router logits, softmax over all experts, the best K by falling weight (ties to the lower id); shared out by
/// blocks of rows.
struct RouterJob: TeamJob {
  /// Rows claimed together.
  static let blockRows = 8

  var claims = Claims()
  let kernels: KernelTable
  let arena: MemberArena
  let shape: ModelShape
  /// Nil in a layer without router: then only the norm is taken.
  let router: Weights?
  let norm: Weights
  /// `[row, width]`: the residual stream.
  let stream: UnsafePointer<Float>
  /// `[row, width]`: the normalised rows.
  let hidden: UnsafeMutablePointer<Float>
  let rows: Int
  /// `[row, expert]`: before the softmax.
  let logits: UnsafeMutablePointer<Float>
  /// `[row, expert]`: used up by the choice.
  let shares: UnsafeMutablePointer<Float>
  /// `[row, rank]`.
  let experts: UnsafeMutablePointer<Int32>
  let weights: UnsafeMutablePointer<Float>

  mutating func run(on team: ThreadTeam) {
    team.run(&self, alone: rows <= Self.blockRows)
  }

  static let entry: ek_work = { context, member, _ in
    guard let pointer = context?.assumingMemoryBound(to: RouterJob.self), let claims = pointer.pointer(to: \.claims)
    else { return }
    let job = pointer.pointee
    while true {
      let start = Claims.take(claims) * Self.blockRows
      guard start < job.rows else { return }
      job.route(start..<min(start + Self.blockRows, job.rows), Int(member))
    }
  }

  private func route(_ range: Range<Int>, _ member: Int) {
    let width = shape.width
    for row in range {
      kernels.rmsnorm(stream + row * width, norm, epsilon: shape.epsilon, hidden + row * width)
    }
    guard let router else { return }
    let count = router.rows
    kernels.matmul(
      router, hidden + range.lowerBound * width, ldx: width, logits + range.lowerBound * count, ldy: count, rows: count,
      tokens: range.count, scratch: arena.scratch(member))
    for row in range {
      (shares + row * count).update(from: logits + row * count, count: count)
      kernels.table.pointee.softmax(shares + row * count, count)
      choose(shares + row * count, count, row * shape.perToken)
    }
  }

  /// The K greatest shares, in K passes: K is small, and a pass over the experts of a layer is short.
  private func choose(_ shares: UnsafeMutablePointer<Float>, _ count: Int, _ at: Int) {
    var total: Float = 0
    for rank in 0..<shape.perToken {
      // Were every share NaN, the passes would still name K different experts.
      var best = rank
      var greatest = -Float.infinity
      for expert in 0..<count where shares[expert] > greatest {
        best = expert
        greatest = shares[expert]
      }
      shares[best] = -.infinity
      experts[at + rank] = Int32(best)
      weights[at + rank] = greatest
      total += greatest
    }
    guard shape.renormalises else { return }
    for rank in 0..<shape.perToken { weights[at + rank] /= total }
  }
}
