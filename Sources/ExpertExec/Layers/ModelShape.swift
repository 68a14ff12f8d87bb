// The sizes of a model as plain numbers, and its weights as plain tables: what the jobs of the token path read.

import CExpertKernels

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

/// One SwiGLU, an expert or a dense layer: gate and up `[inner, width]`, down `[width, inner]`.
struct ExpertMatrices {
  var gate: Weights
  var up: Weights
  var down: Weights

  init(_ weights: MLPWeights) {
    gate = Weights(weights.gate)
    up = Weights(weights.up)
    down = Weights(weights.down)
  }
}

/// The matrices of one layer.
struct LayerMatrices {
  var attentionNorm: Weights
  var query: Weights
  var key: Weights
  var value: Weights
  var output: Weights
  var queryNorm: Weights?
  var keyNorm: Weights?
  var mlpNorm: Weights
  /// nil in a dense layer.
  var router: Weights?
  /// Experts of the layer; a dense layer has one, which every row goes to.
  var experts: UnsafePointer<ExpertMatrices>
  var expertCount: Int
}

extension Weights {
  init(_ tensor: BoundTensor) {
    self.init(base: tensor.pointer, dtype: tensor.type, rows: tensor.rows, columns: tensor.columns)
  }
}

/// All matrices of a model in tables that never change. The maps they point into belong to the `ModelFiles` beside them.
final class ModelTables: @unchecked Sendable {
  // Unchecked: both tables are written in `init` only.
  let layers: UnsafePointer<LayerMatrices>
  let embedding: Weights
  let finalNorm: Weights
  let head: Weights
  private let expertTable: UnsafeMutablePointer<ExpertMatrices>

  init(_ weights: ModelWeights) {
    embedding = Weights(weights.embedding)
    finalNorm = Weights(weights.finalNorm)
    head = Weights(weights.output)
    expertTable = .allocate(capacity: weights.layers.reduce(1) { $0 + Self.experts($1).count })
    let layerTable = UnsafeMutablePointer<LayerMatrices>.allocate(capacity: weights.layers.count + 1)
    var next = expertTable
    for (index, layer) in weights.layers.enumerated() {
      let experts = Self.experts(layer)
      for (number, expert) in experts.enumerated() { (next + number).initialize(to: ExpertMatrices(expert)) }
      (layerTable + index).initialize(to: LayerMatrices(layer, experts: next, count: experts.count))
      next += experts.count
    }
    layers = UnsafePointer(layerTable)
  }

  deinit {
    layers.deallocate()
    expertTable.deallocate()
  }

  private static func experts(_ layer: LayerWeights) -> [MLPWeights] {
    switch layer.mlp {
    case .dense(let weights): [weights]
    case .sparse(_, let experts): experts
    }
  }
}

extension LayerMatrices {
  init(_ layer: LayerWeights, experts: UnsafeMutablePointer<ExpertMatrices>, count: Int) {
    attentionNorm = Weights(layer.attentionNorm)
    query = Weights(layer.query)
    key = Weights(layer.key)
    value = Weights(layer.value)
    output = Weights(layer.attentionOutput)
    queryNorm = layer.queryNorm.map(Weights.init)
    keyNorm = layer.keyNorm.map(Weights.init)
    mlpNorm = Weights(layer.mlpNorm)
    router = if case .sparse(let weights, _) = layer.mlp { Weights(weights) } else { nil }
    self.experts = UnsafePointer(experts)
    expertCount = count
  }
}
