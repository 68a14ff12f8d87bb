// The weights of a model as plain tables: what the jobs of the token path read.

/// One SwiGLU, an expert or a dense layer: gate and up `[inner, width]`, down `[width, inner]`.
struct ExpertMatrices {
  var gate: Weights
  var up: Weights
  var down: Weights

  init(_ weights: MLPWeights, in store: WeightStore) {
    gate = store.place(weights.gate)
    up = store.place(weights.up)
    down = store.place(weights.down)
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

/// All matrices of a model in tables that never change.
final class ModelTables: @unchecked Sendable {
  // Unchecked: both tables are written in `init` only.
  let layers: UnsafePointer<LayerMatrices>
  let embedding: Weights
  let finalNorm: Weights
  let head: Weights
  let residence: WeightResidence
  private let expertTable: UnsafeMutablePointer<ExpertMatrices>
  private let store: WeightStore

  /// - Parameter residence: where the weights shall lie; where they do is in the property of this name.
  init(_ files: ModelFiles, residence: WeightResidence) {
    let weights = files.weights
    let store = WeightStore(weights, residence: residence)
    // Layer by layer, so that file pages and copy are never in memory together.
    let release = { if store.residence == .hugePages { files.releasePages() } }
    release()
    self.store = store
    self.residence = store.residence
    finalNorm = store.place(weights.finalNorm)
    head = store.place(weights.output)
    // Rows of the embedding are read one by one; only as the head is it read whole.
    embedding = weights.embedding.pointer == weights.output.pointer ? head : Weights(weights.embedding)
    expertTable = .allocate(capacity: weights.layers.reduce(1) { $0 + Self.experts($1).count })
    let layerTable = UnsafeMutablePointer<LayerMatrices>.allocate(capacity: weights.layers.count + 1)
    var next = expertTable
    for (index, layer) in weights.layers.enumerated() {
      let experts = Self.experts(layer)
      for (number, expert) in experts.enumerated() {
        (next + number).initialize(to: ExpertMatrices(expert, in: store))
      }
      (layerTable + index).initialize(to: LayerMatrices(layer, in: store, experts: next, count: experts.count))
      next += experts.count
      release()
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
  init(_ layer: LayerWeights, in store: WeightStore, experts: UnsafeMutablePointer<ExpertMatrices>, count: Int) {
    attentionNorm = store.place(layer.attentionNorm)
    query = store.place(layer.query)
    key = store.place(layer.key)
    value = store.place(layer.value)
    output = store.place(layer.attentionOutput)
    queryNorm = layer.queryNorm.map { store.place($0) }
    keyNorm = layer.keyNorm.map { store.place($0) }
    mlpNorm = store.place(layer.mlpNorm)
    router = if case .sparse(let weights, _) = layer.mlp { store.place(weights) } else { nil }
    self.experts = UnsafePointer(experts)
    expertCount = count
  }
}
