// Text to token ids and back, by a model's tokenizer.json.

/// A byte-level BPE tokenizer. Encoding adds nothing of its own: no token at the beginning, no space.
public struct Tokenizer: Sendable {
  private let pieces: PieceTable
  package let bytePairs: BytePairEncoding
  private let normalization: Normalization
  private let pattern: SplitPattern
  private let takesWholeWords: Bool
  /// Added tokens looked for in the text as it is, and in the normalised text.
  private let rawTokens: AddedTokenFinder
  private let normalizedTokens: AddedTokenFinder
  /// `[id]`: control tokens.
  private let specials: [Bool]
  private let addedByContent: [String: Int32]

  /// Reads `tokenizer.json` in `folder`.
  /// - Parameter vocabulary: V of the model, to refuse a tokenizer with ids that the model has no row for.
  public init(folder: String, vocabulary: Int? = nil) throws(ModelError) {
    let opened = ModelFolder(folder)
    let file = try TokenizerFile(opened)
    if let vocabulary, file.pieces.count > vocabulary {
      throw .tokenizer(
        path: opened.file(TokenizerFile.name), place: "model.vocab",
        problem: "it has \(file.pieces.count) pieces, but the model's vocab_size is \(vocabulary)")
    }
    pieces = file.pieces
    bytePairs = file.bytePairs
    normalization = file.normalization
    pattern = file.split
    takesWholeWords = file.takesWholeWords
    rawTokens = AddedTokenFinder(file.added.filter { !$0.isNormalized })
    normalizedTokens = AddedTokenFinder(file.added.filter(\.isNormalized))
    var specials = [Bool](repeating: false, count: file.pieces.count)
    for token in file.added where token.isSpecial { specials[Int(token.id)] = true }
    self.specials = specials
    addedByContent = Dictionary(file.added.map { ($0.content, $0.id) }) { first, _ in first }
  }

  /// Number of ids; may be less than the model's V, whose last rows are then padding.
  public var vocabularySize: Int { pieces.count }

  /// The id of an added token by its content, such as "<|im_end|>".
  public func addedToken(_ content: String) -> Int32? { addedByContent[content] }

  /// True for control tokens.
  public func isSpecial(_ id: Int32) -> Bool { id >= 0 && Int(id) < specials.count && specials[Int(id)] }

  /// The bytes of a token; empty for ids that do not exist. Bytes of one character may be spread over several tokens.
  public func bytes(of id: Int32) -> ArraySlice<UInt8> { pieces.bytes(of: id) }

  /// The ids of `text`. O(n log n).
  /// - Parameter parseSpecial: whether control tokens written in the text become control tokens. Leave it false for text
  ///   that comes from a user: who may write control tokens can end the conversation's turns. Added tokens that are not
  ///   control tokens (`"special": false`) are always recognised.
  public func encode(_ text: String, parseSpecial: Bool = false) -> [Int32] {
    encode(text, special: parseSpecial ? .everywhere : .nowhere)
  }

  /// The ids of a rendered conversation: control tokens count where the template wrote them, not in what people said.
  public func encode(_ prompt: ChatPrompt) -> [Int32] { encode(prompt.text, special: .outside(prompt.quoted)) }

  private func encode(_ text: String, special: SpecialTokens) -> [Int32] {
    var ids: [Int32] = []
    var scratch = MergeScratch()
    let bytes = Array(text.utf8)
    for part in rawTokens.parts(of: bytes, special: special) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        encode(section: bytes[range], special: special.within(range), into: &ids, scratch: &scratch)
      }
    }
    return ids
  }

  /// A stretch between added tokens: normalised, then cut at the added tokens of normalised text.
  private func encode(
    section: ArraySlice<UInt8>, special: SpecialTokens, into ids: inout [Int32], scratch: inout MergeScratch
  ) {
    let text = String(decoding: section, as: UTF8.self)
    let normalized = normalization.apply(text)
    if normalizedTokens.isEmpty {
      encode(words: normalized, into: &ids, scratch: &scratch)
      return
    }
    let bytes = Array(normalized.utf8)
    // Ranges count bytes of the text before normalisation; where that changed something, control tokens are no longer
    // told apart from quoted ones, so none is recognised.
    let stays = bytes.elementsEqual(section)
    var trusted = special
    if case .outside(let quoted) = special, !stays { trusted = quoted.isEmpty ? .everywhere : .nowhere }
    for part in normalizedTokens.parts(of: bytes, special: trusted) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let range):
        encode(words: String(decoding: bytes[range], as: UTF8.self), into: &ids, scratch: &scratch)
      }
    }
  }

  private func encode(words text: String, into ids: inout [Int32], scratch: inout MergeScratch) {
    pattern.split(text) { word in
      if takesWholeWords, let id = pieces.id(of: word), !isSpecial(id) {
        ids.append(id)
      } else {
        bytePairs.encode(word, into: &ids, scratch: &scratch)
      }
    }
  }

  /// The text of `ids`. Bytes that are no UTF-8 become U+FFFD, ids that do not exist nothing.
  public func decode(_ ids: some Sequence<Int32>, skipSpecial: Bool = false) -> String {
    var bytes: [UInt8] = []
    for id in ids where !(skipSpecial && isSpecial(id)) { bytes.append(contentsOf: pieces.bytes(of: id)) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
