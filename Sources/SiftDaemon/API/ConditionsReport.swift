// What /sift/conditions says: the state of the machine that joules depend on and policies do not decide.

/// Heat, throttling, governors and links at one moment. Read when asked, never on the token path.
public struct ConditionsReport: Codable, Hashable, Sendable {
  /// The hottest thermal zone, in °C; nil where none is read.
  public var temperature: Double?
  /// How often processors have throttled since the machine started; nil where it does not count.
  public var throttleEvents: Int?
  /// Cooling devices other than fans that hold the machine back just now.
  public var cooling: Int
  /// Frequency governors in use, in alphabetical order.
  public var governors: [String]
  /// Level of each peer's link in words.
  public var links: [String: String]
  /// Signal of each peer's radio link, in dBm.
  public var signals: [String: Double]

  private enum CodingKeys: String, CodingKey {
    case cooling, governors, links
    case temperature = "temperature_c"
    case throttleEvents = "throttle_events"
    case signals = "signals_dbm"
  }

  public init(
    temperature: Double? = nil, throttleEvents: Int? = nil, cooling: Int = 0, governors: [String] = [],
    links: [String: String] = [:], signals: [String: Double] = [:]
  ) {
    self.temperature = temperature
    self.throttleEvents = throttleEvents
    self.cooling = cooling
    self.governors = governors
    self.links = links
    self.signals = signals
  }
}
