// The files a comparison is given: prompts, one a line, and a text that quality is measured on.

/// Reads them.
public enum ComparisonInput {
  /// Bytes of a piece of text: more than enough tokens to tell, and few enough for any model's context.
  static let pieceBytes = 480

  /// Prompts of a file, one a line; blank lines are left out. - Throws: `ToolFailure` (`noInput`, `badData`).
  public static func prompts(_ path: String) throws(ToolFailure) -> [String] {
    let prompts = try text(path).split(whereSeparator: \.isNewline).map(String.init).filter {
      !$0.allSatisfy(\.isWhitespace)
    }
    guard !prompts.isEmpty else { throw ToolFailure(.badData, "\(path): has no prompt; write one a line") }
    return prompts
  }

  /// The pieces of a text file, cut at white space where there is some. - Throws: as `prompts`.
  /// - Parameter most: pieces to take, from the beginning.
  public static func pieces(_ path: String, most: Int) throws(ToolFailure) -> [String] {
    let pieces = cut(try text(path), bytes: pieceBytes).filter { !$0.allSatisfy(\.isWhitespace) }
    guard !pieces.isEmpty else { throw ToolFailure(.badData, "\(path): has no text") }
    return Array(pieces.prefix(most))
  }

  /// - Returns: pieces of `bytes` at most (one character more at least) that add up to the text.
  static func cut(_ text: String, bytes: Int) -> [String] {
    var pieces: [String] = []
    var piece = ""
    var word = ""
    let finish = { (part: inout String) in
      if !part.isEmpty { pieces.append(part) }
      part = ""
    }
    for character in text {
      word.append(character)
      guard character.isWhitespace || word.utf8.count >= bytes else { continue }
      if piece.utf8.count + word.utf8.count > bytes { finish(&piece) }
      piece += word
      word = ""
    }
    if piece.utf8.count + word.utf8.count > bytes { finish(&piece) }
    piece += word
    finish(&piece)
    return pieces
  }

  private static func text(_ path: String) throws(ToolFailure) -> String {
    guard let text = String(validating: try InputFile.read(path), as: UTF8.self) else {
      throw ToolFailure(.badData, "\(path): is not UTF-8 text")
    }
    return text
  }
}
