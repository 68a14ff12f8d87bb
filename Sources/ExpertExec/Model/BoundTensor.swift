// Weights bound to their places in the architecture: name, type and shape checked once, before the first token.

import CExpertKernels

/// A weight in mapped memory. Valid as long as the `ModelFiles` it came from.
///
/// `@unchecked Sendable`: the pointer leads into a read-only mapping that nothing writes to.
public struct BoundTensor: @unchecked Sendable {
  public let type: ek_dtype
  /// Rows of a matrix [rows, columns], row-major; 1 for a vector.
  public let rows: Int
  public let columns: Int
  /// First element; aligned to the element.
  public let pointer: UnsafeRawPointer
  /// Bytes of the whole tensor.
  public let byteCount: Int

  package init(type: ek_dtype, rows: Int, columns: Int, pointer: UnsafeRawPointer, byteCount: Int) {
    self.type = type
    self.rows = rows
    self.columns = columns
    self.pointer = pointer
    self.byteCount = byteCount
  }
}

/// One SwiGLU: gate [f, d], up [f, d], down [d, f].
public struct MLPWeights: Sendable {
  public let gate: BoundTensor
  public let up: BoundTensor
  public let down: BoundTensor
}

/// The weights of one layer.
public struct LayerWeights: Sendable {
  public enum MLP: Sendable {
    case dense(MLPWeights)
    /// Router [E, d] and E experts.
    case sparse(router: BoundTensor, experts: [MLPWeights])
  }
  /// [d].
  public let attentionNorm: BoundTensor
  /// [H·h, d].
  public let query: BoundTensor
  /// [G·h, d].
  public let key: BoundTensor
  /// [G·h, d].
  public let value: BoundTensor
  /// [d, H·h].
  public let attentionOutput: BoundTensor
  /// [h] or [H·h] by `AttentionDescription.queryKeyNorm`; nil for `.none`.
  public let queryNorm: BoundTensor?
  /// [h] or [G·h]; nil for `.none`.
  public let keyNorm: BoundTensor?
  /// [d].
  public let mlpNorm: BoundTensor
  public let mlp: MLP
}

/// All weights of a model.
public struct ModelWeights: Sendable {
  /// [V, d].
  public let embedding: BoundTensor
  /// [d].
  public let finalNorm: BoundTensor
  /// [V, d]; the embedding itself when they are tied.
  public let output: BoundTensor
  /// `[layer]`, L elements.
  public let layers: [LayerWeights]
}
