// The content hash of a model, and on the same pass over the weights the look for NaN and infinity.
//
// SHA-256 over a listing in UTF-8, one line each, every line ended by a newline:
//
//     siftd model 1
//     <fact> <value>                                  facts of the description that change numbers, in fixed order
//     tensor <name> <type> <shape, with commas> <SHA-256 of its bytes>      in the order of the names' bytes

import Crypto
import Dispatch
import HostIO
import SiftCore
import Synchronization

enum ModelHash {
  /// The hash of a model.
  static func combine(_ description: ModelDescription, _ tensors: [(entry: TensorEntry, digest: [UInt8])])
    -> ContentHash
  {
    var hasher = SHA256()
    func line(_ text: String) { hasher.update(data: Array((text + "\n").utf8)) }
    line("siftd model 1")
    for fact in description.facts { line(fact) }
    for (entry, digest) in tensors.sorted(by: { $0.entry.name.utf8.lexicographicallyPrecedes($1.entry.name.utf8) }) {
      let shape = entry.shape.map(String.init).joined(separator: ",")
      let hex = ContentHash(bytes: digest)?.description ?? ""
      line("tensor \(entry.name) \(entry.type) \(shape) \(hex)")
    }
    let digest = Array(hasher.finalize())
    guard let hash = ContentHash(bytes: digest) else { preconditionFailure("SHA-256 has 32 bytes") }
    return hash
  }

  /// Reads every tensor once, on all cores and in the order of the files, which disks like: its SHA-256, and whether all
  /// elements are finite.
  /// - Returns: digests of 32 bytes, parallel to `tensors`.
  /// - Throws: `ModelError.notFinite` for the first tensor, in the order given, that holds NaN or infinity.
  static func digests(_ tensors: [LocatedTensor]) throws(ModelError) -> [[UInt8]] {
    let results = Mutex([Result<[UInt8], ModelError>?](repeating: nil, count: tensors.count))
    let inFileOrder = tensors.indices.sorted {
      (tensors[$0].file.path, tensors[$0].entry.range.lowerBound)
        < (tensors[$1].file.path, tensors[$1].entry.range.lowerBound)
    }
    DispatchQueue.concurrentPerform(iterations: tensors.count) { turn in
      let index = inFileOrder[turn]
      let result = Result { () throws(ModelError) in try digest(tensors[index]) }
      results.withLock { $0[index] = result }
    }
    var digests: [[UInt8]] = []
    digests.reserveCapacity(tensors.count)
    for result in results.withLock({ $0 }) {
      if let result { digests.append(try result.get()) }
    }
    return digests
  }

  /// Blocks small enough to stay in the cache between the look and the hash.
  private static let block = 256 << 10

  private static func digest(_ tensor: LocatedTensor) throws(ModelError) -> [UInt8] {
    var hasher = SHA256()
    let bytes = tensor.bytes
    let size = tensor.entry.type.size ?? 1
    for start in stride(from: 0, to: bytes.count, by: block) {
      let part = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + block, bytes.count)])
      if let type = tensor.entry.type.kernelType, let bad = FiniteScan.firstNotFinite(type, part) {
        throw .notFinite(path: tensor.file.path, tensor: tensor.entry.name, index: start / size + bad)
      }
      hasher.update(bufferPointer: part)
    }
    return Array(hasher.finalize())
  }
}

extension ModelDescription {
  /// What of the description changes numbers, one fact a line. The longest context and the end tokens do not.
  package var facts: [String] {
    var facts = [
      "family \(family)",
      "vocabulary \(vocabulary)",
      "width \(width)",
      "query_heads \(attention.queryHeads)",
      "key_value_heads \(attention.keyValueHeads)",
      "head_width \(attention.headWidth)",
      "query_key_norm \(attention.queryKeyNorm.rawValue)",
      "rope_base \(rope.base)",
      "norm_epsilon \(normEpsilon)",
      "tied_embeddings \(tiedEmbeddings)",
    ]
    for (index, layer) in layers.enumerated() {
      switch layer.mlp {
      case .dense(let inner): facts.append("layer \(index) dense \(inner)")
      case .sparse(let router, let inner):
        let rule = "\(router.experts) \(router.perToken) \(router.renormalises ? "renormalised" : "plain")"
        facts.append("layer \(index) sparse \(rule) \(inner)")
      }
    }
    return facts
  }
}
