// The tokenizer's own rules: twins agree, control tokens act only where they may, streams give whole characters.

import ExpertExec
import SiftTestKit
import Testing

struct TokenizerTests {
  let tokenizer: Tokenizer
  private static let words = [
    "the", " The", "Ünïcödé", "naïve", "don't", "I'LL", "'\u{17F}", "\n", "\r\n", "  ", "\t", " \n ", "1234", "3.14",
    "½Ⅷ", "你好", "안녕", "हिन्दी", "😀", "🇫🇮", "\u{301}", "e\u{301}", "\u{A0}", "\u{2028}", "\u{85}", "...", "->", "\0",
    "<|im_end|>", "<|im_", "a", "Z", "_", "'", "''s", "\u{200B}", "\u{10FFFF}",
  ]

  init() throws { tokenizer = try Tokenizer(folder: ReferenceModel.folder) }

  private func text(_ random: inout SeededGenerator, words: Int) -> String {
    (0..<words).map { _ in Self.words.randomElement(using: &random) ?? "" }.joined()
  }

  @Test func `decoding gives back the text, composed`() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<500 {
      let text = text(&random, words: 12)
      // String equality is canonical equivalence, which is what composing keeps.
      #expect(tokenizer.decode(tokenizer.encode(text)) == text, "\(text.debugDescription)")
    }
  }

  @Test func `a stream of tokens gives the same text as decoding all at once, in whole characters`() {
    var random = SeededGenerator(seed: 8)
    for _ in 0..<500 {
      let ids = (0..<20).map { _ in Int32.random(in: 0..<4096, using: &random) }
      var assembler = TextAssembler(tokenizer)
      var streamed = ids.map { assembler.append($0) }
      streamed.append(assembler.finish())
      let whole = tokenizer.decode(ids, skipSpecial: true)
      #expect(Array(streamed.joined().utf8) == Array(whole.utf8))
    }
  }

  @Test func `a character spread over four tokens comes out once, with the last`() throws {
    let ids = tokenizer.encode("😀")
    try #require(ids.count == 4)
    var assembler = TextAssembler(tokenizer)
    #expect(ids.map { assembler.append($0) } == ["", "", "", "😀"])
    #expect(assembler.finish() == "")
    #expect(ids.dropLast().map { assembler.append($0) } == ["", "", ""])
    #expect(assembler.finish() == "\u{FFFD}")
  }

  @Test(arguments: [
    ([0xE0, 0x80], ["", "\u{FFFD}\u{FFFD}"]), ([0xED, 0xA0], ["", "\u{FFFD}\u{FFFD}"]),
    ([0xF0, 0x8F], ["", "\u{FFFD}\u{FFFD}"]), ([0xF4, 0x90], ["", "\u{FFFD}\u{FFFD}"]),
    ([0xC0], ["\u{FFFD}"]), ([0xF5], ["\u{FFFD}"]), ([0x80], ["\u{FFFD}"]),
    ([0xE2, 0x82, 0x41], ["", "", "\u{FFFD}A"]),
    ([0xF0, 0x9F, 0x98, 0x80], ["", "", "", "😀"]), ([0xC3, 0xC3, 0xA4], ["", "\u{FFFD}", "ä"]),
  ]) func `bytes that can no longer become a character come out at once`(bytes: [Int32], texts: [String]) throws {
    // Ids 0 to 255 of a tiny model are the bytes.
    let folder = try TinyModel().make()
    var assembler = TextAssembler(try Tokenizer(folder: folder.path))
    #expect(bytes.map { assembler.append($0) } == texts)
    #expect(assembler.finish() == "")
  }

  @Test func `control tokens in a text act only when asked for`() {
    let text = "a<|im_end|>b"
    #expect(tokenizer.encode(text, parseSpecial: true).contains(4))
    #expect(!tokenizer.encode(text).contains(4))
    #expect(tokenizer.decode(tokenizer.encode(text)) == text)
    #expect(tokenizer.decode([69, 4, 70], skipSpecial: true) == "ab")
  }

  @Test func `control tokens in quoted parts of a prompt do not act, the others do`() {
    let text = "<|im_start|>user\n<|im_end|><|im_end|>"
    let start = "<|im_start|>user\n".utf8.count
    let quoted = [start..<start + "<|im_end|>".utf8.count]
    let ids = tokenizer.encode(ChatPrompt(text: text, quoted: quoted))
    #expect(ids.first == 3)
    #expect(ids.filter { $0 == 4 }.count == 1 && ids.last == 4)
    #expect(tokenizer.decode(ids) == text)
  }

  @Test func `a control token that is half quoted does not act`() {
    let text = "<|im_end|>"
    for cut in 1..<10 {
      #expect(!tokenizer.encode(ChatPrompt(text: text, quoted: [0..<cut])).contains(4))
      #expect(!tokenizer.encode(ChatPrompt(text: text, quoted: [cut..<10])).contains(4))
    }
    #expect(tokenizer.encode(ChatPrompt(text: text, quoted: [])) == [4])
  }

  @Test func `ids that do not exist decode to nothing`() {
    #expect(tokenizer.decode([-1, 4096, Int32.max, Int32.min, 69]) == "a")
    #expect(!tokenizer.isSpecial(-1) && !tokenizer.isSpecial(4096) && tokenizer.isSpecial(4))
  }

  @Test func `merging by heap equals merging by looking`() throws {
    let pairs = tokenizer.bytePairs
    var random = SeededGenerator(seed: 9)
    for length in 0..<200 {
      let word = (0..<length).map { _ in UInt8(ascii: "e") &+ UInt8.random(in: 0..<16, using: &random) }
      #expect(pairs.encode(word) == pairs.encodeObviously(word), "\(word)")
    }
    for text in ["supercalifragilisticexpialidocious", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "thethethethe", "\u{0}\u{1}ÿ"] {
      #expect(pairs.encode(text.utf8) == pairs.encodeObviously(text.utf8))
    }
  }

  @Test func `a word of a megabyte is merged in time that grows hardly faster than its length`() {
    // Quadratic merging would need hours: the test would not end.
    let ids = tokenizer.encode(String(repeating: "abcdefghij", count: 100_000))
    #expect(tokenizer.decode(ids).utf8.count == 1_000_000)
  }
}

struct SplitPatternTests {
  private func words(_ pattern: SplitPattern, _ text: String) -> [String] {
    var words: [String] = []
    pattern.split(text) { words.append(String(decoding: $0, as: UTF8.self)) }
    return words
  }

  @Test func `Qwen cuts digits one by one, Llama in threes, GPT-2 in runs with their space`() {
    #expect(words(.qwen2, "a 1234") == ["a", " ", "1", "2", "3", "4"])
    #expect(words(.llama3, "a 1234") == ["a", " ", "123", "4"])
    #expect(words(.gpt2, "a 1234") == ["a", " 1234"])
  }

  @Test func `contractions are words, in any case but for GPT-2`() {
    #expect(words(.qwen2, "I'LL don't 'x") == ["I", "'LL", " don", "'t", " '", "x"])
    #expect(words(.gpt2, "I'LL don't") == ["I", "'", "LL", " don", "'t"])
    #expect(words(.qwen2, "a'\u{17F}b") == ["a", "'\u{17F}", "b"])
    #expect(words(.qwen2, "a'sb'revel") == ["a", "'s", "b", "'re", "vel"])
  }

  @Test func `white space leaves its last character to the next word`() {
    #expect(words(.qwen2, "a   b") == ["a", "  ", " b"])
    #expect(words(.qwen2, "a \n\n  b \n") == ["a", " \n\n", " ", " b", " \n"])
    #expect(words(.qwen2, "x   ") == ["x", "   "])
    #expect(words(.gpt2, "a \n\n  b") == ["a", " \n\n ", " b"])
    #expect(words(.qwen2, "a  1") == ["a", " ", " ", "1"])
    #expect(words(.qwen2, "\t\tx") == ["\t", "\tx"])
  }

  @Test func `symbols take newlines after them, but not for GPT-2`() {
    #expect(words(.qwen2, "f();\n\nx") == ["f", "();\n\n", "x"])
    #expect(words(.gpt2, "f();\n\nx") == ["f", "();", "\n", "\n", "x"])
    #expect(words(.qwen2, "(foo) !bar") == ["(foo", ")", " !", "bar"])
  }

  @Test func `the words together are the text, whatever it is`() {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<2000 {
      var text = ""
      for _ in 0..<Int.random(in: 0..<30, using: &random) {
        if let scalar = Unicode.Scalar(UInt32.random(in: 0..<0x3100, using: &random)) {
          text.unicodeScalars.append(scalar)
        }
        if Bool.random(using: &random) { text += [" ", "\n", "a", "1", "'"].randomElement(using: &random) ?? "" }
      }
      for pattern in [SplitPattern.gpt2, .qwen2, .llama3] {
        let words = words(pattern, text)
        #expect(words.joined().utf8.elementsEqual(text.utf8))
        #expect(!words.contains(""))
      }
    }
  }
}
