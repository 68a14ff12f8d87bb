// The tokenizer.json of a TinyModel: byte-level BPE with every byte, a few merges and four special tokens.

extension TinyModel {
  /// Ids 0 to 255 are the bytes, 256 to 259 the special tokens `<|endoftext|>`, `<|im_end|>`, `<|im_start|>`, `<|pad|>`,
  /// then merged pieces up to `vocabulary`.
  public static func tokenizer(vocabulary: Int) -> String {
    let specials = ["<|endoftext|>", "<|im_end|>", "<|im_start|>", "<|pad|>"]
    var pieces = (0..<256).map { String(byteCharacter(UInt8($0))) } + specials
    var merges: [String] = []
    let pairs = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("i", "n"), ("a", "n"), ("an", "d"), ("e", "r"), ("Ġ", "a")]
    for (left, right) in pairs where pieces.count < vocabulary {
      pieces.append(left + right)
      merges.append("[\"\(left)\", \"\(right)\"]")
    }
    let entries = pieces.enumerated().map { "\(quoted($1)): \($0)" }.joined(separator: ", ")
    let added = specials.enumerated().map { index, content in
      "{\"id\": \(256 + index), \"content\": \"\(content)\", \"single_word\": false, \"lstrip\": false, "
        + "\"rstrip\": false, \"normalized\": false, \"special\": true}"
    }
    return """
      {"version": "1.0", "added_tokens": [\(added.joined(separator: ", "))],
       "normalizer": {"type": "NFC"},
       "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
         {"type": "Split", "pattern": {"Regex": \(quoted(splitPattern))}, "behavior": "Isolated", "invert": false},
         {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
       "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
       "model": {"type": "BPE", "vocab": {\(entries)}, "merges": [\(merges.joined(separator: ", "))]}}
      """
  }

  /// The split pattern of Qwen2 and Qwen3.
  public static let splitPattern =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// The printable character that stands for a byte in GPT-2's byte-level vocabularies.
  static func byteCharacter(_ byte: UInt8) -> Character {
    let printable: (UInt8) -> Bool = { (0x21...0x7E).contains($0) || (0xA1...0xAC).contains($0) || $0 >= 0xAE }
    if printable(byte) { return Character(Unicode.Scalar(byte)) }
    let rank = (0..<byte).filter { !printable($0) }.count
    return Unicode.Scalar(256 + UInt32(rank)).map(Character.init) ?? "?"
  }

  static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}
