// The tokenizer against figures of an independent implementation.

import ExpertExec
import HostIO
import SiftTestKit
import Testing

struct TokenizerGoldenTests {
  let tokenizer: Tokenizer

  init() throws { tokenizer = try Tokenizer(folder: ReferenceModel.folder, vocabulary: 4096) }

  @Test func `every golden string has its ids and its decoded text`() throws {
    let file = try JSONParser.parse(readSmallFile(ReferenceModel.file("golden/tokenizer.json"), limit: 1 << 20))
    let cases = try #require(file.object?["cases"]?.array)
    #expect(cases.count == 60)
    for entry in cases {
      let text = try #require(entry.object?["text"]?.string)
      let ids = try #require(entry.object?["ids"]?.array).compactMap(\.integer).map(Int32.init)
      let decoded = try #require(entry.object?["decoded"]?.string)
      #expect(tokenizer.encode(text, parseSpecial: true) == ids, "\(text.debugDescription)")
      #expect(Array(tokenizer.decode(ids).utf8) == Array(decoded.utf8), "\(text.debugDescription)")
    }
  }

  @Test func `every test text has as many tokens as the reference counts`() throws {
    let file = try JSONParser.parse(readSmallFile(ReferenceModel.file("text/expected.json"), limit: 1 << 20))
    let kinds = try #require(file.object).members
    #expect(kinds.count == 9)
    for kind in kinds {
      let bytes = try readSmallFile(ReferenceModel.file("text/\(kind.key).txt"), limit: 1 << 24)
      let text = String(decoding: bytes, as: UTF8.self)
      let ids = tokenizer.encode(text, parseSpecial: true)
      #expect(ids.count == kind.value.object?["tokens"]?.integer, "\(kind.key)")
      #expect(tokenizer.decode(ids) == text, "\(kind.key)")
    }
  }
}
