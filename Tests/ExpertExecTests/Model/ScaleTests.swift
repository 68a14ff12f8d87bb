// A folder of the size of Qwen3-30B-A3B: 18,867 tensors of 61 GB in 16 shards. The files are holes but for their headers,
// and nothing of the weights is read, so the test costs neither disk nor time.

import CExpertKernels
import ExpertExec
import SiftTestKit
import Testing

struct ScaleTests {
  private struct Shape {
    let name: String
    let shape: [Int]
    var bytes: Int { shape.reduce(2, *) }
  }

  /// The tensors of Qwen3-30B-A3B, whose config.json is published with the model.
  private static var tensors: [Shape] {
    var tensors = [
      Shape(name: "model.embed_tokens.weight", shape: [151_936, 2048]),
      Shape(name: "lm_head.weight", shape: [151_936, 2048]), Shape(name: "model.norm.weight", shape: [2048]),
    ]
    for layer in 0..<48 {
      let base = "model.layers.\(layer)."
      func add(_ name: String, _ shape: Int...) { tensors.append(Shape(name: base + name, shape: shape)) }
      add("input_layernorm.weight", 2048)
      add("post_attention_layernorm.weight", 2048)
      add("self_attn.q_proj.weight", 4096, 2048)
      add("self_attn.k_proj.weight", 512, 2048)
      add("self_attn.v_proj.weight", 512, 2048)
      add("self_attn.o_proj.weight", 2048, 4096)
      add("self_attn.q_norm.weight", 128)
      add("self_attn.k_norm.weight", 128)
      add("mlp.gate.weight", 128, 2048)
      for expert in 0..<128 {
        add("mlp.experts.\(expert).gate_proj.weight", 768, 2048)
        add("mlp.experts.\(expert).up_proj.weight", 768, 2048)
        add("mlp.experts.\(expert).down_proj.weight", 2048, 768)
      }
    }
    return tensors
  }

  private static let configuration = """
    {"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false, "decoder_sparse_step": 1, "eos_token_id": 151645,
     "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 6144,
     "max_position_embeddings": 40960, "max_window_layers": 48, "mlp_only_layers": [], "model_type": "qwen3_moe",
     "moe_intermediate_size": 768, "norm_topk_prob": true, "num_attention_heads": 32, "num_experts": 128,
     "num_experts_per_tok": 8, "num_hidden_layers": 48, "num_key_value_heads": 4, "rms_norm_eps": 1e-06,
     "rope_scaling": null, "rope_theta": 1000000.0, "sliding_window": null, "tie_word_embeddings": false,
     "torch_dtype": "bfloat16", "use_sliding_window": false, "vocab_size": 151936}
    """

  private func write(_ shard: [Shape], as file: String, to folder: TemporaryFolder) throws {
    var entries: [String] = []
    var offset = 0
    for tensor in shard {
      let end = offset + tensor.bytes
      entries.append(
        "\"\(tensor.name)\":{\"dtype\":\"BF16\",\"shape\":\(tensor.shape),\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = "{" + entries.joined(separator: ",") + "}"
    header += String(repeating: " ", count: 7 - (header.utf8.count + 7) % 8)
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
    let path = try folder.write(file, length + Array(header.utf8))
    try makeSparseFile(path, bytes: 8 + header.utf8.count + offset)
  }

  /// - Parameter shards: into how many files the tensors go.
  private func folder(shards: Int) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write("config.json", Self.configuration)
    let tensors = Self.tensors
    let perShard = (tensors.count + shards - 1) / shards
    var map: [String] = []
    for shard in 0..<shards {
      let file = "model-\(shard)-of-\(shards).safetensors"
      let part = Array(tensors[shard * perShard..<min((shard + 1) * perShard, tensors.count)])
      try write(part, as: file, to: folder)
      map += part.map { "\"\($0.name)\":\"\(file)\"" }
    }
    try folder.write("model.safetensors.index.json", "{\"weight_map\":{\(map.joined(separator: ","))}}")
    return folder
  }

  @Test(arguments: [16, 1]) func `61 GB of tensors bind to their places, in shards or beyond 4 GiB of one file`(
    shards: Int
  ) throws {
    let folder = try folder(shards: shards)
    let opened = ModelFolder(folder.path)
    let description = try ModelFamily.describe(opened)
    let catalogue = try TensorCatalogue(opened)
    #expect(catalogue.files.count == shards)
    let (weights, names) = try WeightBinding.bind(description, catalogue, folder: folder.path)
    #expect(names.count == 18_867)
    let last = try #require(catalogue.files.last)
    let final = try #require(last.header.tensors.last)
    #expect(final.range.upperBound == last.mapping.count)
    #expect(shards > 1 || final.range.lowerBound > 1 << 35)
    guard case .sparse(_, let experts) = weights.layers[47].mlp else {
      Issue.record("layer 47 should be sparse")
      return
    }
    // The last expert's bytes are where the header put them, and a page that was never written reads as zero.
    let start = try #require(last.mapping.bytes.baseAddress)
    #expect(experts[127].down.pointer - start == final.range.lowerBound)
    #expect(experts[127].down.pointer.load(fromByteOffset: experts[127].down.byteCount - 2, as: UInt16.self) == 0)
  }
}
