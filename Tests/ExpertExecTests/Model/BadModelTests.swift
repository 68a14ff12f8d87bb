// Model folders that cannot be used: each is refused in one line that names the file and the place in it.

import ExpertExec
import HostIO
import SiftTestKit
import Testing

/// Opens a tiny model after something was done to it, and gives back the line with which it is refused.
private func refusal(
  _ tiny: TinyModel = TinyModel(), sourceLocation: SourceLocation = #_sourceLocation,
  after change: (TemporaryFolder) throws -> Void = { _ in }
) throws -> String {
  let folder = try tiny.make()
  try change(folder)
  let error = #expect(throws: ModelError.self, sourceLocation: sourceLocation) { try ModelFiles(folder: folder.path) }
  let line = error?.description ?? ""
  #expect(!line.contains("\n"), "one line", sourceLocation: sourceLocation)
  return line.replacing(folder.path + "/", with: "").replacing(folder.path, with: "FOLDER")
}

struct BadConfigurationTests {
  @Test(arguments: [
    ("hidden_size", nil as String?, "config.json: hidden_size: missing"),
    ("hidden_size", "-32", "config.json: hidden_size: -32 is not within 1 to 1048576"),
    ("hidden_size", "\"32\"", "config.json: hidden_size: expected an integer, got a string"),
    ("hidden_size", "32.0", "config.json: hidden_size: expected an integer, got a number"),
    ("num_hidden_layers", "0", "config.json: num_hidden_layers: 0 is not within 1 to 10000"),
    ("num_hidden_layers", "9223372036854775807", "config.json: num_hidden_layers: 9223372036854775807 is not within"),
    ("num_key_value_heads", "3", "config.json: num_key_value_heads: 3 does not divide num_attention_heads 4"),
    ("head_dim", "7", "config.json: head_dim: 7 is odd"),
    ("num_experts", "0", "config.json: num_experts: 0 is not within 1 to 65536"),
    ("num_experts_per_tok", "9", "config.json: num_experts_per_tok: 9 is not within 1 to 8"),
    ("rms_norm_eps", "-1e-6", "config.json: rms_norm_eps: -1e-06 is not above 0"),
    ("rms_norm_eps", "0", "config.json: rms_norm_eps: 0.0 is not above 0"),
    ("tie_word_embeddings", "1", "config.json: tie_word_embeddings: expected true or false, got an integer"),
    ("mlp_only_layers", "[2]", "config.json: mlp_only_layers: expected integers from 0 to 1"),
    ("decoder_sparse_step", "5", "config.json: decoder_sparse_step: 5 leaves no layer with experts"),
    ("eos_token_id", "264", "config.json: eos_token_id: expected integers from 0 to 263"),
    ("rope_parameters", "{\"rope_theta\": 5000.0}", "config.json: rope_theta: 10000.0 contradicts"),
    ("rope_theta", "\"big\"", "config.json: rope_theta: expected a number, got a string"),
    ("architectures", "[]", "config.json: architectures: expected a list of names"),
    ("architectures", nil, "config.json: architectures: missing"),
  ]) func `a key that is missing or absurd is named`(key: String, value: String?, line: String) throws {
    var tiny = TinyModel()
    if let value { tiny.overrides = [key: value] } else { tiny.omitted = [key] }
    if key == "decoder_sparse_step" { tiny.overrides["mlp_only_layers"] = "[]" }
    #expect(try refusal(tiny).hasPrefix(line))
  }

  @Test(arguments: [
    ("rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 4.0}", "rope_scaling.rope_type: yarn"),
    ("rope_scaling", "{\"type\": \"linear\", \"factor\": 2.0}", "rope_scaling.rope_type: linear"),
    ("rope_parameters", "{\"full_attention\": {\"rope_theta\": 1e4}}", "rope_parameters.full_attention: a rotary"),
    ("partial_rotary_factor", "0.5", "partial_rotary_factor: a rotary embedding of part of a head"),
    ("attention_bias", "true", "attention_bias: a bias in attention"),
    ("hidden_act", "\"gelu\"", "hidden_act: the activation gelu"),
    ("quantization_config", "{\"bits\": 4}", "quantization_config: a quantised model"),
    ("clip_qkv", "8.0", "clip_qkv: clipping of queries, keys and values"),
  ]) func `a feature that would change numbers in silence is refused by name`(
    key: String, value: String, line: String
  ) throws {
    var tiny = TinyModel()
    tiny.overrides = [key: value]
    let got = try refusal(tiny)
    #expect(got.hasPrefix("config.json: \(line)") && got.hasSuffix("is not supported"), "\(got)")
  }

  @Test func `a sliding window is refused when it is in use and shorter than the context`() throws {
    var tiny = TinyModel()
    tiny.overrides = ["sliding_window": "64"]
    _ = try opened(tiny)
    tiny.overrides["use_sliding_window"] = "true"
    #expect(try refusal(tiny) == "config.json: sliding_window: attention to the last 64 tokens only is not supported")
    tiny.overrides["sliding_window"] = "128"
    _ = try opened(tiny)
  }

  @Test func `an unknown architecture is named, with those that are known`() throws {
    var tiny = TinyModel()
    tiny.overrides = ["architectures": "[\"MambaForCausalLM\"]"]
    #expect(
      try refusal(tiny) == "config.json: architecture MambaForCausalLM is not known; known are Qwen3MoeForCausalLM, "
        + "OlmoeForCausalLM, MixtralForCausalLM")
  }

  @Test func `old and new spellings give the same description`() throws {
    var tiny = TinyModel()
    let old = try opened(tiny)
    tiny.overrides = [
      "num_local_experts": "8", "rope_parameters": "{\"rope_theta\": 10000.0, \"rope_type\": \"default\"}",
      "model_type": "\"qwen3_moe\"",
    ]
    tiny.omitted = ["num_experts", "rope_theta", "architectures"]
    let new = try opened(tiny)
    #expect(old.description == new.description)
    #expect(old.hash == new.hash)
  }

  @Test(arguments: [
    ("", "config.json: byte 0: the text ends where a value should be"),
    ("[1]", "config.json: byte 0: expected an object, got an array"),
    ("{\"hidden_size\": 1,}", "config.json: byte 18: expected a key in quotes"),
    ("{\"a\": 1, \"a\": 2}", "config.json: byte 9: the key \"a\" occurs twice in one object"),
    ("{\"a\": NaN}", "config.json: byte 6: unexpected 'N'"),
    ("{\"a\": 1} x", "config.json: byte 9: text goes on after the value"),
  ]) func `a file that is no JSON is refused with its byte`(text: String, line: String) throws {
    #expect(try refusal { try $0.write("config.json", text) } == line)
  }

  @Test func `bytes that are no UTF-8 are refused`() throws {
    let bytes = Array("{\"model_type\": \"".utf8) + [0xC3, 0x28] + Array("\"}".utf8)
    #expect(
      try refusal { try $0.write("config.json", bytes) } == "config.json: byte 16: a string is not valid UTF-8")
  }

  @Test func `endless nesting is refused, not run into`() throws {
    let deep = String(repeating: "[", count: 1_000_000)
    #expect(try refusal { try $0.write("config.json", deep) }.contains("nested deeper than 64"))
  }
}

struct BadFileTests {
  @Test func `a folder without files names the first that is missing`() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: ModelError.self) { try ModelFiles(folder: folder.path) }
    #expect(error?.description == "cannot open \(folder.path)/config.json: No such file or directory")
  }

  @Test func `missing weights are named`() throws {
    let line = try refusal { try removeFile($0.file("model.safetensors")) }
    #expect(line == "cannot open model.safetensors: No such file or directory")
  }

  @Test func `a weight file that is a folder or may not be read is refused with the system's words`() throws {
    let line = try refusal {
      try removeFile($0.file("model.safetensors"))
      try makeFolder($0.file("model.safetensors"))
    }
    #expect(line == "cannot read model.safetensors: it is a folder")
  }

  @Test func `files that Git LFS did not fetch are told for what they are`() throws {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    for (name, place) in [("model.safetensors", ""), ("config.json", "byte 0: ")] {
      let line = try refusal { try $0.write(name, pointer) }
      #expect(line == "\(name): \(place)a Git LFS pointer, not the file itself; fetch it with git lfs pull")
    }
  }

  @Test func `a config of a gigabyte is not read`() throws {
    let line = try refusal { try makeSparseFile($0.file("config.json"), bytes: 1 << 30) }
    #expect(line == "cannot read config.json: it has 1073741824 bytes, more than the 4194304 allowed")
  }

  @Test func `a weight file cut short at any place is refused`() throws {
    let folder = try TinyModel().make()
    let path = folder.file("model.safetensors")
    let whole = try readSmallFile(path, limit: 1 << 24)
    for length in [0, 1, 7, 8, 9, 100, whole.count / 2, whole.count - 1] {
      try folder.write("model.safetensors", Array(whole[..<length]))
      let error = #expect(throws: ModelError.self) { try ModelFiles(folder: folder.path) }
      #expect(error?.description.contains("model.safetensors") == true)
    }
    try folder.write("model.safetensors", whole + [0])
    let error = #expect(throws: ModelError.self) { try ModelFiles(folder: folder.path) }
    #expect(error?.description == "\(path): 1 bytes follow the last tensor")
  }

  @Test func `a header length beyond reason is refused before anything is allocated`() throws {
    for length: UInt64 in [.max, 1 << 63, 100_000_001, 1 << 20] {
      let line = try refusal { folder in
        try folder.write("model.safetensors", withUnsafeBytes(of: length.littleEndian) { Array($0) } + Array("{}".utf8))
      }
      #expect(line.hasPrefix("model.safetensors: header length \(length) "))
    }
  }
}

struct BadSafetensorsTests {
  /// A file with this header before so many zero bytes.
  private func header(_ text: String, bytes: Int) throws -> String {
    let length = withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { Array($0) }
    return try refusal {
      try $0.write("model.safetensors", length + Array(text.utf8) + [UInt8](repeating: 0, count: bytes))
    }
  }

  private func tensor(_ type: String = "F32", shape: String = "[2]", offsets: String = "[0, 8]") -> String {
    "{\"dtype\": \"\(type)\", \"shape\": \(shape), \"data_offsets\": \(offsets)}"
  }

  @Test func `tensors that overlap are refused by name`() throws {
    let text = "{\"a\": \(tensor()), \"b\": \(tensor(offsets: "[4, 12]"))}"
    #expect(try header(text, bytes: 12) == "model.safetensors: tensor b: overlaps tensor a")
  }

  @Test func `holes are refused`() throws {
    let text = "{\"a\": \(tensor()), \"b\": \(tensor(offsets: "[12, 20]"))}"
    #expect(try header(text, bytes: 20) == "model.safetensors: tensor b: a hole of 4 bytes after a")
  }

  @Test(arguments: [
    ("{\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 9]}", "are not within the buffer's 8 bytes"),
    ("{\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 0]}", "are not within the buffer's 8 bytes"),
    ("{\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [-8, 0]}", "are not within the buffer's 8 bytes"),
    ("{\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8, 8]}", "data_offsets is not a pair of integers"),
    ("{\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0.5, 8]}", "data_offsets is not a pair of integers"),
    ("{\"dtype\": \"F32\", \"shape\": [3], \"data_offsets\": [0, 8]}", "F32 of shape [3] has 12 bytes"),
    ("{\"dtype\": \"F32\", \"shape\": [-2], \"data_offsets\": [0, 8]}", "shape holds something else than sizes"),
    ("{\"dtype\": \"F32\", \"shape\": 2, \"data_offsets\": [0, 8]}", "shape is missing or not an array"),
    (
      "{\"dtype\": \"F32\", \"shape\": [4611686018427387904, 4], \"data_offsets\": [0, 8]}", "overflows"
    ),
    ("{\"shape\": [2], \"data_offsets\": [0, 8]}", "dtype is missing or not a string"),
    ("7", "described by an integer, not an object"),
    (
      "{\"dtype\": \"F32\", \"shape\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2], \"data_offsets\": [0, 8]}",
      "17 dimensions are more than 16"
    ),
  ]) func `a description that does not add up is refused with the tensor's name`(entry: String, words: String) throws {
    let line = try header("{\"a\": \(entry)}", bytes: 8)
    #expect(line.hasPrefix("model.safetensors: tensor a: ") && line.contains(words), "\(line)")
  }

  @Test func `a name given twice, metadata of other kinds, and text that is no object are refused`() throws {
    #expect(try header("{\"a\": \(tensor()), \"a\": \(tensor())}", bytes: 8).contains("the key \"a\" occurs twice"))
    #expect(try header("{\"__metadata__\": {\"x\": 1}}", bytes: 0).contains("__metadata__.x is an integer"))
    #expect(try header("[]", bytes: 0) == "model.safetensors: the header does not begin with '{'")
  }

  @Test func `an unknown type is refused only when it is used`() throws {
    let bytes = [UInt8](repeating: 0, count: 3)
    let text = "{\"odd\": {\"dtype\": \"F6_E3M2\", \"shape\": [4], \"data_offsets\": [0, 3]}}"
    let file = withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { Array($0) } + Array(text.utf8) + bytes
    let header = try file.withUnsafeBytes { try SafetensorsHeader($0, path: "x") }
    #expect(header.tensors.map(\.type.name) == ["F6_E3M2"])
  }
}

struct BadWeightTests {
  /// The model's tensors, one of them replaced.
  private func with(_ name: String, _ replace: (TensorEntry, [UInt8]) -> (ElementType, [Int], [UInt8])?) throws
    -> String
  {
    try refusal { folder in
      let path = folder.file("model.safetensors")
      let file = try SafetensorsFile(path: path)
      var writer = SafetensorsWriter()
      for tensor in file.header.tensors {
        let bytes = Array(file.bytes(of: tensor))
        let kept = (tensor.type, tensor.shape, bytes)
        guard let (type, shape, bytes) = tensor.name == name ? replace(tensor, bytes) : kept else { continue }
        writer.add(tensor.name, type: type, shape: shape, bytes: bytes)
      }
      try writer.write(to: path)
    }
  }

  private let expert = "model.layers.1.mlp.experts.5.up_proj.weight"

  @Test func `a missing tensor is named with its shape`() throws {
    #expect(try with(expert) { _, _ in nil } == "FOLDER: tensor \(expert) is missing: expected shape [16, 32]")
  }

  @Test func `a wrong shape is named with both, even when the bytes would do`() throws {
    let line = try with(expert) { ($0.type, [32, 16], $1) }
    #expect(line == "model.safetensors: tensor \(expert): expected shape [16, 32], got [32, 16]")
  }

  @Test func `a type that the kernels do not read is named`() throws {
    let line = try with(expert) { (ElementType(name: "I16"), $0.shape, $1) }
    #expect(line == "model.safetensors: tensor \(expert): expected type BF16, F16, F32, got I16")
  }

  @Test(arguments: [Float.nan, -.infinity], [0, 300, 511])
  func `a weight that is not finite is named with its element`(value: Float, index: Int) throws {
    let line = try with(expert) { entry, bytes in
      var changed = bytes
      let element = ElementType.bf16.encode([value])
      changed[2 * index] = element[0]
      changed[2 * index + 1] = element[1]
      return (entry.type, entry.shape, changed)
    }
    #expect(line == "model.safetensors: tensor \(expert): element \(index) is not a finite number")
  }

  @Test func `a tensor that the architecture has no place for is named`() throws {
    let line = try refusal { folder in
      var tiny = TinyModel()
      tiny.tied = false
      try tiny.write(to: folder)
      tiny.tied = true
      tiny.layers = 1
      let other = try tiny.make()
      try folder.write("config.json", try readSmallFile(other.file("config.json"), limit: 1 << 20))
    }
    #expect(line.hasPrefix("model.safetensors: tensor model.layers.1.input_layernorm.weight has no place"))
  }

  @Test func `an output matrix beside tied embeddings is no error`() throws {
    var tiny = TinyModel()
    tiny.tied = false
    tiny.overrides = ["tie_word_embeddings": "true"]
    let folder = try tiny.make()
    _ = try ModelFiles(folder: folder.path)
    tiny.tied = true
    tiny.overrides = ["tie_word_embeddings": "false"]
    #expect(try refusal(tiny) == "FOLDER: tensor lm_head.weight is missing: expected shape [264, 32]")
  }
}

struct FiniteScanTests {
  @Test(arguments: [ElementType.bf16, .f16, .f32]) func `the first element that is not finite is found, and none other`(
    type: ElementType
  ) throws {
    let kernelType = try #require(type.kernelType)
    let size = try #require(type.size)
    var random = SeededGenerator(seed: 5)
    let extremes: [Float] =
      type == .f16 ? [65504, -65504, 0x1p-24, 0, -0.0] : [3e38, -3e38, .leastNonzeroMagnitude, 0, -0.0]
    for count in [1, 7, 8191, 8192, 8193, 20_000] {
      let values = (0..<count).map { _ in
        Bool.random(using: &random) ? random.float(within: 3) : extremes[Int.random(in: 0..<5, using: &random)]
      }
      var bytes = type.encode(values)
      #expect(bytes.withUnsafeBytes { FiniteScan.firstNotFinite(kernelType, $0) } == nil)
      let places = (0..<3).map { _ in Int.random(in: 0..<count, using: &random) }
      for place in places {
        let bad = type.encode([[Float.nan, .infinity, -.infinity][Int.random(in: 0..<3, using: &random)]])
        for (offset, byte) in bad.enumerated() { bytes[place * size + offset] = byte }
      }
      #expect(bytes.withUnsafeBytes { FiniteScan.firstNotFinite(kernelType, $0) } == places.min())
    }
  }
}
