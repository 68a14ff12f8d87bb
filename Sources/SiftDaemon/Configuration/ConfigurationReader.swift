// From the text of siftd.toml to a checked configuration, or to every error in it.

import HostIO

/// Reads one file's text against the table of keys.
struct ConfigurationReader {
  private let file: String
  private let lines: SourceLines
  private var configuration = Configuration()
  private var errors: [ConfigurationError] = []

  /// - Parameters:
  ///   - text: the TOML document.
  ///   - file: its name, for messages.
  static func read(_ text: String, file: String) throws(ConfigurationErrors) -> Configuration {
    let document: [String: TOMLNode]
    do {
      document = try TOMLNode.parse(text)
    } catch {
      throw ConfigurationErrors(errors: [
        ConfigurationError(file: file, line: error.line, key: nil, message: "not TOML: \(error.message)")
      ])
    }
    var reader = ConfigurationReader(file: file, lines: SourceLines(text))
    for (name, node) in document.sorted(by: { $0.key < $1.key }) { reader.section(name, node) }
    guard reader.errors.isEmpty else { throw reader.collected }
    reader.errors = ConfigurationRules.violations(of: reader.configuration).map {
      ConfigurationError(file: file, line: reader.lines[$0.key], key: $0.key, message: $0.message)
    }
    guard reader.errors.isEmpty else { throw reader.collected }
    return reader.configuration
  }

  private init(file: String, lines: SourceLines) {
    self.file = file
    self.lines = lines
  }

  private var collected: ConfigurationErrors {
    ConfigurationErrors(errors: errors.sorted { ($0.line ?? 0, $0.message) < ($1.line ?? 0, $1.message) })
  }

  private mutating func section(_ name: String, _ node: TOMLNode) {
    guard let section = Keys.sections.first(where: { $0.name == name }) else {
      let nearest = Nearest.word(to: name, among: Keys.sections.map(\.name)).map { "; did you mean [\($0)]?" } ?? ""
      let whole = Keys.all.first { $0.name == name }.map { "; did you mean \($0.path)?" }
      return fail(name, "unknown section\(whole ?? nearest)")
    }
    switch (node, section.isRepeated) {
    case (.table(let fields), false):
      for (key, value) in fields { store(key, value, in: section, at: name) { $0.settings.set($1, to: $2) } }
    case (.array(let tables), true):
      for (index, table) in tables.enumerated() { element(table, section, index) }
    case (_, true): fail(name, "is a list: write [[\(name)]]")
    case (_, false): fail(name, "is a section: write [\(name)]")
    }
  }

  private mutating func element(_ node: TOMLNode, _ section: any ConfigurationSection, _ index: Int) {
    let path = "\(section.name)[\(index)]"
    guard case .table(let fields) = node else { return fail(path, "wants a table, got \(node.words)") }
    configuration.peers.append(Settings())
    for (key, value) in fields {
      store(key, value, in: section, at: path) { $0.peers[index].set($1, to: $2) }
    }
  }

  private mutating func store(
    _ name: String, _ node: TOMLNode, in section: any ConfigurationSection, at path: String,
    _ set: (inout Configuration, any AnyConfigurationKey, any ConfigurationValue) -> Void
  ) {
    guard let key = section.all.first(where: { $0.name == name }) else {
      return fail("\(path).\(name)", "unknown key\(suggestion(for: name, in: section))")
    }
    do {
      set(&configuration, key, try key.read(node))
    } catch {
      fail("\(path).\(name)", error.message)
    }
  }

  /// A key of this section if one is near, else one of another section with exactly this name.
  private func suggestion(for name: String, in section: any ConfigurationSection) -> String {
    if let elsewhere = Keys.all.first(where: { $0.name == name }) { return "; did you mean \(elsewhere.path)?" }
    guard let nearest = Nearest.word(to: name, among: section.all.map(\.name)) else {
      return "; [\(section.name)] has \(section.all.map(\.name).joined(separator: ", "))"
    }
    return "; did you mean \(section.name).\(nearest)?"
  }

  private mutating func fail(_ key: String, _ message: String) {
    errors.append(ConfigurationError(file: file, line: lines[key], key: key, message: message))
  }
}

extension Configuration {
  /// Parses and checks the text of a configuration file.
  public init(text: String, file: String) throws(ConfigurationErrors) {
    self = try ConfigurationReader.read(text, file: file)
  }
}

extension Configuration {
  /// Largest configuration file that is read, in bytes.
  private static let largest = 1 << 20

  /// Reads, parses and checks a file.
  public init(file: String) throws(ConfigurationErrors) {
    let failure = { (message: String) in
      ConfigurationErrors(errors: [ConfigurationError(file: file, line: nil, key: nil, message: message)])
    }
    let bytes: [UInt8]
    do {
      bytes = try readSmallFile(file, limit: Self.largest)
    } catch {
      throw failure("cannot be read: \(error)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("is not UTF-8") }
    try self.init(text: text, file: file)
  }
}
