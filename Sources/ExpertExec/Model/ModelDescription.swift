// An architecture as data: sizes, what each layer is made of, the router's rule, and what the tensors are called. The
// engine reads this and nothing else of config.json; another family is another description (ModelFamily).
//
// Shape letters used throughout: V vocabulary, d width of the hidden state, L layers, H query heads, G key/value heads,
// h width of a head, E experts of a layer, K experts a token, f width inside an expert, T tokens.

/// The architecture of a model and its sizes.
public struct ModelDescription: Sendable, Hashable {
  /// The family's `model_type`, such as "qwen3_moe".
  public var family: String
  /// V: rows of the embedding; token ids are below it.
  public var vocabulary: Int
  /// d: width of the hidden state.
  public var width: Int
  /// Longest sequence in tokens.
  public var contextLength: Int
  public var attention: AttentionDescription
  public var rope: RopeDescription
  /// ε of every RMS norm.
  public var normEpsilon: Float
  /// True when the output matrix is the embedding.
  public var tiedEmbeddings: Bool
  /// `[layer]`, L elements.
  public var layers: [LayerDescription]
  /// Token ids that end a text, by generation_config.json, else config.json. May be empty.
  public var endTokens: [Int32]
  public var names: TensorNames

  /// The router of the first sparse layer; nil for a model without experts, which no known family allows.
  public var router: RouterRule? { layers.lazy.compactMap(\.router).first }
  /// E of a layer; 0 for a dense one.
  public func experts(layer: Int) -> Int { layers[layer].router?.experts ?? 0 }
}

/// Grouped-query attention without biases: queries [d → H·h], keys and values [d → G·h], output [H·h → d].
public struct AttentionDescription: Sendable, Hashable {
  /// H.
  public var queryHeads: Int
  /// G; divides H. Query head i reads key/value head i / (H / G).
  public var keyValueHeads: Int
  /// h. H·h need not be d.
  public var headWidth: Int
  public var queryKeyNorm: QueryKeyNorm
  /// What scores are multiplied by before the softmax: 1/√h.
  public var scale: Float { 1 / Float(headWidth).squareRoot() }
}

/// The RMS norm that some families put on queries and keys before the rotary embedding.
public enum QueryKeyNorm: String, Sendable, Hashable {
  case none
  /// Each head by itself, weights [h] shared by all heads.
  case perHead
  /// The whole projection at once, weights [H·h] and [G·h].
  case wholeProjection
}

/// Rotary embedding in halves layout: element i pairs with i + h/2, angle = position × base^(−2i/h).
public struct RopeDescription: Sendable, Hashable {
  public var base: Double
}

/// One layer: norm, attention, residual; norm, MLP or experts, residual.
public struct LayerDescription: Sendable, Hashable {
  public var mlp: MLPDescription
  /// The router when the layer is sparse.
  public var router: RouterRule? { if case .sparse(let router, _) = mlp { router } else { nil } }
}

/// What follows a layer's second norm. Every MLP is SwiGLU: down(silu(gate(x)) × up(x)).
public enum MLPDescription: Sendable, Hashable {
  /// One MLP for all tokens; `inner` is its inner width.
  case dense(inner: Int)
  /// Experts of inner width f, chosen by a router [d → E].
  case sparse(RouterRule, inner: Int)
}

/// How a router's logits become experts and weights: softmax over all E, the K largest (ties to the lower index), and,
/// for some families, division by their sum.
public struct RouterRule: Sendable, Hashable {
  /// E.
  public var experts: Int
  /// K, 1 ... E.
  public var perToken: Int
  /// Whether the K weights are divided by their sum.
  public var renormalises: Bool

  public init(experts: Int, perToken: Int, renormalises: Bool) {
    self.experts = experts
    self.perToken = perToken
    self.renormalises = renormalises
  }
}

/// What the tensors are called. `{layer}` and `{expert}` stand for indices. Matrices are [out, in], row-major.
public struct TensorNames: Sendable, Hashable {
  public var embedding = "model.embed_tokens.weight"
  public var finalNorm = "model.norm.weight"
  public var output = "lm_head.weight"
  public var attentionNorm = "model.layers.{layer}.input_layernorm.weight"
  public var query = "model.layers.{layer}.self_attn.q_proj.weight"
  public var key = "model.layers.{layer}.self_attn.k_proj.weight"
  public var value = "model.layers.{layer}.self_attn.v_proj.weight"
  public var attentionOutput = "model.layers.{layer}.self_attn.o_proj.weight"
  public var queryNorm = "model.layers.{layer}.self_attn.q_norm.weight"
  public var keyNorm = "model.layers.{layer}.self_attn.k_norm.weight"
  public var mlpNorm = "model.layers.{layer}.post_attention_layernorm.weight"
  public var denseGate = "model.layers.{layer}.mlp.gate_proj.weight"
  public var denseUp = "model.layers.{layer}.mlp.up_proj.weight"
  public var denseDown = "model.layers.{layer}.mlp.down_proj.weight"
  public var router = "model.layers.{layer}.mlp.gate.weight"
  public var expertGate = "model.layers.{layer}.mlp.experts.{expert}.gate_proj.weight"
  public var expertUp = "model.layers.{layer}.mlp.experts.{expert}.up_proj.weight"
  public var expertDown = "model.layers.{layer}.mlp.experts.{expert}.down_proj.weight"
  /// Endings of tensors that published files carry and nobody computes with.
  public var ignoredSuffixes = [".rotary_emb.inv_freq"]

  public init() {}

  /// `pattern` with its placeholders filled in.
  public static func fill(_ pattern: String, layer: Int, expert: Int? = nil) -> String {
    var name = ""
    name.reserveCapacity(pattern.utf8.count + 4)
    var rest = pattern[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      name += rest[..<open]
      let placeholder = rest[rest.index(after: open)..<close]
      name += placeholder == "layer" ? String(layer) : expert.map(String.init) ?? ""
      rest = rest[rest.index(after: close)...]
    }
    return name + rest
  }
}
