// Where the weights lie while they are used: in the mapped files, or in a copy on huge pages.

import CExpertKernels

/// Where an engine reads its weights.
public enum WeightResidence: String, Sendable, Hashable, CaseIterable {
  /// In the mapped files: shared between processes, dropped by the kernel when memory is short.
  case mapped
  /// In a private copy on huge pages: faster where weights are larger than the caches, and never dropped. The copy
  /// takes the place of the touched file pages layer by layer: the process is larger than with `mapped` by a layer at
  /// most, while the copy is made.
  case hugePages
}

/// Places weights for one engine and keeps the copy alive.
final class WeightStore {
  /// `mapped` when the memory for the copy was refused.
  let residence: WeightResidence
  private let copy: Scratch<UInt8>?
  private var used = 0

  /// Weights begin at multiples of this many bytes in the copy: one cache line.
  private static let alignment = 64

  init(_ weights: ModelWeights, residence: WeightResidence) {
    copy = residence == .hugePages ? try? Scratch(Self.bytes(weights), hugePages: true) : nil
    self.residence = copy == nil ? .mapped : .hugePages
  }

  /// The matrix of `tensor`, copied where there is a copy.
  func place(_ tensor: BoundTensor) -> Weights {
    let size = Self.whole(tensor.byteCount)
    guard let copy, used + size <= copy.count else { return Weights(tensor) }
    let target = UnsafeMutableRawPointer(copy.base + used)
    used += size
    target.copyMemory(from: tensor.pointer, byteCount: tensor.byteCount)
    return Weights(base: UnsafeRawPointer(target), dtype: tensor.type, rows: tensor.rows, columns: tensor.columns)
  }

  /// Bytes that all weights take in a copy.
  private static func bytes(_ weights: ModelWeights) -> Int {
    var total = whole(weights.finalNorm.byteCount) + whole(weights.output.byteCount)
    for layer in weights.layers {
      var tensors = [
        layer.attentionNorm, layer.query, layer.key, layer.value, layer.attentionOutput, layer.mlpNorm,
      ]
      tensors += [layer.queryNorm, layer.keyNorm].compactMap { $0 }
      switch layer.mlp {
      case .dense(let mlp): tensors += [mlp.gate, mlp.up, mlp.down]
      case .sparse(let router, let experts): tensors += [router] + experts.flatMap { [$0.gate, $0.up, $0.down] }
      }
      total += tensors.reduce(0) { $0 + whole($1.byteCount) }
    }
    return total
  }

  private static func whole(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }
}

extension Weights {
  /// A tensor where it lies in its file.
  init(_ tensor: BoundTensor) {
    self.init(base: tensor.pointer, dtype: tensor.type, rows: tensor.rows, columns: tensor.columns)
  }
}
