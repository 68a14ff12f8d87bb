// Binds every tensor that the description asks for, and refuses what is missing, misshapen or left over.

import CExpertKernels

/// Takes tensors out of a catalogue one by one and remembers which.
package struct WeightBinding {
  private let catalogue: TensorCatalogue
  private let folder: String
  /// Names in binding order.
  private(set) var bound: [String] = []
  private var taken: Set<String> = []

  /// The weights of `description`, all checked, and the names that were bound.
  package static func bind(_ description: ModelDescription, _ catalogue: TensorCatalogue, folder: String)
    throws(ModelError)
    -> (weights: ModelWeights, names: [String])
  {
    var binding = WeightBinding(catalogue: catalogue, folder: folder)
    let names = description.names
    let vocabulary = [description.vocabulary, description.width]
    let embedding = try binding.take(names.embedding, vocabulary)
    let finalNorm = try binding.take(names.finalNorm, [description.width])
    let output = description.tiedEmbeddings ? embedding : try binding.take(names.output, vocabulary)
    var layers: [LayerWeights] = []
    for layer in description.layers.indices { layers.append(try binding.layer(layer, of: description)) }
    try binding.refuseLeftovers(description)
    return (
      ModelWeights(embedding: embedding, finalNorm: finalNorm, output: output, layers: layers), binding.bound
    )
  }

  private init(catalogue: TensorCatalogue, folder: String) {
    self.catalogue = catalogue
    self.folder = folder
  }

  private mutating func layer(_ layer: Int, of model: ModelDescription) throws(ModelError) -> LayerWeights {
    let names = model.names
    let attention = model.attention
    let d = model.width
    let queries = attention.queryHeads * attention.headWidth
    let keys = attention.keyValueHeads * attention.headWidth
    func name(_ pattern: String) -> String { TensorNames.fill(pattern, layer: layer) }
    var queryNorm: BoundTensor?
    var keyNorm: BoundTensor?
    if attention.queryKeyNorm != .none {
      let perHead = attention.queryKeyNorm == .perHead
      queryNorm = try take(name(names.queryNorm), [perHead ? attention.headWidth : queries])
      keyNorm = try take(name(names.keyNorm), [perHead ? attention.headWidth : keys])
    }
    return LayerWeights(
      attentionNorm: try take(name(names.attentionNorm), [d]),
      query: try take(name(names.query), [queries, d]),
      key: try take(name(names.key), [keys, d]),
      value: try take(name(names.value), [keys, d]),
      attentionOutput: try take(name(names.attentionOutput), [d, queries]),
      queryNorm: queryNorm, keyNorm: keyNorm,
      mlpNorm: try take(name(names.mlpNorm), [d]),
      mlp: try mlp(layer, of: model))
  }

  private mutating func mlp(_ layer: Int, of model: ModelDescription) throws(ModelError) -> LayerWeights.MLP {
    let names = model.names
    let d = model.width
    switch model.layers[layer].mlp {
    case .dense(let inner):
      return .dense(
        MLPWeights(
          gate: try take(TensorNames.fill(names.denseGate, layer: layer), [inner, d]),
          up: try take(TensorNames.fill(names.denseUp, layer: layer), [inner, d]),
          down: try take(TensorNames.fill(names.denseDown, layer: layer), [d, inner])))
    case .sparse(let rule, let inner):
      let router = try take(TensorNames.fill(names.router, layer: layer), [rule.experts, d])
      var experts: [MLPWeights] = []
      experts.reserveCapacity(rule.experts)
      for expert in 0..<rule.experts {
        experts.append(
          MLPWeights(
            gate: try take(TensorNames.fill(names.expertGate, layer: layer, expert: expert), [inner, d]),
            up: try take(TensorNames.fill(names.expertUp, layer: layer, expert: expert), [inner, d]),
            down: try take(TensorNames.fill(names.expertDown, layer: layer, expert: expert), [d, inner])))
      }
      return .sparse(router: router, experts: experts)
    }
  }

  /// The tensor of this name, its type, shape and alignment checked.
  private mutating func take(_ name: String, _ shape: [Int]) throws(ModelError) -> BoundTensor {
    guard let tensor = catalogue.tensors[name] else {
      throw .missingTensor(folder: folder, name: name, shape: shape)
    }
    let path = tensor.file.path
    guard let type = tensor.entry.type.kernelType, let size = tensor.entry.type.size else {
      throw .elementType(path: path, tensor: name, expected: ["BF16", "F16", "F32"], got: tensor.entry.type.name)
    }
    guard tensor.entry.shape == shape else {
      throw .shape(path: path, tensor: name, expected: shape, got: tensor.entry.shape)
    }
    guard let pointer = tensor.bytes.baseAddress, UInt(bitPattern: pointer) % UInt(size) == 0 else {
      throw .safetensors(
        path: path, tensor: name, problem: "not aligned to its elements of \(size) bytes; save the file anew")
    }
    taken.insert(name)
    bound.append(name)
    return BoundTensor(
      type: type, rows: shape.count == 2 ? shape[0] : 1, columns: shape.last ?? 1, pointer: pointer,
      byteCount: tensor.bytes.count)
  }

  /// A tensor without a place (a bias, a shared expert, another layer) means that the model is not what its config.json
  /// says, and that running without it would give wrong numbers in silence.
  private func refuseLeftovers(_ description: ModelDescription) throws(ModelError) {
    for (name, tensor) in catalogue.tensors.sorted(by: { $0.key < $1.key }) where !taken.contains(name) {
      let isIgnored =
        description.names.ignoredSuffixes.contains { name.hasSuffix($0) }
        || (description.tiedEmbeddings && name == description.names.output)
      if !isIgnored { throw .unusedTensor(path: tensor.file.path, tensor: name) }
    }
  }
}
