// What is wrong with a configuration file: file, line and key, and what to do.

/// One error.
public struct ConfigurationError: Error, Hashable, CustomStringConvertible {
  public let file: String
  /// 1 is the first line; nil when no line is to blame (a missing key).
  public let line: Int?
  /// `section.name`; nil for the file as a whole.
  public let key: String?
  public let message: String

  public var description: String {
    file + (line.map { ":\($0)" } ?? "") + ": " + (key.map { "\($0): " } ?? "") + message
  }
}

/// Every error of a file, in the order of its lines.
public struct ConfigurationErrors: Error, Hashable, CustomStringConvertible {
  public let errors: [ConfigurationError]
  /// One line each.
  public var description: String { errors.map(\.description).joined(separator: "\n") }
}

/// The nearest of some words, for "did you mean".
package enum Nearest {
  /// The word with the fewest edits from `word`; nil when even that one differs in more than half of it.
  package static func word(to word: String, among words: [String]) -> String? {
    let best = words.map { ($0, distance(Array(word.utf8), Array($0.utf8))) }.min { $0.1 < $1.1 }
    guard let (nearest, edits) = best, edits <= max(2, word.utf8.count / 2) else { return nil }
    return nearest
  }

  /// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal string alignment).
  package static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var older = [Int](repeating: 0, count: b.count + 1)
    var above = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var best = min(above[j] + (a[i] == b[j] ? 0 : 1), above[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, older[j - 1] + 1) }
        row.append(best)
      }
      (older, above) = (above, row)
    }
    return above[b.count]
  }
}
