// The families of models this engine runs: how the config.json of each becomes a ModelDescription.

/// One family of architectures.
package struct ModelFamily: Sendable {
  /// The name in `architectures`.
  package let architecture: String
  /// The name in `model_type`.
  package let modelType: String
  /// Reads the family's own keys on top of what all families share.
  private let specialise: @Sendable (ModelConfiguration, inout ModelDescription) throws(ModelError) -> Void

  /// Every family that is known, in the order in which they are named to the user.
  package static let known = [qwen3Moe, olmoe, mixtral]

  /// The description of the model in `folder`.
  package static func describe(_ folder: ModelFolder) throws(ModelError) -> ModelDescription {
    let configuration = try ModelConfiguration(folder)
    let family = try find(configuration)
    var description = try common(configuration, family: family)
    try family.specialise(configuration, &description)
    description.endTokens = try endTokens(folder, configuration, vocabulary: description.vocabulary)
    return description
  }

  /// The family by `architectures[0]`, or by `model_type` when that list is missing.
  private static func find(_ configuration: ModelConfiguration) throws(ModelError) -> ModelFamily {
    if let (key, value) = configuration.value("architectures") {
      guard let name = value.array?.first?.string else {
        throw configuration.refuse(key, "expected a list of names")
      }
      if let family = known.first(where: { $0.architecture == name }) { return family }
      throw .unknownArchitecture(path: configuration.path, name: name, known: known.map(\.architecture))
    }
    guard let name = try configuration.string("model_type") else {
      throw configuration.refuse("architectures", "missing")
    }
    if let family = known.first(where: { $0.modelType == name }) { return family }
    throw .unknownArchitecture(path: configuration.path, name: name, known: known.map(\.modelType))
  }

  /// What all families share: sizes, attention, norms, and the refusal of what would change numbers in silence.
  private static func common(_ configuration: ModelConfiguration, family: ModelFamily) throws(ModelError)
    -> ModelDescription
  {
    try refuseUnsupported(configuration)
    let width = try configuration.integer("hidden_size", in: 1...1 << 20)
    let heads = try configuration.integer("num_attention_heads", in: 1...4096)
    let keyHeads = try configuration.integer("num_key_value_heads", in: 1...4096, fallback: heads)
    guard heads % keyHeads == 0 else {
      throw configuration.refuse("num_key_value_heads", "\(keyHeads) does not divide num_attention_heads \(heads)")
    }
    if configuration.value("head_dim") == nil, width % heads != 0 {
      throw configuration.refuse("num_attention_heads", "\(heads) does not divide hidden_size \(width)")
    }
    let headWidth = try configuration.integer("head_dim", in: 2...8192, fallback: width / heads)
    guard headWidth % 2 == 0 else {
      throw configuration.refuse("head_dim", "\(headWidth) is odd: the rotary embedding turns pairs")
    }
    let layers = try configuration.integer("num_hidden_layers", in: 1...10_000)
    return ModelDescription(
      family: family.modelType,
      vocabulary: try configuration.integer("vocab_size", in: 1...1 << 24),
      width: width,
      contextLength: try configuration.integer("max_position_embeddings", in: 1...1 << 30),
      attention: AttentionDescription(
        queryHeads: heads, keyValueHeads: keyHeads, headWidth: headWidth, queryKeyNorm: .none),
      rope: RopeDescription(base: try configuration.ropeBase()),
      normEpsilon: Float(try configuration.positive("rms_norm_eps", fallback: 1e-6)),
      tiedEmbeddings: try configuration.flag("tie_word_embeddings", fallback: false),
      layers: Array(repeating: LayerDescription(mlp: .dense(inner: 1)), count: layers),
      endTokens: [],
      names: TensorNames())
  }

  /// Features that no family here computes.
  private static func refuseUnsupported(_ configuration: ModelConfiguration) throws(ModelError) {
    if let (key, _) = configuration.value("quantization_config", "compression_config") {
      throw configuration.unsupported(key, "a quantised model")
    }
    if try configuration.flag("attention_bias", fallback: false) {
      throw configuration.unsupported("attention_bias", "a bias in attention")
    }
    let activation = try configuration.string("hidden_act") ?? "silu"
    guard activation == "silu" || activation == "swish" else {
      throw configuration.unsupported("hidden_act", "the activation \(activation)")
    }
    if let (key, clip) = configuration.value("clip_qkv"), !clip.isNull {
      throw configuration.unsupported(key, "clipping of queries, keys and values")
    }
  }

  /// A sliding window changes what a token sees unless it is as long as the context.
  fileprivate static func refuseWindow(_ configuration: ModelConfiguration, context: Int) throws(ModelError) {
    if configuration.value("sliding_window") == nil { return }
    let window = try configuration.integer("sliding_window", in: 1...Int.max)
    guard window >= context else {
      throw configuration.unsupported("sliding_window", "attention to the last \(window) tokens only")
    }
  }

  /// Where a text ends: generation_config.json names more tokens than config.json when there are several.
  private static func endTokens(_ folder: ModelFolder, _ configuration: ModelConfiguration, vocabulary: Int)
    throws(ModelError) -> [Int32]
  {
    var source = configuration
    let name = "generation_config.json"
    if folder.has(name) {
      let generation = ModelConfiguration(
        path: folder.file(name), object: try folder.object(name, limit: ModelConfiguration.fileLimit))
      if generation.value("eos_token_id") != nil { source = generation }
    }
    return try source.integers("eos_token_id", in: 0..<vocabulary).map(Int32.init)
  }
}

extension ModelFamily {
  /// Qwen3-MoE: norms on each head of queries and keys; some layers may be dense (`mlp_only_layers`,
  /// `decoder_sparse_step`).
  static let qwen3Moe = ModelFamily(architecture: "Qwen3MoeForCausalLM", modelType: "qwen3_moe") {
    (configuration, description) throws(ModelError) in
    if try configuration.flag("use_sliding_window", fallback: false) {
      try refuseWindow(configuration, context: description.contextLength)
    }
    description.attention.queryKeyNorm = .perHead
    let experts = try configuration.integer("num_experts", "num_local_experts", in: 1...65_536)
    let router = RouterRule(
      experts: experts, perToken: try configuration.integer("num_experts_per_tok", in: 1...experts),
      renormalises: try configuration.flag("norm_topk_prob", fallback: false))
    let inner = try configuration.integer("moe_intermediate_size", in: 1...1 << 20)
    let step = try configuration.integer("decoder_sparse_step", in: 1...10_000, fallback: 1)
    let dense = Set(try configuration.integers("mlp_only_layers", in: 0..<description.layers.count))
    for layer in description.layers.indices {
      if (layer + 1) % step == 0, !dense.contains(layer) {
        description.layers[layer].mlp = .sparse(router, inner: inner)
      } else {
        description.layers[layer].mlp = .dense(
          inner: try configuration.integer("intermediate_size", in: 1...1 << 20))
      }
    }
    guard description.router != nil else {
      throw configuration.refuse("decoder_sparse_step", "\(step) leaves no layer with experts")
    }
  }

  /// OLMoE: norms on the whole projections of queries and keys; every layer sparse; weights as the softmax left them.
  static let olmoe = ModelFamily(architecture: "OlmoeForCausalLM", modelType: "olmoe") {
    (configuration, description) throws(ModelError) in
    description.attention.queryKeyNorm = .wholeProjection
    let experts = try configuration.integer("num_experts", "num_local_experts", in: 1...65_536)
    let router = RouterRule(
      experts: experts, perToken: try configuration.integer("num_experts_per_tok", in: 1...experts),
      renormalises: try configuration.flag("norm_topk_prob", fallback: false))
    let inner = try configuration.integer("intermediate_size", in: 1...1 << 20)
    description.normEpsilon = Float(try configuration.positive("rms_norm_eps", fallback: 1e-5))
    for layer in description.layers.indices { description.layers[layer].mlp = .sparse(router, inner: inner) }
  }

  /// Mixtral: no norms on queries and keys, every layer sparse, weights of the chosen experts renormalised.
  static let mixtral = ModelFamily(architecture: "MixtralForCausalLM", modelType: "mixtral") {
    (configuration, description) throws(ModelError) in
    try refuseWindow(configuration, context: description.contextLength)
    let experts = try configuration.integer("num_local_experts", "num_experts", in: 1...65_536)
    let router = RouterRule(
      experts: experts, perToken: try configuration.integer("num_experts_per_tok", in: 1...experts),
      renormalises: true)
    let inner = try configuration.integer("intermediate_size", in: 1...1 << 20)
    description.normEpsilon = Float(try configuration.positive("rms_norm_eps", fallback: 1e-5))
    for layer in description.layers.indices { description.layers[layer].mlp = .sparse(router, inner: inner) }
    description.names.router = "model.layers.{layer}.block_sparse_moe.gate.weight"
    description.names.expertGate = "model.layers.{layer}.block_sparse_moe.experts.{expert}.w1.weight"
    description.names.expertUp = "model.layers.{layer}.block_sparse_moe.experts.{expert}.w3.weight"
    description.names.expertDown = "model.layers.{layer}.block_sparse_moe.experts.{expert}.w2.weight"
  }
}
