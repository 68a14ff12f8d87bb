// Cuts a template into text and the tokens inside its tags, and settles white space as Jinja does with `trim_blocks` and
// `lstrip_blocks`, which is how chat templates are rendered.

/// A template that is not understood, or a rendering that went wrong.
struct TemplateProblem: Error, Hashable {
  let position: TemplatePosition
  let problem: String
  /// True when the template itself refused the conversation (`raise_exception`).
  var isRefusal = false
}

struct TemplateToken: Sendable {
  enum Kind: Sendable, Hashable {
    /// Text outside of tags.
    case text(String)
    /// `{{` and `}}`.
    case outputBegin, outputEnd
    /// `{%` and `%}`.
    case blockBegin, blockEnd
    case name(String)
    case string(String)
    case integer(Int)
    case number(Double)
    case symbol(String)
  }
  let position: TemplatePosition
  let kind: Kind
}

struct TemplateLexer {
  private let bytes: [UInt8]
  private var at = 0
  private var tokens: [TemplateToken] = []
  /// What the tag before asks of the text after it.
  private var trim = Trim.nothing

  private enum Trim { case nothing, newline, whiteSpace }

  /// The tokens of a template. Line ends may be CR LF; one newline at the very end does not count.
  static func tokens(_ template: String) throws(TemplateProblem) -> [TemplateToken] {
    var text = template.replacing("\r\n", with: "\n")
    if text.hasSuffix("\n") { text.removeLast() }
    var lexer = TemplateLexer(bytes: Array(text.utf8))
    try lexer.run()
    return lexer.tokens
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func problem(_ text: String, at position: Int? = nil) -> TemplateProblem {
    TemplateProblem(position: position ?? at, problem: text)
  }

  private func has(_ text: StaticString, at position: Int) -> Bool {
    let length = text.utf8CodeUnitCount
    guard bytes.count - position >= length else { return false }
    return (0..<length).allSatisfy { bytes[position + $0] == text.utf8Start[$0] }
  }

  private mutating func run() throws(TemplateProblem) {
    while at < bytes.count {
      let start = at
      while at < bytes.count, !(has("{{", at: at) || has("{%", at: at) || has("{#", at: at)) { at += 1 }
      addText(start..<at)
      guard at < bytes.count else { return }
      if has("{#", at: at) { try comment() } else { try tag() }
    }
  }

  /// The tag that follows decides how the text ends: `-` takes all white space before it, and block tags and comments
  /// take spaces and tabs between the beginning of their line and themselves.
  private mutating func addText(_ range: Range<Int>) {
    var start = range.lowerBound
    var end = range.upperBound
    switch trim {
    case .nothing: break
    case .newline: if start < end, bytes[start] == UInt8(ascii: "\n") { start += 1 }
    case .whiteSpace: while start < end, Self.isSpace(bytes[start]) { start += 1 }
    }
    trim = .nothing
    if end < bytes.count {
      let sign = end + 2 < bytes.count ? bytes[end + 2] : 0
      if sign == UInt8(ascii: "-") {
        while end > start, Self.isSpace(bytes[end - 1]) { end -= 1 }
      } else if sign != UInt8(ascii: "+"), !has("{{", at: end) {
        var line = end
        while line > start, bytes[line - 1] == UInt8(ascii: " ") || bytes[line - 1] == UInt8(ascii: "\t") { line -= 1 }
        if line == 0 || bytes[line - 1] == UInt8(ascii: "\n") { end = line }
      }
    }
    guard start < end else { return }
    tokens.append(TemplateToken(position: start, kind: .text(String(decoding: bytes[start..<end], as: UTF8.self))))
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private mutating func comment() throws(TemplateProblem) {
    let start = at
    at += 2
    while at < bytes.count, !has("#}", at: at) { at += 1 }
    guard at < bytes.count else { throw problem("the comment is not closed", at: start) }
    trim = at - 1 > start + 1 && bytes[at - 1] == UInt8(ascii: "-") ? .whiteSpace : .newline
    at += 2
  }

  private mutating func tag() throws(TemplateProblem) {
    let start = at
    let isBlock = bytes[at + 1] == UInt8(ascii: "%")
    tokens.append(TemplateToken(position: start, kind: isBlock ? .blockBegin : .outputBegin))
    at += 2
    if at < bytes.count, bytes[at] == UInt8(ascii: "-") || bytes[at] == UInt8(ascii: "+") { at += 1 }
    var open: [UInt8] = []
    while true {
      while at < bytes.count, Self.isSpace(bytes[at]) { at += 1 }
      guard at < bytes.count else { throw problem("the tag is not closed", at: start) }
      if open.isEmpty, let (length, after) = tagEnd(isBlock: isBlock) {
        tokens.append(TemplateToken(position: at, kind: isBlock ? .blockEnd : .outputEnd))
        trim = after
        at += length
        return
      }
      try token(open: &open)
    }
  }

  private func tagEnd(isBlock: Bool) -> (length: Int, after: Trim)? {
    if isBlock {
      if has("%}", at: at) { return (2, .newline) }
      if has("-%}", at: at) { return (3, .whiteSpace) }
      if has("+%}", at: at) { return (3, .nothing) }
    } else {
      if has("}}", at: at) { return (2, .nothing) }
      if has("-}}", at: at) { return (3, .whiteSpace) }
    }
    return nil
  }

  private mutating func token(open: inout [UInt8]) throws(TemplateProblem) {
    let start = at
    let byte = bytes[at]
    switch byte {
    case UInt8(ascii: "'"), UInt8(ascii: "\""):
      let text = try string()
      tokens.append(TemplateToken(position: start, kind: .string(text)))
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      let kind = try number()
      tokens.append(TemplateToken(position: start, kind: kind))
    case _ where Self.isNamePart(byte):
      while at < bytes.count, Self.isNamePart(bytes[at]) { at += 1 }
      tokens.append(TemplateToken(position: start, kind: .name(String(decoding: bytes[start..<at], as: UTF8.self))))
    default:
      let symbol = try symbol()
      try balance(byte, isSingle: symbol.utf8.count == 1, open: &open)
      tokens.append(TemplateToken(position: start, kind: .symbol(symbol)))
    }
  }

  private static func isNamePart(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  /// Keeps track of brackets, so that the `}}` of a mapping is not taken for the end of a tag.
  private func balance(_ byte: UInt8, isSingle: Bool, open: inout [UInt8]) throws(TemplateProblem) {
    guard isSingle else { return }
    switch byte {
    case UInt8(ascii: "("): open.append(UInt8(ascii: ")"))
    case UInt8(ascii: "["): open.append(UInt8(ascii: "]"))
    case UInt8(ascii: "{"): open.append(UInt8(ascii: "}"))
    case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
      guard open.popLast() == byte else {
        throw problem("'\(Character(Unicode.Scalar(byte)))' closes nothing", at: at - 1)
      }
    default: break
    }
  }

  private mutating func symbol() throws(TemplateProblem) -> String {
    for symbol: StaticString in ["==", "!=", "<=", ">=", "//", "**"] where has(symbol, at: at) {
      at += 2
      return symbol.description
    }
    let scalar = Unicode.Scalar(bytes[at])
    guard "+-*/%~<>=.,:|()[]{}".unicodeScalars.contains(scalar) else {
      throw problem("unexpected \(bytes[at] < 0x80 ? "'\(Character(scalar))'" : "character outside of a string")")
    }
    at += 1
    return String(Character(scalar))
  }

  private mutating func number() throws(TemplateProblem) -> TemplateToken.Kind {
    let start = at
    func isDigit(_ position: Int) -> Bool {
      position < bytes.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position])
    }
    while isDigit(at) { at += 1 }
    if at < bytes.count, bytes[at] == UInt8(ascii: "."), isDigit(at + 1) {
      at += 1
      while isDigit(at) { at += 1 }
      if let value = Double(String(decoding: bytes[start..<at], as: UTF8.self)) { return .number(value) }
    } else if let value = Int(String(decoding: bytes[start..<at], as: UTF8.self)) {
      return .integer(value)
    }
    throw problem("the number is out of range", at: start)
  }

  /// A string in quotes with Python's escapes; an unknown escape stays as it is written.
  private mutating func string() throws(TemplateProblem) -> String {
    let start = at
    let quote = bytes[at]
    var text: [UInt8] = []
    at += 1
    while at < bytes.count, bytes[at] != quote {
      if bytes[at] == UInt8(ascii: "\\"), at + 1 < bytes.count {
        at += 1
        try escape(into: &text)
      } else {
        text.append(bytes[at])
        at += 1
      }
    }
    guard at < bytes.count else { throw problem("the string is not closed", at: start) }
    at += 1
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func escape(into text: inout [UInt8]) throws(TemplateProblem) {
    let byte = bytes[at]
    at += 1
    switch byte {
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): text.append(byte)
    case UInt8(ascii: "\n"): break
    case UInt8(ascii: "x"): try hexadecimal(2, into: &text)
    case UInt8(ascii: "u"): try hexadecimal(4, into: &text)
    case UInt8(ascii: "U"): try hexadecimal(8, into: &text)
    case UInt8(ascii: "a"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "v"), UInt8(ascii: "N"),
      UInt8(ascii: "0")...UInt8(ascii: "7"):
      throw problem("the escape \\\(Character(Unicode.Scalar(byte))) is not supported", at: at - 2)
    default: text.append(contentsOf: [UInt8(ascii: "\\"), byte])
    }
  }

  private mutating func hexadecimal(_ digits: Int, into text: inout [UInt8]) throws(TemplateProblem) {
    let start = at
    guard bytes.count - at >= digits,
      let value = UInt32(String(decoding: bytes[at..<at + digits], as: UTF8.self), radix: 16),
      bytes[at] != UInt8(ascii: "+"), let scalar = Unicode.Scalar(value)
    else { throw problem("the escape names no character", at: start) }
    at += digits
    text.append(contentsOf: String(Character(scalar)).utf8)
  }
}
