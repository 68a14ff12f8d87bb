// The values of a configuration, read by typed keys; what is not set has the key's default.

/// Values of one part of the configuration.
public struct Settings: Sendable {
  private var values: [String: any ConfigurationValue] = [:]

  public init() {}

  /// The value of `key`, or its default.
  public subscript<Value>(key: Key<Value>) -> Value {
    get { values[key.path] as? Value ?? key.default }
    set { values[key.path] = newValue }
  }

  /// Whether the file says anything about `key`.
  public func isSet(_ key: any AnyConfigurationKey) -> Bool { values[key.path] != nil }

  mutating func set(_ key: any AnyConfigurationKey, to value: any ConfigurationValue) { values[key.path] = value }

  /// Takes over what `other` says, or does not say, about `key`.
  mutating func take(_ key: any AnyConfigurationKey, from other: Settings) { values[key.path] = other.values[key.path] }

  /// The value of `key` as TOML.
  func literal(_ key: any AnyConfigurationKey) -> String { values[key.path]?.literal ?? key.defaultLiteral }
}

/// A whole configuration: one set of values, and one more for each `[[peer]]` in the order of the file.
public struct Configuration: Sendable {
  public var settings = Settings()
  public var peers: [Settings] = []

  public init() {}

  public subscript<Value>(key: Key<Value>) -> Value {
    get { settings[key] }
    set { settings[key] = newValue }
  }

  /// The keys whose values differ in `other`, with `peer` standing for any change of the list of peers.
  public func changes(to other: Configuration) -> [ConfigurationChange] {
    var changes = Keys.all.filter { settings.literal($0) != other.settings.literal($0) }.map {
      ConfigurationChange(path: $0.path, isLive: $0.isLive)
    }
    let same =
      peers.count == other.peers.count
      && zip(peers, other.peers).allSatisfy { mine, theirs in
        Keys.peer.all.allSatisfy { mine.literal($0) == theirs.literal($0) }
      }
    if !same { changes.append(ConfigurationChange(path: "peer", isLive: false)) }
    return changes
  }

  /// This configuration with the live keys of `other`: what a reload makes of it.
  public func reloaded(from other: Configuration) -> Configuration {
    var result = self
    for key in Keys.all where key.isLive { result.settings.take(key, from: other.settings) }
    return result
  }
}

/// A key that a reload found changed.
public struct ConfigurationChange: Sendable, Hashable {
  public let path: String
  /// False: the running daemon keeps the old value until a restart.
  public let isLive: Bool
}
