// The table of keys for people: a commented siftd.toml, and rows for the documentation.

/// Prints the table of keys.
public enum ConfigurationTables {
  /// A siftd.toml with every key, its documentation and its default, all commented out.
  public static func defaults() -> String {
    var text = "# siftd.toml: the configuration of siftd. Every key is shown with its default.\n"
    text += "# Keys marked (live) change on reload (SIGHUP); the others need a restart.\n"
    for section in Keys.sections {
      text += "\n# \(section.documentation)\n"
      text += section.isRepeated ? "#[[\(section.name)]]\n" : "[\(section.name)]\n"
      for key in section.all {
        text += "\n# \(key.documentation)\n# \(facts(key).joined(separator: "; "))\(key.isLive ? " (live)" : "")\n"
        text += "#\(key.name) = \(key.defaultLiteral)\n"
      }
    }
    return text
  }

  /// Every key that is not at its default, as TOML lines.
  static func settings(of configuration: Configuration) -> String {
    var text = ""
    for key in Keys.all where configuration.settings.literal(key) != key.defaultLiteral {
      text += "\(key.path) = \(configuration.settings.literal(key))\n"
    }
    for peer in configuration.peers {
      text += "[[peer]]\n"
      for key in Keys.peer.all { text += "\(key.name) = \(peer.literal(key))\n" }
    }
    return text
  }

  /// The same as a Markdown table, for docs/configuration.md and the manual page.
  public static func markdown() -> String {
    var text = "| key | type | unit | range | default | live | meaning |\n|---|---|---|---|---|---|---|\n"
    for section in Keys.sections {
      for key in section.all {
        let row = [
          "`\(key.path)`", key.typeName, key.unit, key.rangeText, "`\(key.defaultLiteral)`", key.isLive ? "yes" : "no",
          key.documentation,
        ]
        text += "| " + row.joined(separator: " | ") + " |\n"
      }
    }
    return text
  }

  private static func facts(_ key: any AnyConfigurationKey) -> [String] {
    [key.typeName, key.unit, key.rangeText].filter { !$0.isEmpty }
  }
}
