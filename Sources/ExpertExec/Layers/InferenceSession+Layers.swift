// The operations of a step, in the order of the journey: embedding, attention, experts, head.

import CExpertKernels
import SiftCore

extension InferenceSession {
  private var kernels: KernelTable { engine.kernels }

  /// Embeddings into the stream.
  func embed() {
    let embedding = engine.tables.embedding
    for row in 0..<layout.rows {
      kernels.table.pointee.to_f32(
        embedding.dtype, embedding.row(Int(layout.tokens[row])), activations.stream.base + row * embedding.columns,
        embedding.columns)
    }
    show(.embedding, -1, activations.stream.base, layout.rows, embedding.columns)
  }

  // MARK: Attention

  /// stream += output · attention(norm(stream)).
  func attend(_ layer: Int, _ cosines: UnsafePointer<Float>, _ sines: UnsafePointer<Float>) {
    let matrices = engine.tables.layers[layer]
    project(layer, matrices)
    if engine.shape.normsWholeProjections { normProjections(matrices) }
    let ownNorms = !engine.shape.normsWholeProjections
    var job = AttentionJob(
      kernels: kernels, arena: activations.arena, shape: engine.shape, layer: layer,
      queryNorm: ownNorms ? matrices.queryNorm : nil, keyNorm: ownNorms ? matrices.keyNorm : nil,
      queries: activations.queries.base, keys: activations.keys.base, values: activations.values.base,
      out: activations.mixed.base, spans: UnsafePointer(layout.spans.base), spanCount: layout.spanCount,
      cosines: cosines, sines: sines)
    let alone = layout.pairs * engine.shape.queryWidth * 2 < LinearJob.worthSharing
    if layout.spansDepend {
      job.part = .prepare
      team.run(&job, alone: alone)
      job.claims = Claims()
      job.part = .mix
    }
    team.run(&job, alone: alone)
    addAttention(layer, matrices)
  }

  /// Queries, keys and values of all rows; few rows are normalised by every member for itself.
  private func project(_ layer: Int, _ matrices: LayerMatrices) {
    let ownNorm = layout.rows <= MemberArena.ownRows && probe == nil
    if !ownNorm {
      norm(matrices.attentionNorm, into: activations.hidden.base)
      show(.attentionInput, layer, activations.hidden.base, layout.rows, engine.shape.width)
    }
    var job = LinearJob(
      kernels: kernels, arena: activations.arena,
      input: UnsafePointer(ownNorm ? activations.stream.base : activations.hidden.base),
      inputStride: engine.shape.width, rows: layout.rows,
      parts: (
        LinearPart(weights: matrices.query, out: activations.queries.base, stride: engine.shape.queryWidth),
        LinearPart(weights: matrices.key, out: activations.keys.base, stride: engine.shape.keyWidth),
        LinearPart(weights: matrices.value, out: activations.values.base, stride: engine.shape.keyWidth)
      ))
    job.norm = ownNorm ? matrices.attentionNorm : nil
    job.epsilon = engine.shape.epsilon
    job.run(on: team)
  }

  /// Norms over the whole projections, where the family has them.
  private func normProjections(_ matrices: LayerMatrices) {
    guard let queryNorm = matrices.queryNorm, let keyNorm = matrices.keyNorm else { return }
    for row in 0..<layout.rows {
      let query = activations.queries.base + row * engine.shape.queryWidth
      let key = activations.keys.base + row * engine.shape.keyWidth
      kernels.rmsnorm(query, queryNorm, epsilon: engine.shape.epsilon, query)
      kernels.rmsnorm(key, keyNorm, epsilon: engine.shape.epsilon, key)
    }
  }

  private func addAttention(_ layer: Int, _ matrices: LayerMatrices) {
    let part = LinearPart(weights: matrices.output, out: activations.attended.base, stride: engine.shape.width)
    var job = LinearJob(
      kernels: kernels, arena: activations.arena, input: UnsafePointer(activations.mixed.base),
      inputStride: engine.shape.queryWidth, rows: layout.rows, parts: (part, nil, nil))
    job.residual = activations.stream.base
    job.run(on: team)
    show(.attentionOutput, layer, activations.attended.base, layout.rows, engine.shape.width)
  }

  /// Normalised rows of the stream.
  private func norm(_ weight: Weights, into out: UnsafeMutablePointer<Float>) {
    var job = router(norm: weight, router: nil, into: out)
    job.run(on: team)
  }

  // MARK: Experts

  /// stream += experts(norm(stream)), or the dense layer's one.
  func feedForward(_ layer: Int) {
    let matrices = engine.tables.layers[layer]
    var job = router(norm: matrices.mlpNorm, router: matrices.router, into: activations.hidden.base)
    job.run(on: team)
    if matrices.router != nil {
      showRouting(layer, matrices.expertCount)
      dispatch.run(layer, step: self)
    } else {
      experts.work.reset()
      for row in 0..<layout.rows { experts.work.add(row: row, expert: 0, weight: 1) }
      executeLocally(layer, isFresh: true, isFinal: true)
    }
    show(.layerOutput, layer, activations.stream.base, layout.rows, engine.shape.width)
  }

  private func router(norm: Weights, router: Weights?, into out: UnsafeMutablePointer<Float>) -> RouterJob {
    RouterJob(
      kernels: kernels, arena: activations.arena, shape: engine.shape, router: router, norm: norm,
      stream: UnsafePointer(activations.stream.base), hidden: out, rows: layout.rows,
      logits: activations.routerLogits.base, shares: activations.routerShares.base,
      experts: activations.routedExperts.base, weights: activations.routedWeights.base)
  }

  /// Executes the pairs in `experts.work` into the sums, and adds these to the stream when they are final.
  func executeLocally(_ layer: Int, isFresh: Bool, isFinal: Bool) {
    experts.execute(
      layer: layer, hidden: UnsafePointer(activations.hidden.base), rows: layout.rows, sums: activations.sums.base,
      isFresh: isFresh, residual: isFinal ? activations.stream.base : nil, team: team)
    if isFinal { showSums(layer) }
  }

  /// Adds complete sums to the stream.
  func settleSums(_ layer: Int) {
    kernels.table.pointee.settle(
      activations.stream.base, activations.sums.base, layout.rows * engine.shape.width)
    showSums(layer)
  }

  // MARK: Head

  /// Final norm and logits of the wanted rows.
  func giveLogits() {
    guard layout.wantedCount > 0 else { return }
    let width = engine.shape.width
    for index in 0..<layout.wantedCount {
      kernels.rmsnorm(
        activations.stream.base + Int(layout.wantedRows[index]) * width, engine.tables.finalNorm,
        epsilon: engine.shape.epsilon, activations.finalRows.base + index * width)
    }
    show(.finalNorm, engine.shape.layers, activations.finalRows.base, layout.wantedCount, width)
    let part = LinearPart(
      weights: engine.tables.head, out: activations.logits.base, stride: engine.shape.vocabulary)
    var job = LinearJob(
      kernels: kernels, arena: activations.arena, input: UnsafePointer(activations.finalRows.base), inputStride: width,
      rows: layout.wantedCount, parts: (part, nil, nil))
    job.run(on: team)
  }
}

// MARK: Probing

extension InferenceSession {
  private func show(
    _ point: ProbePoint, _ layer: Int, _ values: UnsafeMutablePointer<Float>, _ rows: Int, _ width: Int
  ) {
    guard let probe else { return }
    probe.see(point, layer: layer, values: UnsafeBufferPointer(start: values, count: rows * width), width: width)
  }

  private func showRouting(_ layer: Int, _ experts: Int) {
    guard let probe else { return }
    let count = layout.rows * engine.shape.perToken
    show(.expertInput, layer, activations.hidden.base, layout.rows, engine.shape.width)
    show(.routerLogits, layer, activations.routerLogits.base, layout.rows, experts)
    probe.see(
      layer: layer, experts: UnsafeBufferPointer(start: activations.routedExperts.base, count: count),
      weights: UnsafeBufferPointer(start: activations.routedWeights.base, count: count),
      perToken: engine.shape.perToken)
  }

  private func showSums(_ layer: Int) {
    guard let probe else { return }
    let count = layout.rows * engine.shape.width
    let sums = (0..<count).map { Float(activations.sums[$0]) }
    sums.withUnsafeBufferPointer {
      probe.see(.expertOutput, layer: layer, values: $0, width: engine.shape.width)
    }
  }
}
