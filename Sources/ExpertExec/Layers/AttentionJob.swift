// Attention: queries and keys normalised and rotated, keys and values appended to the cache, every query mixed with the
// positions up to its own.

import CExpertKernels

/// Attention of all spans of a step in one layer, shared out by (span, kv head).
struct AttentionJob: TeamJob {
  /// What a run of the job does.
  enum Part {
    /// Rotates and appends only, shared out by (row, kv head).
    case prepare
    /// Mixes only: everything was prepared before.
    case mix
    /// Both: for steps in which no span reads what another appends.
    case both
  }

  var claims = Claims()
  let kernels: KernelTable
  let arena: MemberArena
  let shape: ModelShape
  let layer: Int
  let queryNorm: Weights?
  let keyNorm: Weights?
  /// `[row, heads × headDim]`.
  let queries: UnsafeMutablePointer<Float>
  /// `[row, kvHeads × headDim]`.
  let keys: UnsafeMutablePointer<Float>
  let values: UnsafeMutablePointer<Float>
  /// `[row, heads × headDim]`.
  let out: UnsafeMutablePointer<Float>
  let spans: UnsafePointer<Span>
  let spanCount: Int
  /// `[position, headDim / 2]`.
  let cosines: UnsafePointer<Float>
  let sines: UnsafePointer<Float>
  var part = Part.both

  static let entry: ek_work = { context, member, _ in
    guard let pointer = context?.assumingMemoryBound(to: AttentionJob.self),
      let claims = pointer.pointer(to: \.claims)
    else { return }
    let job = pointer.pointee
    while true {
      let unit = Claims.take(claims)
      guard unit < job.spanCount * job.shape.kvHeads else { return }
      let span = job.spans[unit / job.shape.kvHeads]
      let head = unit % job.shape.kvHeads
      if job.part != .mix { job.prepare(span, head) }
      if job.part != .prepare { job.mix(span, head, Int(member)) }
    }
  }

  /// Queries of the head's group and the key of every row: norm, rotation, scale; key and value to the cache.
  private func prepare(_ span: Span, _ head: Int) {
    let dim = shape.headDim
    let group = shape.heads / shape.kvHeads
    let scale = 1 / Float(dim).squareRoot()
    for index in 0..<span.count {
      let row = span.row + index
      let position = span.position + index
      let at = (row * shape.kvHeads + head) * dim
      let key = keyRow(span, head, position)
      let value = valueRow(span, head, position)
      value.update(from: values + at, count: dim)
      if let keyNorm {
        kernels.rmsnorm(keys + at, keyNorm, epsilon: shape.epsilon, key)
      } else {
        key.update(from: keys + at, count: dim)
      }
      rotate(key, position)
      for member in 0..<group {
        let query = queries + (row * shape.heads + head * group + member) * dim
        if let queryNorm { kernels.rmsnorm(query, queryNorm, epsilon: shape.epsilon, query) }
        rotate(query, position)
        for i in 0..<dim { query[i] *= scale }
      }
    }
  }

  @inline(__always)
  private func rotate(_ x: UnsafeMutablePointer<Float>, _ position: Int) {
    let at = position * (shape.headDim / 2)
    kernels.table.pointee.rope(x, cosines + at, sines + at, shape.headDim)
  }

  @inline(__always)
  private func keyRow(_ span: Span, _ head: Int, _ position: Int) -> UnsafeMutablePointer<Float> {
    span.cache.keys + (layer * shape.kvHeads + head) * span.cache.stride + position * shape.headDim
  }

  @inline(__always)
  private func valueRow(_ span: Span, _ head: Int, _ position: Int) -> UnsafeMutablePointer<Float> {
    span.cache.values + (layer * shape.kvHeads + head) * span.cache.stride + position * shape.headDim
  }

  /// One row reads the keys once for all heads of the group; several rows read them once a head for all rows.
  private func mix(_ span: Span, _ head: Int, _ member: Int) {
    let dim = shape.headDim
    let group = shape.heads / shape.kvHeads
    let length = span.position + span.count
    let cached = Weights(floats: keyRow(span, head, 0), rows: length, columns: dim)
    let scores = arena.scores(member)
    let rowStride = shape.heads * dim
    let first = (span.row * shape.heads + head * group) * dim
    if span.count == 1 {
      kernels.matmul(
        cached, queries + first, ldx: dim, scores, ldy: length, rows: length, tokens: group,
        scratch: arena.scratch(member))
      for index in 0..<group { gather(span, head, scores + index * length, length, out + first + index * dim) }
      return
    }
    for index in 0..<group {
      let at = first + index * dim
      kernels.matmul(
        cached, queries + at, ldx: rowStride, scores, ldy: length, rows: length, tokens: span.count,
        scratch: arena.scratch(member))
      for row in 0..<span.count {
        gather(span, head, scores + row * length, span.position + row + 1, out + at + row * rowStride)
      }
    }
  }

  /// Softmax over the first `count` scores and the sum of as many values.
  @inline(__always)
  private func gather(
    _ span: Span, _ head: Int, _ scores: UnsafeMutablePointer<Float>, _ count: Int, _ out: UnsafeMutablePointer<Float>
  ) {
    kernels.table.pointee.softmax(scores, count)
    kernels.table.pointee.weighted_sum(
      scores, valueRow(span, head, 0), shape.headDim, out, count, shape.headDim)
  }
}
