// Sharded models, the content hash, and the cache of hashes.

import ExpertExec
import HostIO
import SiftCore
import SiftTestKit
import Testing

/// A tiny model, opened; its folder may go once it is.
func opened(_ tiny: TinyModel) throws -> ModelFiles {
  let folder = try tiny.make()
  return try withExtendedLifetime(folder) { try ModelFiles(folder: folder.path) }
}

struct ShardTests {
  @Test func `shards give the same model as one file`() throws {
    var tiny = TinyModel()
    let single = try opened(tiny)
    tiny.shards = 3
    let sharded = try opened(tiny)
    #expect(sharded.hash == single.hash)
    #expect(sharded.fileBytes > 0)
  }

  private func refusal(_ change: (TemporaryFolder, String) throws -> Void) throws -> String {
    var tiny = TinyModel()
    tiny.shards = 2
    let folder = try tiny.make()
    try change(folder, "model.safetensors.index.json")
    let error = #expect(throws: ModelError.self) { try ModelFiles(folder: folder.path) }
    return (error?.description ?? "").replacing(folder.path + "/", with: "")
  }

  @Test func `a missing shard is named`() throws {
    let line = try refusal { folder, _ in try removeFile(folder.file("model-00002-of-00002.safetensors")) }
    #expect(line == "cannot open model-00002-of-00002.safetensors: No such file or directory")
  }

  @Test func `an index that leads out of the folder is refused`() throws {
    for name in ["../model.safetensors", "/etc/passwd", ".hidden", ""] {
      let line = try refusal { folder, index in
        try folder.write(index, "{\"weight_map\": {\"model.norm.weight\": \"\(name)\"}}")
      }
      #expect(line.hasSuffix("\"\(name)\" is not the name of a file beside the index"))
    }
  }

  @Test func `an index that puts a tensor into the wrong shard is refused`() throws {
    let line = try refusal { folder, index in
      let text = String(decoding: try readSmallFile(folder.file(index), limit: 1 << 20), as: UTF8.self)
      let name = "\"model.embed_tokens.weight\": \"model-0000"
      try folder.write(index, text.replacing(name + "1", with: name + "2"))
    }
    #expect(
      line == "model.safetensors.index.json: tensor model.embed_tokens.weight: not in "
        + "model-00002-of-00002.safetensors, where the index puts it")
  }

  @Test func `an index without a map is refused`() throws {
    #expect(try refusal { try $0.write($1, "{}") }.hasSuffix("weight_map is missing or empty"))
    #expect(try refusal { try $0.write($1, "{\"weight_map\": {\"a\": 1}}") }.hasSuffix("its file is an integer"))
  }
}

struct ModelHashTests {
  /// Computed from the definition in ModelHash.swift by an independent program.
  @Test func `the hash of the reference model is what it always was`() throws {
    let model = try ModelFiles(folder: ReferenceModel.folder)
    #expect(model.hash == ContentHash(hex: "ec3ea9d360a9f79b20f8ac8e941ccd0f1622eb6210555b7c5789ccee823f0ab5"))
  }

  @Test func `one changed bit, one changed fact, and one swapped name change the hash`() throws {
    var tiny = TinyModel()
    let original = try opened(tiny).hash
    #expect(try opened(tiny).hash == original)
    tiny.overrides = ["norm_topk_prob": "false"]
    #expect(try opened(tiny).hash != original)
    tiny.overrides = ["rope_theta": "1000000.0"]
    #expect(try opened(tiny).hash != original)
    tiny.overrides = ["max_position_embeddings": "64"]
    #expect(try opened(tiny).hash == original)
    tiny.overrides = [:]
    let folder = try tiny.make()
    var bytes = try readSmallFile(folder.file("model.safetensors"), limit: 1 << 24)
    bytes[bytes.count - 2] ^= 1
    try folder.write("model.safetensors", bytes)
    #expect(try ModelFiles(folder: folder.path).hash != original)
  }

  @Test func `the cache gives the same hash, and is not believed about a file that changed`() throws {
    var tiny = TinyModel()
    tiny.shards = 2
    let folder = try tiny.make()
    let cache = try TemporaryFolder()
    func open() throws -> ContentHash {
      try ModelFiles(folder: folder.path, hashCache: cache.path, cachedAbove: 0).hash
    }
    let first = try open()
    #expect(try open() == first)
    let names = try listFolder(cache.path)
    #expect(names.count == 2)
    func change(_ edit: (String) -> String) throws {
      for name in names {
        try cache.write(
          name, edit(String(decoding: try readSmallFile(cache.file(name), limit: 1 << 20), as: UTF8.self)))
      }
    }
    // The first digit of every digest, behind three lines of heading.
    func lie(_ text: String) -> String {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      return lines.enumerated().map {
        $0 < 3 || $1.isEmpty ? String($1) : ($1.first == "0" ? "1" : "0") + $1.dropFirst()
      }
      .joined(separator: "\n")
    }
    // The cache is believed while the weights are the same, which shows that it is read.
    try change(lie)
    #expect(try open() != first)
    // One that is cut short, of another version, nonsense, or about other tensors is not, and is written anew.
    for edit: (String) -> String in [
      { _ in "" }, { String($0.dropLast(2)) }, { $0.replacing("hashes 1", with: "hashes 2") }, { _ in "nonsense\n" },
      { $0.replacing(".weight", with: ".wait") },
    ] {
      try change { edit(lie($0)) }
      #expect(try open() == first)
      #expect(try open() == first)
    }
    let shard = folder.file("model-00001-of-00002.safetensors")
    var bytes = try readSmallFile(shard, limit: 1 << 24)
    bytes[bytes.count - 2] ^= 1
    try replaceFile(shard, with: bytes)
    #expect(try open() != first)
  }

  @Test func `a cache folder that is not there only costs time`() throws {
    let folder = try TinyModel().make()
    let hash = try ModelFiles(folder: folder.path, hashCache: folder.file("no/where"), cachedAbove: 0).hash
    #expect(try ModelFiles(folder: folder.path).hash == hash)
  }
}
