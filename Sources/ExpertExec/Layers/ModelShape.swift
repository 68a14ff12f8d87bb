// The sizes of a model as plain numbers: what the jobs of the token path read.

/// The sizes that jobs need, taken from the description once.
struct ModelShape {
  /// Width of the hidden state (d).
  let width: Int
  let layers: Int
  let heads: Int
  let kvHeads: Int
  let headDim: Int
  let vocabulary: Int
  let context: Int
  let epsilon: Float
  /// Most experts of a layer, at least 1.
  let experts: Int
  /// Routed experts a token (K), at least 1.
  let perToken: Int
  let renormalises: Bool
  /// Greatest inner width of an expert or a dense layer.
  let inner: Int
  let normsWholeProjections: Bool

  /// Floats of the queries of a row.
  var queryWidth: Int { heads * headDim }
  /// Floats of the keys of a row.
  var keyWidth: Int { kvHeads * headDim }
  /// Most columns of any matrix.
  var columns: Int { max(width, queryWidth, inner, headDim) }
  /// Bytes of keys and values of a token in all layers.
  var cacheBytesPerToken: Int { 2 * layers * keyWidth * MemoryLayout<Float>.stride }

  init(_ description: ModelDescription) {
    width = description.width
    layers = description.layers.count
    heads = description.attention.queryHeads
    kvHeads = description.attention.keyValueHeads
    headDim = description.attention.headWidth
    vocabulary = description.vocabulary
    context = description.contextLength
    epsilon = description.normEpsilon
    experts = description.layers.map { $0.router?.experts ?? 1 }.max() ?? 1
    perToken = description.router?.perToken ?? 1
    renormalises = description.router?.renormalises ?? false
    normsWholeProjections = description.attention.queryKeyNorm == .wholeProjection
    inner =
      description.layers.map { layer in
        switch layer.mlp {
        case .dense(let inner), .sparse(_, let inner): inner
        }
      }.max() ?? 1
  }
}
