// Seeded damage: files with bytes changed, cut out, doubled or moved are refused or read, and never stop the process.

import ExpertExec
import HostIO
import SiftTestKit
import Testing

/// Changes a few things in `bytes`, from single bits to whole stretches.
private func damaged(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
  var bytes = bytes
  for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
    let at = Int.random(in: 0..<bytes.count, using: &random)
    let length = min(Int.random(in: 1...16, using: &random), bytes.count - at)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
    case 2: bytes.removeSubrange(at..<at + length)
    case 3: bytes.insert(contentsOf: bytes[at..<at + length], at: at)
    case 4: bytes.replaceSubrange(at..<at + length, with: Array("99999999999999999999".utf8.prefix(length)))
    default: bytes.insert(Array("{[\"\\}]-'%|".utf8).randomElement(using: &random) ?? 0, at: at)
    }
  }
  return bytes
}

struct DamageTests {
  /// Opens with `open`; errors other than a `ModelError` of one line are a failure, and so is a crash.
  private func survives(_ open: () throws -> Void) -> Bool {
    do {
      try open()
      return true
    } catch let error as ModelError {
      #expect(!error.description.contains("\n") && !error.description.isEmpty)
    } catch { Issue.record("\(error)") }
    return false
  }

  @Test func `safetensors headers`() throws {
    let folder = try TinyModel().make()
    let whole = try readSmallFile(folder.file("model.safetensors"), limit: 1 << 24)
    let header = 8 + Int(UInt64(littleEndian: whole.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }))
    var random = SeededGenerator(seed: 21)
    var opened = 0
    for _ in 0..<300 {
      let file = damaged(Array(whole[..<header]), &random) + whole[header...]
      let isRead = survives { _ = try file.withUnsafeBytes { try SafetensorsHeader($0, path: "file") } }
      opened += isRead ? 1 : 0
    }
    // Most damage is noticed; some, to a name, cannot be.
    #expect(opened < 150)
  }

  @Test func `model folders`() throws {
    let folder = try TinyModel().make()
    let whole = try readSmallFile(folder.file("model.safetensors"), limit: 1 << 24)
    let configuration = try readSmallFile(folder.file("config.json"), limit: 1 << 20)
    var random = SeededGenerator(seed: 22)
    for turn in 0..<200 {
      try folder.write("model.safetensors", turn % 2 == 0 ? damaged(whole, &random) : whole)
      try folder.write("config.json", turn % 2 == 1 ? damaged(configuration, &random) : configuration)
      _ = survives { _ = try ModelFiles(folder: folder.path) }
    }
  }

  @Test func `tokenizers`() throws {
    let folder = try TemporaryFolder()
    let whole = Array(TinyModel.tokenizer(vocabulary: 264).utf8)
    var random = SeededGenerator(seed: 23)
    for _ in 0..<300 {
      try folder.write("tokenizer.json", damaged(whole, &random))
      _ = survives {
        let tokenizer = try Tokenizer(folder: folder.path)
        let ids = tokenizer.encode("the <|im_end|> e\u{301} 12 \n\n", parseSpecial: true)
        _ = tokenizer.decode(ids)
      }
    }
  }

  @Test func `chat templates`() throws {
    let path = "\(ReferenceModel.checkout)/Tests/Fixtures/templates/cases.json"
    let file = try JSONParser.parse(readSmallFile(path, limit: 1 << 20))
    let sources = (file.object?["cases"]?.array ?? []).compactMap { $0.object?["template"]?.string }
    let messages = [ChatMessage(role: "user", content: "a\u{1F600}"), ChatMessage(role: "assistant", content: "")]
    var random = SeededGenerator(seed: 24)
    var rendered = 0
    for _ in 0..<3000 {
      let whole = sources.randomElement(using: &random) ?? ""
      let source = String(decoding: damaged(Array(whole.utf8), &random), as: UTF8.self)
      do throws(ChatTemplateError) {
        _ = try ChatTemplate(source: source).render(messages, addGenerationPrompt: true)
        rendered += 1
      } catch { #expect(error.line >= 1 && error.column >= 1) }
    }
    #expect(rendered > 300 && rendered < 2700)
  }

  @Test func `JSON of any bytes is read or refused within its length`() {
    var random = SeededGenerator(seed: 25)
    let seeds = [#"{"a": [1, -2.5e3, "x\u00e4\ud83d\ude00\n", true, null, {}]}"#, #"[[[["deep"]]], 0, -0, 1E5]"#].map {
      Array($0.utf8)
    }
    for _ in 0..<20_000 {
      let text = damaged(seeds.randomElement(using: &random) ?? [], &random)
      do throws(JSONSyntaxError) { _ = try JSONParser.parse(text) } catch {
        #expect((0...text.count).contains(error.offset))
      }
    }
  }
}
