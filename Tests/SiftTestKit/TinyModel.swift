// Makes complete little models with random weights, for tests that need a model but not its language.

import ExpertExec

/// A recipe for a model folder: config.json, weights, tokenizer, chat template. The same recipe gives the same bytes.
public struct TinyModel: Sendable {
  public enum Family: String, Sendable, CaseIterable { case qwen3Moe, olmoe, mixtral }

  public var family = Family.qwen3Moe
  public var layers = 2
  public var width = 32
  public var queryHeads = 4
  public var keyValueHeads = 2
  public var headWidth = 8
  public var experts = 8
  public var perToken = 2
  public var expertWidth = 16
  public var denseWidth = 24
  /// Layers with a dense MLP (Qwen3-MoE only).
  public var denseLayers: [Int] = []
  /// At least 260: the bytes and four special tokens.
  public var vocabulary = 264
  public var contextLength = 128
  public var tied = true
  public var type = ElementType.bf16
  /// Number of weight files; more than one makes an index.
  public var shards = 1
  public var seed: UInt64 = 1
  /// Keys of config.json as JSON text, put over those of the recipe.
  public var overrides: [String: String] = [:]
  /// Keys left out of config.json.
  public var omitted: Set<String> = []

  public init() {}

  /// Writes the folder's files into `folder`.
  public func write(to folder: TemporaryFolder) throws {
    try folder.write("config.json", configuration())
    try folder.write("tokenizer.json", Self.tokenizer(vocabulary: vocabulary))
    try folder.write("chat_template.jinja", Self.chatTemplate)
    let tensors = weights()
    if shards == 1 {
      var writer = SafetensorsWriter(metadata: ["format": "pt"])
      for (name, shape, bytes) in tensors { writer.add(name, type: type, shape: shape, bytes: bytes) }
      try writer.write(to: folder.file("model.safetensors"))
    } else {
      try writeShards(tensors, to: folder)
    }
  }

  /// A folder of its own with the model in it.
  public func make() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try write(to: folder)
    return folder
  }

  private func writeShards(_ tensors: [Tensor], to folder: TemporaryFolder) throws {
    var map: [String] = []
    for shard in 0..<shards {
      let file = "model-0000\(shard + 1)-of-0000\(shards).safetensors"
      var writer = SafetensorsWriter(metadata: ["format": "pt"])
      for (index, tensor) in tensors.enumerated() where index % shards == shard {
        writer.add(tensor.name, type: type, shape: tensor.shape, bytes: tensor.bytes)
        map.append("\"\(tensor.name)\": \"\(file)\"")
      }
      try writer.write(to: folder.file(file))
    }
    try folder.write(
      "model.safetensors.index.json", "{\"metadata\": {}, \"weight_map\": {\(map.joined(separator: ", "))}}")
  }

  private func configuration() -> String {
    var keys: [String: String] = [
      "hidden_size": "\(width)", "num_hidden_layers": "\(layers)", "num_attention_heads": "\(queryHeads)",
      "num_key_value_heads": "\(keyValueHeads)", "head_dim": "\(headWidth)", "vocab_size": "\(vocabulary)",
      "max_position_embeddings": "\(contextLength)", "rms_norm_eps": "1e-06", "rope_theta": "10000.0",
      "tie_word_embeddings": "\(tied)", "hidden_act": "\"silu\"", "num_experts_per_tok": "\(perToken)",
      "eos_token_id": "257", "attention_bias": "false", "rope_scaling": "null",
    ]
    switch family {
    case .qwen3Moe:
      keys["architectures"] = "[\"Qwen3MoeForCausalLM\"]"
      keys["num_experts"] = "\(experts)"
      keys["moe_intermediate_size"] = "\(expertWidth)"
      keys["intermediate_size"] = "\(denseWidth)"
      keys["mlp_only_layers"] = "\(denseLayers)"
      keys["decoder_sparse_step"] = "1"
      keys["norm_topk_prob"] = "true"
    case .olmoe:
      keys["architectures"] = "[\"OlmoeForCausalLM\"]"
      keys["num_experts"] = "\(experts)"
      keys["intermediate_size"] = "\(expertWidth)"
      keys["norm_topk_prob"] = "false"
    case .mixtral:
      keys["architectures"] = "[\"MixtralForCausalLM\"]"
      keys["num_local_experts"] = "\(experts)"
      keys["intermediate_size"] = "\(expertWidth)"
    }
    for (key, value) in overrides { keys[key] = value }
    for key in omitted { keys[key] = nil }
    return "{" + keys.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ",\n") + "}"
  }

  private typealias Tensor = (name: String, shape: [Int], bytes: [UInt8])

  private func weights() -> [Tensor] {
    var random = SeededGenerator(seed: seed)
    var tensors: [Tensor] = []
    func matrix(_ name: String, _ rows: Int, _ columns: Int) {
      let bound = 1.7 / Float(columns).squareRoot()
      let values = (0..<rows * columns).map { _ in random.float(within: bound) }
      tensors.append((name, [rows, columns], type.encode(values)))
    }
    func norm(_ name: String, _ width: Int) {
      tensors.append((name, [width], type.encode((0..<width).map { _ in 1 + random.float(within: 0.2) })))
    }
    matrix("model.embed_tokens.weight", vocabulary, width)
    for layer in 0..<layers {
      let base = "model.layers.\(layer)."
      norm(base + "input_layernorm.weight", width)
      matrix(base + "self_attn.q_proj.weight", queryHeads * headWidth, width)
      matrix(base + "self_attn.k_proj.weight", keyValueHeads * headWidth, width)
      matrix(base + "self_attn.v_proj.weight", keyValueHeads * headWidth, width)
      matrix(base + "self_attn.o_proj.weight", width, queryHeads * headWidth)
      if family != .mixtral {
        norm(base + "self_attn.q_norm.weight", family == .olmoe ? queryHeads * headWidth : headWidth)
        norm(base + "self_attn.k_norm.weight", family == .olmoe ? keyValueHeads * headWidth : headWidth)
      }
      norm(base + "post_attention_layernorm.weight", width)
      if denseLayers.contains(layer) {
        matrix(base + "mlp.gate_proj.weight", denseWidth, width)
        matrix(base + "mlp.up_proj.weight", denseWidth, width)
        matrix(base + "mlp.down_proj.weight", width, denseWidth)
        continue
      }
      let block = base + (family == .mixtral ? "block_sparse_moe." : "mlp.")
      let (gate, up, down) =
        family == .mixtral ? ("w1", "w3", "w2") : ("gate_proj", "up_proj", "down_proj")
      matrix(block + "gate.weight", experts, width)
      for expert in 0..<experts {
        matrix(block + "experts.\(expert).\(gate).weight", expertWidth, width)
        matrix(block + "experts.\(expert).\(up).weight", expertWidth, width)
        matrix(block + "experts.\(expert).\(down).weight", width, expertWidth)
      }
    }
    norm("model.norm.weight", width)
    if !tied { matrix("lm_head.weight", vocabulary, width) }
    return tensors
  }

  /// ChatML, as most published templates begin.
  public static let chatTemplate = """
    {%- for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{%- endfor %}\
    {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}
    """
}

extension ElementType {
  /// These values in this type, little-endian; rounded to nearest even.
  /// - Precondition: the type is BF16, F16 or F32.
  public func encode(_ values: [Float]) -> [UInt8] {
    var bytes: [UInt8] = []
    for value in values {
      switch self {
      case .f32: withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
      case .bf16:
        let bits = value.bitPattern
        let rounded = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
        withUnsafeBytes(of: rounded.littleEndian) { bytes.append(contentsOf: $0) }
      case .f16: withUnsafeBytes(of: Self.half(value).littleEndian) { bytes.append(contentsOf: $0) }
      default: preconditionFailure("no encoding into \(self)")
      }
    }
    return bytes
  }

  /// Round to nearest even by hand: `Float16` is missing on some platforms that this runs on.
  private static func half(_ value: Float) -> UInt16 {
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    let magnitude = abs(value)
    if magnitude.isNaN { return 0x7E00 }
    if magnitude >= 65520 { return sign | 0x7C00 }
    if magnitude < 0x1p-14 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
    let step = Float(sign: .plus, exponent: magnitude.exponent - 10, significand: 1)
    let rounded = (magnitude / step).rounded(.toNearestOrEven) * step
    let exponent = UInt16(Int(rounded.exponent) + 15)
    return sign | exponent << 10 | UInt16(rounded.significandBitPattern >> 13)
  }
}
