// A model folder, opened and checked: the only way into weights.

import CExpertKernels
import HostIO
import SiftCore

/// An opened model. When `init` returns, every weight the architecture needs is there with the right type and shape,
/// all are finite, and nothing in the files is left over. Keep it as long as any `BoundTensor` of it is used.
public final class ModelFiles: Sendable {
  /// The folder as it was given.
  public let folder: String
  public let description: ModelDescription
  /// Binds a calibration, a placement and peers to these weights.
  public let hash: ContentHash
  /// The weights by their place in the architecture.
  public let weights: ModelWeights
  private let catalogue: TensorCatalogue

  /// Files above this many bytes together are looked up in the hash cache: a second or so of hashing.
  public static let cachedAbove = 1 << 30

  /// Opens a folder with config.json and *.safetensors.
  ///
  /// Reads all weights once (for hash and finiteness), on all cores, unless `hashCache` knows them.
  /// - Parameters:
  ///   - hashCache: a folder to remember the hashes of large models in; nil remembers nothing.
  ///   - cachedAbove: size in bytes from which the cache is used.
  /// - Throws: `ModelError`, one line that names the file and the place in it.
  public init(folder: String, hashCache: String? = nil, cachedAbove: Int = ModelFiles.cachedAbove) throws(ModelError) {
    let opened = ModelFolder(folder)
    let description = try ModelFamily.describe(opened)
    let catalogue = try TensorCatalogue(opened)
    let (weights, names) = try WeightBinding.bind(description, catalogue, folder: opened.path)
    let tensors = names.compactMap { catalogue.tensors[$0] }
    let total = tensors.reduce(0) { $0 + $1.entry.range.count }
    let cache = total > cachedAbove ? hashCache.map(HashCache.init(directory:)) : nil
    let digests = try Self.digests(tensors, of: catalogue.files, cache: cache)
    self.folder = opened.path
    self.description = description
    self.weights = weights
    self.catalogue = catalogue
    self.hash = ModelHash.combine(description, zip(tensors, digests).map { ($0.entry, $1) })
  }

  /// Gives the pages of the weights that this process has touched back to the page cache.
  func releasePages() { for file in catalogue.files { file.mapping.release() } }

  /// Bytes of all weight files.
  public var fileBytes: Int { catalogue.files.reduce(0) { $0 + $1.mapping.count } }

  /// The weight of this name, type and shape as stored; nil when there is none or the kernels do not read its type.
  public func tensor(_ name: String) -> BoundTensor? {
    guard let tensor = catalogue.tensors[name], let type = tensor.entry.type.kernelType,
      let pointer = tensor.bytes.baseAddress, tensor.entry.shape.count <= 2
    else { return nil }
    let shape = tensor.entry.shape
    return BoundTensor(
      type: type, rows: shape.count == 2 ? shape[0] : 1, columns: shape.last ?? 1, pointer: pointer,
      byteCount: tensor.bytes.count)
  }

  /// Digests parallel to `tensors`: from the cache where it knows a whole file, else read and remembered.
  private static func digests(_ tensors: [LocatedTensor], of files: [SafetensorsFile], cache: HashCache?)
    throws(ModelError) -> [[UInt8]]
  {
    guard let cache else { return try ModelHash.digests(tensors) }
    var known: [ObjectIdentifier: [String: [UInt8]]] = [:]
    for file in files { known[ObjectIdentifier(file)] = cache.digests(of: file) }
    var found = tensors.map { known[ObjectIdentifier($0.file)]?[$0.entry.name] }
    let missing = found.indices.filter { found[$0] == nil }
    if !missing.isEmpty {
      for (index, digest) in zip(missing, try ModelHash.digests(missing.map { tensors[$0] })) { found[index] = digest }
      for file in files where missing.contains(where: { tensors[$0].file === file }) {
        let ofFile = tensors.indices.filter { tensors[$0].file === file }
        cache.store(ofFile.map { (tensors[$0].entry.name, found[$0] ?? []) }, of: file)
      }
    }
    return found.map { $0 ?? [] }
  }
}
