// The knobs of the link monitor, each with its unit and default.

/// A peer whose link is watched.
public struct MonitoredPeer: Sendable, Hashable {
  public var name: String
  /// Where it is; nil for a name that could not be resolved.
  public var address: NetworkAddress?

  public init(name: String, address: NetworkAddress?) {
    self.name = name
    self.address = address
  }
}

/// How links are polled.
public struct LinkConfiguration: Sendable, Hashable {
  /// Time between two polls of the stations. Default 50 ms: beacons bring ten samples a second, traffic more.
  public var interval: Duration
  /// The same while exchanges with a peer go on: then every one of them brings a sample, and a channel that fades at a few
  /// hertz is seen as it fades. Default 10 ms, never longer than `interval`.
  public var busyInterval: Duration
  /// Intervals between two looks at routes, neighbours, interfaces and the survey. Default 20: once a second.
  public var slowEvery: Int
  /// A signal older than this is not fresh. Default 1 s.
  public var stale: Duration
  public var peers: [MonitoredPeer]

  public init(
    interval: Duration = .milliseconds(50), busyInterval: Duration = .milliseconds(10), slowEvery: Int = 20,
    stale: Duration = .seconds(1), peers: [MonitoredPeer] = []
  ) {
    precondition(interval > .zero && slowEvery > 0, "polling needs a positive interval, got \(interval)")
    self.interval = interval
    self.busyInterval = max(.milliseconds(1), min(busyInterval, interval))
    self.slowEvery = slowEvery
    self.stale = stale
    self.peers = peers
  }
}
