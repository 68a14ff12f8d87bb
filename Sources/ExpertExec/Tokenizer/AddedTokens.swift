// Tokens that stand outside the vocabulary's merging: found in the text as they are written, before anything else.

/// One entry of `added_tokens`.
struct AddedToken: Sendable, Hashable {
  let id: Int32
  let content: String
  /// White space on its left (right) is swallowed with it.
  let stripsLeft: Bool
  let stripsRight: Bool
  /// Looked for after normalisation rather than before.
  let isNormalized: Bool
  /// A control token: only recognised where the caller trusts the text.
  let isSpecial: Bool
}

/// Finds added tokens: at each place the longest, from left to right.
struct AddedTokenFinder: Sendable {
  /// `[first byte]`: tokens that begin with it, longest first.
  private var byFirstByte: [[(bytes: [UInt8], token: AddedToken)]]
  let isEmpty: Bool
  let hasSpecial: Bool

  init(_ tokens: [AddedToken]) {
    byFirstByte = Array(repeating: [], count: 256)
    for token in tokens {
      let bytes = Array(token.content.utf8)
      if let first = bytes.first { byFirstByte[Int(first)].append((bytes, token)) }
    }
    for byte in byFirstByte.indices { byFirstByte[byte].sort { $0.bytes.count > $1.bytes.count } }
    isEmpty = tokens.isEmpty
    hasSpecial = tokens.contains(where: \.isSpecial)
  }

  /// A stretch of text without added tokens, or one of those; ranges are bytes of the text looked through.
  enum Part {
    case text(Range<Int>)
    case token(Int32)
  }

  /// Cuts `text` into parts. Empty stretches are left out.
  /// - Parameter special: where control tokens are recognised.
  func parts(of text: [UInt8], special: SpecialTokens) -> [Part] {
    if isEmpty { return text.isEmpty ? [] : [.text(0..<text.count)] }
    var parts: [Part] = []
    var start = 0
    var at = 0
    while at < text.count {
      guard let (length, token) = match(text, at, special) else {
        at += 1
        continue
      }
      let from = token.stripsLeft ? Self.whiteSpaceStart(text, before: at, notBefore: start) : at
      if from > start { parts.append(.text(start..<from)) }
      parts.append(.token(token.id))
      at += length
      if token.stripsRight { at = Self.whiteSpaceEnd(text, from: at) }
      start = at
    }
    if start < text.count { parts.append(.text(start..<text.count)) }
    return parts
  }

  private func match(_ text: [UInt8], _ at: Int, _ special: SpecialTokens) -> (Int, AddedToken)? {
    for (bytes, token) in byFirstByte[Int(text[at])] where text.count - at >= bytes.count {
      guard text[at..<at + bytes.count].elementsEqual(bytes) else { continue }
      if !token.isSpecial || special.allows(at..<at + bytes.count) { return (bytes.count, token) }
    }
    return nil
  }

  private static func whiteSpaceStart(_ text: [UInt8], before end: Int, notBefore limit: Int) -> Int {
    let scalars = String(decoding: text[limit..<end], as: UTF8.self).unicodeScalars
    let kept = scalars.reversed().drop { $0.properties.isWhitespace }
    return limit + kept.reduce(0) { $0 + UTF8.width($1) }
  }

  private static func whiteSpaceEnd(_ text: [UInt8], from start: Int) -> Int {
    // White space is at most three bytes a character; the run is looked at piece by piece so that the cost is its own.
    var end = start
    while end < text.count {
      let piece = String(decoding: text[end..<min(end + 3, text.count)], as: UTF8.self)
      guard let scalar = piece.unicodeScalars.first, scalar.properties.isWhitespace else { break }
      end += UTF8.width(scalar)
    }
    return end
  }
}

/// Where control tokens written in a text are taken for control tokens.
enum SpecialTokens {
  case nowhere
  case everywhere
  /// Only where no byte of theirs lies in these ranges (rising, not overlapping).
  case outside([Range<Int>])

  func allows(_ range: Range<Int>) -> Bool {
    switch self {
    case .nowhere: return false
    case .everywhere: return true
    case .outside(let quoted):
      // The first quoted range that ends behind the start of `range`.
      var low = 0
      var high = quoted.count
      while low < high {
        let middle = (low + high) / 2
        if quoted[middle].upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
      }
      return low == quoted.count || !quoted[low].overlaps(range)
    }
  }

  /// The same for the part `range` of the text, counted from its start.
  func within(_ range: Range<Int>) -> SpecialTokens {
    guard case .outside(let quoted) = self else { return self }
    let inside = quoted.lazy.map { $0.clamped(to: range) }.filter { !$0.isEmpty }
    return .outside(inside.map { $0.lowerBound - range.lowerBound..<$0.upperBound - range.lowerBound })
  }
}
