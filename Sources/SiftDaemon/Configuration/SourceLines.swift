// On which line of a TOML text a key stands: the TOML library keeps no positions of values.

/// Lines of keys, by path. `peer[1].name` is the name in the second `[[peer]]`.
struct SourceLines {
  private var lines: [String: Int] = [:]

  /// Scans headers and the beginnings of key lines. Text inside multi-line strings can at worst move a line number.
  init(_ text: String) {
    var prefix: [String] = []
    var counts: [String: Int] = [:]
    for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = raw.drop { $0 == " " || $0 == "\t" }
      if line.hasPrefix("[[") {
        let name = Self.keys(line.dropFirst(2).prefix { $0 != "]" }).joined(separator: ".")
        prefix = ["\(name)[\(counts[name, default: 0])]"]
        counts[name, default: 0] += 1
        note([name], index)
        note(prefix, index)
      } else if line.hasPrefix("[") {
        prefix = Self.keys(line.dropFirst().prefix { $0 != "]" })
        note(prefix, index)
      } else if let equals = line.firstIndex(of: "="), !line.hasPrefix("#") {
        note(prefix + Self.keys(line[..<equals]), index)
      }
    }
  }

  /// The line of `path`, or of the section it would stand in.
  subscript(path: String) -> Int? {
    if let line = lines[path] { return line }
    return path.lastIndex(of: ".").flatMap { lines[String(path[..<$0])] }
  }

  private mutating func note(_ path: [String], _ index: Int) {
    for length in 1...max(1, path.count) {
      let key = path.prefix(length).joined(separator: ".")
      if lines[key] == nil { lines[key] = index + 1 }
    }
  }

  /// `a."b".c` as its parts, quotes and blanks dropped.
  private static func keys(_ text: Substring) -> [String] {
    text.split(separator: ".").map { part in
      String(
        part.drop { $0 == " " || $0 == "\t" || $0 == "\"" || $0 == "'" }.reversed().drop {
          $0 == " " || $0 == "\t" || $0 == "\"" || $0 == "'" || $0 == "\r"
        }.reversed())
    }
  }
}
