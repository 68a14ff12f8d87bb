// How text is cut into words before merging. Published tokenizers give a regular expression; there are few of them, so
// they are recognised by their text and carried out by one scanner (about a hundred times the speed of Swift's Regex).

/// The rules of one of the known patterns. All share this form, tried from the top at each position:
///
///     contraction | lead-in? letters | digits | space? symbols newlines* | spaces* newlines | spaces(?!\S) | spaces
package struct SplitPattern: Sendable, Hashable {
  /// What may stand before letters and belong to their word.
  enum LeadIn: Sendable { case space, anythingButNewlineLetterDigit }
  /// How digits are grouped.
  enum Digits: Sendable, Hashable {
    /// At most this many at once.
    case groups(of: Int)
    /// All together, with a space before them.
    case runsAfterSpace
  }
  let contractionsIgnoreCase: Bool
  let leadIn: LeadIn
  let digits: Digits
  /// Newlines after symbols belong to them, and spaces that end in newlines are a word.
  let keepsNewlines: Bool

  package static let gpt2 = SplitPattern(
    contractionsIgnoreCase: false, leadIn: .space, digits: .runsAfterSpace, keepsNewlines: false)
  package static let qwen2 = SplitPattern(
    contractionsIgnoreCase: true, leadIn: .anythingButNewlineLetterDigit, digits: .groups(of: 1), keepsNewlines: true)
  package static let llama3 = SplitPattern(
    contractionsIgnoreCase: true, leadIn: .anythingButNewlineLetterDigit, digits: .groups(of: 3), keepsNewlines: true)

  /// The patterns by their text.
  package static let known: [(text: String, pattern: SplitPattern)] = [
    (#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, gpt2),
    (
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
      qwen2
    ),
    (
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
      llama3
    ),
  ]

  /// The pattern with this text; nil when it is none of the known.
  package static func named(_ text: String) -> SplitPattern? { known.first { $0.text == text }?.pattern }

  /// Calls `word` with the bytes of each word of `text`, in order; together they are the whole text.
  package func split(_ text: some StringProtocol, word: (ArraySlice<UInt8>) -> Void) {
    let scanner = SplitScanner(self, text)
    var start = 0
    var byte = 0
    while start < scanner.classes.count {
      let end = scanner.wordEnd(from: start)
      let byteEnd = scanner.offsets[end]
      word(scanner.bytes[byte..<byteEnd])
      start = end
      byte = byteEnd
    }
  }
}

/// What the patterns tell apart.
enum ScalarClass: UInt8 {
  case letter
  case digit
  /// White space but CR and LF.
  case space
  /// CR and LF.
  case newline
  case other

  private static let ascii: [ScalarClass] = (0..<128).map { ScalarClass(looking: Unicode.Scalar(UInt8($0))) }

  init(_ scalar: Unicode.Scalar) {
    self = scalar.isASCII ? Self.ascii[Int(scalar.value)] : ScalarClass(looking: scalar)
  }

  private init(looking scalar: Unicode.Scalar) {
    if scalar == "\r" || scalar == "\n" {
      self = .newline
    } else if scalar.properties.isWhitespace {
      self = .space
    } else {
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
      case .decimalNumber, .letterNumber, .otherNumber: self = .digit
      default: self = .other
      }
    }
  }

  var isWhiteSpace: Bool { self == .space || self == .newline }
}

/// A text prepared for cutting: its scalars' classes and where their bytes begin.
private struct SplitScanner {
  let pattern: SplitPattern
  let bytes: [UInt8]
  /// `[scalar]`.
  let classes: [ScalarClass]
  /// `[scalar]`, and the end: byte offsets.
  let offsets: [Int]

  init(_ pattern: SplitPattern, _ text: some StringProtocol) {
    self.pattern = pattern
    bytes = Array(text.utf8)
    var classes: [ScalarClass] = []
    var offsets: [Int] = []
    classes.reserveCapacity(bytes.count)
    offsets.reserveCapacity(bytes.count + 1)
    var offset = 0
    for scalar in text.unicodeScalars {
      classes.append(ScalarClass(scalar))
      offsets.append(offset)
      offset += UTF8.width(scalar)
    }
    offsets.append(offset)
    self.classes = classes
    self.offsets = offsets
  }

  /// The class at a position, nil at the end.
  private func at(_ position: Int) -> ScalarClass? { position < classes.count ? classes[position] : nil }

  private func end(of run: (ScalarClass) -> Bool, from start: Int) -> Int {
    var end = start
    while end < classes.count, run(classes[end]) { end += 1 }
    return end
  }

  private func isSpaceCharacter(_ position: Int) -> Bool { bytes[offsets[position]] == UInt8(ascii: " ") }

  /// The end of the word that begins at `start`.
  func wordEnd(from start: Int) -> Int {
    contraction(start) ?? letters(start) ?? digits(start) ?? symbols(start) ?? whiteSpace(start)
  }

  private func contraction(_ start: Int) -> Int? {
    guard bytes[offsets[start]] == UInt8(ascii: "'") else { return nil }
    func letter(_ position: Int) -> UInt8? {
      guard at(position) == .letter else { return nil }
      let from = offsets[position]
      let byte = bytes[from]
      guard pattern.contractionsIgnoreCase else { return byte }
      // U+017F, the long s, is an s when case is ignored.
      if byte == 0xC5, bytes[from + 1] == 0xBF { return UInt8(ascii: "s") }
      return byte < 0x80 ? byte | 0x20 : byte
    }
    switch (letter(start + 1), letter(start + 2)) {
    case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
      return start + 2
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }

  private func letters(_ start: Int) -> Int? {
    if classes[start] == .letter { return end(of: { $0 == .letter }, from: start) }
    let leads =
      switch pattern.leadIn {
      case .space: isSpaceCharacter(start)
      case .anythingButNewlineLetterDigit: classes[start] == .space || classes[start] == .other
      }
    guard leads, at(start + 1) == .letter else { return nil }
    return end(of: { $0 == .letter }, from: start + 1)
  }

  private func digits(_ start: Int) -> Int? {
    switch pattern.digits {
    case .groups(let size):
      guard classes[start] == .digit else { return nil }
      return min(end(of: { $0 == .digit }, from: start), start + size)
    case .runsAfterSpace:
      let first = isSpaceCharacter(start) ? start + 1 : start
      guard at(first) == .digit else { return nil }
      return end(of: { $0 == .digit }, from: first)
    }
  }

  private func symbols(_ start: Int) -> Int? {
    let first = isSpaceCharacter(start) ? start + 1 : start
    guard at(first) == .other else { return nil }
    let after = end(of: { $0 == .other }, from: first)
    return pattern.keepsNewlines ? end(of: { $0 == .newline }, from: after) : after
  }

  /// White space: up to its last newline; else all of it at the end of the text; else all but the last character, which
  /// may lead the next word in; a single one is a word.
  private func whiteSpace(_ start: Int) -> Int {
    let after = end(of: \.isWhiteSpace, from: start)
    if pattern.keepsNewlines, let last = classes[start..<after].lastIndex(of: .newline) { return last + 1 }
    return after == classes.count || after == start + 1 ? after : after - 1
  }
}
