// The activations of a step: one buffer for each stage, reserved for the most rows a session takes.

import CExpertKernels

/// Buffers `[row, …]` that the layers of a step work in, one layer after another.
struct Activations {
  /// `[row, width]`: the residual stream.
  let stream: Scratch<Float>
  /// `[row, width]`: normalised rows.
  let hidden: Scratch<Float>
  /// `[row, heads × headDim]`.
  let queries: Scratch<Float>
  /// `[row, kvHeads × headDim]`.
  let keys: Scratch<Float>
  let values: Scratch<Float>
  /// `[row, heads × headDim]`: what attention gathered.
  let mixed: Scratch<Float>
  /// `[row, width]`: what attention adds to the stream.
  let attended: Scratch<Float>
  /// `[row, expert]`.
  let routerLogits: Scratch<Float>
  let routerShares: Scratch<Float>
  /// `[row, rank]`.
  let routedExperts: Scratch<Int32>
  let routedWeights: Scratch<Float>
  /// `[row, width]`: sums of experts.
  let sums: Scratch<Double>
  /// `[wanted row, width]` and `[wanted row, vocabulary]`.
  let finalRows: Scratch<Float>
  let logits: Scratch<Float>
  /// The members' own.
  let arenaFloats: Scratch<Float>
  let arena: MemberArena

  init(shape: ModelShape, options: SessionOptions, threads: Int) throws(SessionError) {
    let rows = options.maxRows
    stream = try Scratch(rows * shape.width)
    hidden = try Scratch(rows * shape.width)
    queries = try Scratch(rows * shape.queryWidth)
    keys = try Scratch(rows * shape.keyWidth)
    values = try Scratch(rows * shape.keyWidth)
    mixed = try Scratch(rows * shape.queryWidth)
    attended = try Scratch(rows * shape.width)
    routerLogits = try Scratch(rows * shape.experts)
    routerShares = try Scratch(rows * shape.experts)
    routedExperts = try Scratch(rows * shape.perToken)
    routedWeights = try Scratch(rows * shape.perToken)
    sums = try Scratch(rows * shape.width)
    finalRows = try Scratch(options.maxLogitRows * shape.width)
    logits = try Scratch(options.maxLogitRows * shape.vocabulary)
    let positions = min(shape.context, options.cacheTokens)
    let scores = max(shape.heads / shape.kvHeads, StepLayout.spanRows) * positions
    arenaFloats = try Scratch(
      threads * MemberArena.floats(columns: shape.columns, width: shape.width, scores: scores))
    arena = MemberArena(base: arenaFloats.base, columns: shape.columns, width: shape.width, scores: scores)
  }
}
