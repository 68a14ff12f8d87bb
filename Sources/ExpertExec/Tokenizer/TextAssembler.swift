// Streaming decode: tokens in, whole characters out.

/// Turns tokens into text as they come, never giving out half a character. What it gives, put together, is what
/// `Tokenizer.decode(skipSpecial: true)` gives for the whole.
public struct TextAssembler: Sendable {
  private let tokenizer: Tokenizer
  /// The beginning of a character whose rest has not come: at most three bytes.
  private var pending: [UInt8] = []

  public init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// The text that `id` completes; empty for control tokens and inside a character. Bytes that can no longer become
  /// UTF-8 come out as U+FFFD.
  public mutating func append(_ id: Int32) -> String {
    if tokenizer.isSpecial(id) { return "" }
    pending.append(contentsOf: tokenizer.bytes(of: id))
    let whole = pending.count - Self.unfinished(pending)
    defer { pending.removeFirst(whole) }
    return String(decoding: pending[..<whole], as: UTF8.self)
  }

  /// The end of the text: a character that was left unfinished comes out as U+FFFD.
  public mutating func finish() -> String {
    defer { pending.removeAll() }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end are the valid beginning of a character that is not complete: 0 to 3.
  static func unfinished(_ bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let lead = bytes[bytes.count - length]
      if lead & 0xC0 == 0x80 { continue }
      let needed =
        switch lead {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 0
        }
      guard length < needed else { return 0 }
      return length == 1 || isPossible(lead, second: bytes[bytes.count - length + 1]) ? length : 0
    }
    return 0
  }

  /// Whether `second` may follow `lead` (Unicode standard, table 3-7: no overlong forms, surrogates or excess).
  private static func isPossible(_ lead: UInt8, second: UInt8) -> Bool {
    switch lead {
    case 0xE0: second >= 0xA0
    case 0xED: second <= 0x9F
    case 0xF0: second >= 0x90
    case 0xF4: second <= 0x8F
    default: true
    }
  }
}
