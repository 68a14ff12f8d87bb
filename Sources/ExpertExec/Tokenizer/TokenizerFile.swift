// tokenizer.json, checked: a byte-level BPE vocabulary whose every part is one that the encoder carries out exactly.
// Whatever is not known is refused by name, because a tokenizer that is nearly right gives a model nonsense in silence.

/// What a tokenizer.json says.
struct TokenizerFile {
  let added: [AddedToken]
  let normalization: Normalization
  let split: SplitPattern
  /// A word that is a piece as it stands is not merged.
  let takesWholeWords: Bool
  let pieces: PieceTable
  let bytePairs: BytePairEncoding

  static let name = "tokenizer.json"
  static let fileLimit = 256 << 20
  /// Ids are 32 bits; published vocabularies end below 300,000.
  static let idLimit = 1 << 22

  init(_ folder: ModelFolder) throws(ModelError) {
    let reader = Reader(path: folder.file(Self.name))
    let file = try folder.object(Self.name, limit: Self.fileLimit)
    guard let model = file["model"]?.object else { throw reader.refuse("model", "missing") }
    try reader.checkModel(model)
    normalization = try reader.normalization(file["normalizer"], at: "normalizer")
    split = try reader.split(file["pre_tokenizer"])
    try reader.checkDecoder(file["decoder"])
    try reader.checkPostProcessor(file["post_processor"], at: "post_processor")
    takesWholeWords = model["ignore_merges"]?.bool ?? false
    added = try reader.added(file["added_tokens"])
    pieces = try reader.pieces(model["vocab"], added: added)
    bytePairs = try reader.bytePairs(model["merges"], pieces: pieces)
  }
}

/// Reads the parts; `path` is for errors.
private struct Reader {
  let path: String

  func refuse(_ place: String, _ problem: String) -> ModelError {
    .tokenizer(path: path, place: place, problem: problem)
  }

  private func isSet(_ value: JSONValue?) -> Bool {
    switch value {
    case nil, .null?, .bool(false)?: false
    case .string(let text)?: !text.isEmpty
    default: true
    }
  }

  func checkModel(_ model: JSONObject) throws(ModelError) {
    let type = model["type"]?.string ?? "BPE"
    guard type == "BPE" else { throw refuse("model.type", "\(type) is not supported, only BPE") }
    for key in ["dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"] {
      // GPT-NeoX files name an unknown token that byte-level pieces never need.
      if key != "unk_token", isSet(model[key]) {
        throw refuse("model.\(key)", "not supported in a byte-level vocabulary")
      }
    }
  }

  func normalization(_ value: JSONValue?, at place: String) throws(ModelError) -> Normalization {
    guard let value, !value.isNull else { return .none }
    let type = value.object?["type"]?.string ?? value.kind
    switch type {
    case "NFC": return .nfc
    case "Sequence":
      var result = Normalization.none
      for (index, step) in (value.object?["normalizers"]?.array ?? []).enumerated() {
        if case .nfc = try normalization(step, at: "\(place).normalizers[\(index)]") { result = .nfc }
      }
      return result
    default: throw refuse(place, "the normalizer \(type) is not supported, only NFC")
    }
  }

  /// Either a ByteLevel that splits by GPT-2's pattern itself, or a Split by a known pattern and a ByteLevel that does
  /// not.
  func split(_ value: JSONValue?) throws(ModelError) -> SplitPattern {
    guard let object = value?.object, let type = object["type"]?.string else {
      throw refuse("pre_tokenizer", "missing: only byte-level vocabularies are supported")
    }
    if type == "ByteLevel" {
      try checkByteLevel(object, splits: true, at: "pre_tokenizer")
      return .gpt2
    }
    guard type == "Sequence", let steps = object["pretokenizers"]?.array, steps.count == 2,
      let first = steps[0].object, let second = steps[1].object, first["type"]?.string == "Split",
      second["type"]?.string == "ByteLevel"
    else { throw refuse("pre_tokenizer", "\(type) is not supported, only ByteLevel and Split with ByteLevel") }
    try checkByteLevel(second, splits: false, at: "pre_tokenizer.pretokenizers[1]")
    let place = "pre_tokenizer.pretokenizers[0]"
    let behavior = first["behavior"]?.string ?? "missing"
    guard behavior == "Isolated" else {
      throw refuse("\(place).behavior", "\(behavior) is not supported, only Isolated")
    }
    if first["invert"]?.bool ?? false { throw refuse("\(place).invert", "true is not supported") }
    guard let text = first["pattern"]?.object?["Regex"]?.string else {
      throw refuse("\(place).pattern.Regex", "missing")
    }
    guard let pattern = SplitPattern.named(text) else {
      throw refuse("\(place).pattern.Regex", "unknown pattern \(text); known are those of GPT-2, Qwen2/3 and Llama 3")
    }
    return pattern
  }

  private func checkByteLevel(_ object: JSONObject, splits: Bool, at place: String) throws(ModelError) {
    if object["add_prefix_space"]?.bool ?? true {
      throw refuse("\(place).add_prefix_space", "a space before the text is not supported")
    }
    guard object["use_regex"]?.bool ?? true == splits else {
      throw refuse("\(place).use_regex", "expected \(splits)")
    }
  }

  func checkDecoder(_ value: JSONValue?) throws(ModelError) {
    let type = value?.object?["type"]?.string ?? "none"
    guard type == "ByteLevel" else { throw refuse("decoder", "\(type) is not supported, only ByteLevel") }
  }

  /// A post-processor that adds tokens would make ids that this encoder does not.
  func checkPostProcessor(_ value: JSONValue?, at place: String) throws(ModelError) {
    guard let value, !value.isNull else { return }
    let type = value.object?["type"]?.string ?? value.kind
    switch type {
    case "ByteLevel": return
    case "Sequence":
      for (index, step) in (value.object?["processors"]?.array ?? []).enumerated() {
        try checkPostProcessor(step, at: "\(place).processors[\(index)]")
      }
    case "TemplateProcessing":
      let single = value.object?["single"]?.array ?? []
      guard single.count == 1, single[0].object?["Sequence"] != nil else {
        throw refuse("\(place).single", "adding tokens around a text is not supported")
      }
    default: throw refuse(place, "\(type) is not supported, only ByteLevel")
    }
  }
}

extension Reader {
  func added(_ value: JSONValue?) throws(ModelError) -> [AddedToken] {
    guard let value, !value.isNull else { return [] }
    guard let entries = value.array else { throw refuse("added_tokens", "expected an array, got \(value.kind)") }
    var tokens: [AddedToken] = []
    var ids: Set<Int> = []
    var contents: Set<[UInt8]> = []
    for (index, entry) in entries.enumerated() {
      let place = "added_tokens[\(index)]"
      guard let object = entry.object else { throw refuse(place, "expected an object, got \(entry.kind)") }
      guard let id = object["id"]?.integer, (0..<TokenizerFile.idLimit).contains(id) else {
        throw refuse("\(place).id", "missing, or not an id")
      }
      guard let content = object["content"]?.string, !content.isEmpty else {
        throw refuse("\(place).content", "missing or empty")
      }
      guard ids.insert(id).inserted else { throw refuse("\(place).id", "\(id) is given twice") }
      guard contents.insert(Array(content.utf8)).inserted else {
        throw refuse("\(place).content", "\"\(content)\" is added twice")
      }
      if object["single_word"]?.bool ?? false { throw refuse("\(place).single_word", "true is not supported") }
      tokens.append(
        AddedToken(
          id: Int32(id), content: content, stripsLeft: object["lstrip"]?.bool ?? false,
          stripsRight: object["rstrip"]?.bool ?? false, isNormalized: object["normalized"]?.bool ?? false,
          isSpecial: object["special"]?.bool ?? false))
    }
    return tokens
  }

  /// Vocabulary and added tokens as pieces 0 ..< count. An added token is the bytes of its content.
  func pieces(_ value: JSONValue?, added: [AddedToken]) throws(ModelError) -> PieceTable {
    guard let vocabulary = value?.object, !vocabulary.members.isEmpty else {
      throw refuse("model.vocab", "missing or empty")
    }
    let contents = Dictionary(added.map { ($0.id, $0.content) }) { first, _ in first }
    let count =
      1
      + max(
        vocabulary.members.lazy.compactMap(\.value.integer).max() ?? 0, added.lazy.map { Int($0.id) }.max() ?? 0)
    guard count <= TokenizerFile.idLimit else {
      throw refuse("model.vocab", "id \(count - 1) is not below \(TokenizerFile.idLimit)")
    }
    var bytes: [UInt8] = []
    var ranges = [Range<Int>?](repeating: nil, count: count)
    for member in vocabulary.members {
      guard let id = member.value.integer, ranges.indices.contains(id) else {
        throw refuse("model.vocab[\"\(member.key)\"]", "its id is not an id")
      }
      guard ranges[id] == nil else { throw refuse("model.vocab[\"\(member.key)\"]", "id \(id) is given twice") }
      let start = bytes.count
      if let content = contents[Int32(id)] {
        guard content.utf8.elementsEqual(member.key.utf8) else {
          throw refuse("model.vocab[\"\(member.key)\"]", "id \(id) belongs to the added token \"\(content)\"")
        }
        bytes.append(contentsOf: content.utf8)
      } else if !ByteAlphabet.append(member.key, to: &bytes) {
        throw refuse("model.vocab[\"\(member.key)\"]", "a character of it stands for no byte")
      }
      ranges[id] = start..<bytes.count
    }
    for token in added where ranges[Int(token.id)] == nil {
      ranges[Int(token.id)] = bytes.count..<bytes.count + token.content.utf8.count
      bytes.append(contentsOf: token.content.utf8)
    }
    if let gap = ranges.firstIndex(of: nil) { throw refuse("model.vocab", "no piece has id \(gap)") }
    return PieceTable(ranges.map { bytes[$0 ?? 0..<0] })
  }

  func bytePairs(_ value: JSONValue?, pieces: PieceTable) throws(ModelError) -> BytePairEncoding {
    var byteIDs: [Int32] = []
    for byte in UInt8.min...UInt8.max {
      guard let id = pieces.id(of: [byte]) else { throw refuse("model.vocab", "no piece is the single byte \(byte)") }
      byteIDs.append(id)
    }
    guard let entries = value?.array else { throw refuse("model.merges", "missing or not an array") }
    var merges: [UInt64: UInt64] = [:]
    merges.reserveCapacity(entries.count)
    for (rank, entry) in entries.enumerated() {
      func problem(_ text: String) -> ModelError { refuse("model.merges[\(rank)]", text) }
      guard let (left, right) = Self.pair(entry) else { throw problem("expected a pair of pieces") }
      var joined: [UInt8] = []
      guard ByteAlphabet.append(left, to: &joined), let leftID = pieces.id(of: joined[...]) else {
        throw problem("\"\(left)\" is not a piece of the vocabulary")
      }
      let middle = joined.count
      guard ByteAlphabet.append(right, to: &joined), let rightID = pieces.id(of: joined[middle...]) else {
        throw problem("\"\(right)\" is not a piece of the vocabulary")
      }
      guard let merged = pieces.id(of: joined[...]) else {
        throw problem("\"\(left)\(right)\" is not a piece of the vocabulary")
      }
      let value = UInt64(rank) << 32 | UInt64(merged)
      guard merges.updateValue(value, forKey: BytePairEncoding.key(leftID, rightID)) == nil else {
        throw problem("\"\(left)\" and \"\(right)\" are merged twice")
      }
    }
    return BytePairEncoding(byteIDs: byteIDs, merges: merges)
  }

  /// `["a", "b"]`, or in older files `"a b"`.
  private static func pair(_ value: JSONValue) -> (String, String)? {
    if let text = value.string {
      let parts = text.split(separator: " ", omittingEmptySubsequences: false)
      return parts.count == 2 && !parts[0].isEmpty && !parts[1].isEmpty ? (String(parts[0]), String(parts[1])) : nil
    }
    guard let parts = value.array, parts.count == 2, let left = parts[0].string, let right = parts[1].string,
      !left.isEmpty, !right.isEmpty
    else { return nil }
    return (left, right)
  }
}
