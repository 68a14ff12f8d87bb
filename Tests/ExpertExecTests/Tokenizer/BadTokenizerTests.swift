// Tokenizer files that cannot be used: each is refused in one line that names the place in the file.

import ExpertExec
import HostIO
import SiftTestKit
import Testing

struct BadTokenizerTests {
  /// The line with which a tiny model's tokenizer is refused after `old` in it became `new`.
  private func refusal(_ old: String, _ new: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String
  {
    let text = TinyModel.tokenizer(vocabulary: 264)
    #expect(text.contains(old), sourceLocation: sourceLocation)
    let folder = try TemporaryFolder()
    try folder.write("tokenizer.json", text.replacing(old, with: new))
    let error = #expect(throws: ModelError.self, sourceLocation: sourceLocation) { try Tokenizer(folder: folder.path) }
    return (error?.description ?? "").replacing("\(folder.path)/tokenizer.json: ", with: "")
  }

  @Test(arguments: [
    (#"["t", "h"]"#, #"["t", "hh"]"#, #"model.merges[0]: "hh" is not a piece of the vocabulary"#),
    (#"["t", "h"]"#, #"["tt", "h"]"#, #"model.merges[0]: "tt" is not a piece of the vocabulary"#),
    (#"["t", "h"]"#, #"["t", "x"]"#, #"model.merges[0]: "tx" is not a piece of the vocabulary"#),
    (#"["t", "h"]"#, #"["t", "h", "e"]"#, "model.merges[0]: expected a pair of pieces"),
    (#"["t", "h"]"#, #""t  h""#, "model.merges[0]: expected a pair of pieces"),
    (#"["t", "h"]"#, #"["th", "e"]"#, #"model.merges[1]: "th" and "e" are merged twice"#),
    (#""th": 260"#, #""th": 259"#, #"model.vocab["th"]: id 259 is given twice"#),
    (#""th": 260"#, #""th": 97"#, #"model.vocab["th"]: id 97 is given twice"#),
    (#""th": 260"#, #""th": -1"#, #"model.vocab["th"]: its id is not an id"#),
    (#""th": 260"#, #""th": 1.5"#, #"model.vocab["th"]: its id is not an id"#),
    (#""th": 260"#, #""th": 99999999"#, "model.vocab: id 99999999 is not below 4194304"),
    (#""th": 260, "#, "", "model.vocab: no piece has id 260"),
    (#""th": 260"#, #""th": 400"#, "model.vocab: no piece has id 260"),
    (#""th": 260"#, #""t h": 260"#, #"model.vocab["t h"]: a character of it stands for no byte"#),
    (#""a": 97"#, #""aa": 97"#, "model.vocab: no piece is the single byte 97"),
    (#""id": 257"#, #""id": 256"#, "added_tokens[1].id: 256 is given twice"),
    (#""content": "<|pad|>""#, #""content": """#, "added_tokens[3].content: missing or empty"),
    (#""content": "<|pad|>""#, #""content": "<|im_end|>""#, #"added_tokens[3].content: "<|im_end|>" is added twice"#),
    (#""content": "<|pad|>""#, #""content": "<|x|>""#, #"model.vocab["<|pad|>"]: id 259 belongs to the added token"#),
    (#""type": "NFC""#, #""type": "Lowercase""#, "normalizer: the normalizer Lowercase is not supported, only NFC"),
    (#""type": "BPE""#, #""type": "Unigram""#, "model.type: Unigram is not supported, only BPE"),
    (#""type": "BPE""#, #""type": "BPE", "byte_fallback": true"#, "model.byte_fallback: not supported"),
    (#""type": "BPE""#, #""type": "BPE", "dropout": 0.1"#, "model.dropout: not supported"),
    (#""type": "Sequence""#, #""type": "Whitespace""#, "pre_tokenizer: Whitespace is not supported"),
    (#"\\p{N}|"#, #"\\p{N}{1,2}|"#, "pre_tokenizer.pretokenizers[0].pattern.Regex: unknown pattern"),
    (#""Isolated""#, #""Removed""#, "pre_tokenizer.pretokenizers[0].behavior: Removed is not supported"),
    (#""invert": false"#, #""invert": true"#, "pre_tokenizer.pretokenizers[0].invert: true is not supported"),
    (#""use_regex": false"#, #""use_regex": true"#, "pre_tokenizer.pretokenizers[1].use_regex: expected false"),
    (
      #""add_prefix_space": false, "trim_offsets": true, "use_regex": false"#, #""use_regex": false"#,
      "pre_tokenizer.pretokenizers[1].add_prefix_space: a space before the text is not supported"
    ),
    (#""decoder": {"type": "ByteLevel""#, #""decoder": {"type": "Metaspace""#, "decoder: Metaspace is not supported"),
    (#""single_word": false"#, #""single_word": true"#, "added_tokens[0].single_word: true is not supported"),
    (
      #""version": "1.0""#,
      #""post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {}}, {"Sequence": {}}]}"#,
      "post_processor.single: adding tokens around a text is not supported"
    ),
    (#""vocab": {"#, #""vocab": {}, "x": {"#, "model.vocab: missing or empty"),
    (#""merges": ["#, #""x": ["#, "model.merges: missing or not an array"),
    (#""model": {"#, #""x": {"#, "model: missing"),
  ]) func `what is missing, double or unknown is named with its place`(old: String, new: String, line: String) throws {
    let got = try refusal(old, new)
    #expect(got.hasPrefix(line), "\(got)")
  }

  @Test func `more pieces than the model has rows are refused`() throws {
    let folder = try TinyModel().make()
    _ = try Tokenizer(folder: folder.path, vocabulary: 264)
    let error = #expect(throws: ModelError.self) { try Tokenizer(folder: folder.path, vocabulary: 263) }
    #expect(error?.description.hasSuffix("it has 264 pieces, but the model's vocab_size is 263") == true)
  }

  @Test func `a missing tokenizer is named`() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: ModelError.self) { try Tokenizer(folder: folder.path) }
    #expect(error?.description == "cannot open \(folder.path)/tokenizer.json: No such file or directory")
  }
}

struct TokenizerVariantTests {
  private func tokenizer(_ changes: [(String, String)]) throws -> Tokenizer {
    var text = TinyModel.tokenizer(vocabulary: 264)
    for (old, new) in changes {
      #expect(text.contains(old))
      text = text.replacing(old, with: new)
    }
    let folder = try TemporaryFolder()
    try folder.write("tokenizer.json", text)
    return try withExtendedLifetime(folder) { try Tokenizer(folder: folder.path) }
  }

  @Test func `merges as pairs and as strings are the same`() throws {
    let pairs = try tokenizer([])
    let strings = try tokenizer([(#"["t", "h"]"#, #""t h""#), (#"["Ġ", "the"]"#, #""Ġ the""#)])
    #expect(pairs.encode("in the end") == strings.encode("in the end"))
    #expect(pairs.decode(pairs.encode("in the end")) == "in the end")
    #expect(pairs.encode(" the") == [262])
  }

  @Test func `a byte-level pre-tokenizer that splits by itself is GPT-2's`() throws {
    let own = try tokenizer([
      (#"{"type": "Sequence", "pretokenizers": ["#, #"{"type": "ByteLevel", "add_prefix_space": false, "x": ["#)
    ])
    #expect(own.encode("I'LL") == [73, 39, 76, 76].map(Int32.init))
  }

  @Test func `white space beside a stripping token goes with it`() throws {
    let pad = #""content": "<|pad|>", "single_word": false, "lstrip": false, "rstrip": false"#
    let both = try tokenizer([
      (pad, pad.replacing(#""lstrip": false, "rstrip": false"#, with: #""lstrip": true, "rstrip": true"#))
    ])
    let plain = try tokenizer([])
    let a = plain.encode("a")
    #expect(both.encode("a \n\u{2003}<|pad|>\u{85} a", parseSpecial: true) == a + [259] + a)
    #expect(both.encode(" <|pad|> <|pad|> ", parseSpecial: true) == [259, 259])
    #expect(both.encode("a <|pad|>") == plain.encode("a <|pad|>"))
  }

  @Test func `normalised tokens are found in normalised text, and quoted ones do not act`() throws {
    let normalized = try tokenizer([(#""normalized": false"#, #""normalized": true"#)])
    #expect(normalized.encode("<|pad|>e\u{301}<|pad|>", parseSpecial: true).filter { $0 == 259 }.count == 2)
    let text = "<|im_start|>e\u{301}<|im_end|>"
    let quoted = "<|im_start|>".utf8.count..<text.utf8.count
    #expect(!normalized.encode(ChatPrompt(text: text, quoted: [quoted])).contains(257))
    #expect(
      normalized.encode(ChatPrompt(text: "<|im_start|>e<|im_end|>", quoted: [12..<23])).filter { $0 > 255 } == [258])
  }

  @Test func `the longest of two added tokens is taken`() throws {
    let longer = try tokenizer([("<|pad|>", "<|im_end|>!")])
    #expect(longer.encode("<|im_end|>!<|im_end|>", parseSpecial: true) == [259, 257])
  }

  @Test func `a token that is no control token is found in any text`() throws {
    let entry =
      #""content": "<|pad|>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": "#
    let tool = try tokenizer([(entry + "true", entry + "false")])
    #expect(tool.encode("<|pad|>") == [259])
    #expect(tool.decode([259], skipSpecial: true) == "<|pad|>")
  }

  @Test func `a word that is a piece is not merged when the vocabulary says so`() throws {
    // Without the merge of t and h, the pieces "th" and "the" are only reached as whole words.
    let changes = [(#"["t", "h"], "#, ""), (#""type": "BPE""#, #""type": "BPE", "ignore_merges": true"#)]
    #expect(try tokenizer(Array(changes.prefix(1))).encode("the") == [116, 104, 101])
    #expect(try tokenizer(changes).encode("the") == [261])
    #expect(try tokenizer(changes).encode("<|pad|>").allSatisfy { $0 < 256 })
  }
}
