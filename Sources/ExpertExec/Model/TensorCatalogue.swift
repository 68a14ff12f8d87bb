// Every tensor of a model folder by name: one safetensors file, or the shards that model.safetensors.index.json lists.

/// A tensor and the file it is in.
package struct LocatedTensor: Sendable {
  package let file: SafetensorsFile
  package let entry: TensorEntry
  /// Valid as long as the file lives.
  package var bytes: UnsafeRawBufferPointer { file.bytes(of: entry) }
}

/// The tensors of a folder. Nothing of their contents is read here.
package struct TensorCatalogue: Sendable {
  package let files: [SafetensorsFile]
  package let tensors: [String: LocatedTensor]

  package static let singleFile = "model.safetensors"
  package static let indexFile = "model.safetensors.index.json"
  /// 30,000 tensors take 3 MB; a mixture of a thousand experts a layer still fits.
  package static let indexLimit = 256 << 20

  package init(_ folder: ModelFolder) throws(ModelError) {
    if folder.has(Self.indexFile), !folder.has(Self.singleFile) {
      self = try Self.shards(of: folder)
    } else {
      let file = try SafetensorsFile(path: folder.file(Self.singleFile))
      self.init(files: [file], tensors: try Self.located(in: file))
    }
  }

  private init(files: [SafetensorsFile], tensors: [String: LocatedTensor]) {
    self.files = files
    self.tensors = tensors
  }

  /// Opens the files that the index names; only tensors that it names are known.
  private static func shards(of folder: ModelFolder) throws(ModelError) -> TensorCatalogue {
    let path = folder.file(indexFile)
    let index = try folder.object(indexFile, limit: indexLimit)
    guard let map = index["weight_map"]?.object, !map.members.isEmpty else {
      throw .safetensors(path: path, tensor: nil, problem: "weight_map is missing or empty")
    }
    var files: [SafetensorsFile] = []
    var shards: [String: [String: LocatedTensor]] = [:]
    var tensors: [String: LocatedTensor] = [:]
    for member in map.members {
      func refuse(_ problem: String) -> ModelError { .safetensors(path: path, tensor: member.key, problem: problem) }
      guard let shard = member.value.string else { throw refuse("its file is \(member.value.kind)") }
      guard !shard.isEmpty, !shard.contains("/"), !shard.hasPrefix(".") else {
        throw refuse("\"\(shard)\" is not the name of a file beside the index")
      }
      if shards[shard] == nil {
        let file = try SafetensorsFile(path: folder.file(shard))
        files.append(file)
        shards[shard] = try located(in: file)
      }
      guard let tensor = shards[shard]?[member.key] else { throw refuse("not in \(shard), where the index puts it") }
      tensors[member.key] = tensor
    }
    return TensorCatalogue(files: files, tensors: tensors)
  }

  /// The tensors of one file by name. Swift compares names by canonical equivalence: two that differ only in that are
  /// refused rather than mixed up.
  private static func located(in file: SafetensorsFile) throws(ModelError) -> [String: LocatedTensor] {
    var tensors: [String: LocatedTensor] = [:]
    for entry in file.header.tensors {
      guard tensors.updateValue(LocatedTensor(file: file, entry: entry), forKey: entry.name) == nil else {
        throw .safetensors(path: file.path, tensor: entry.name, problem: "its name occurs twice")
      }
    }
    return tensors
  }
}
