// What an expert host allows its peers, what it tells about them, and what it counts.

import SiftCore

/// Bounds on what peers can make a host hold or wait for.
public struct ServerLimits: Sendable, Hashable {
  /// Connections at once, welcomed or not.
  public var connections = 32
  /// From accepting a connection to its hello.
  public var handshakeTimeout: Duration = .seconds(5)
  /// Without a frame from a welcomed gateway. Gateways ping every five seconds when they have nothing to ask.
  public var idleTimeout: Duration = .seconds(30)
  /// Visits that wait for their turn, per connection; beyond it the connection is not read.
  public var queuedVisits = 32
  /// Body bytes of a visit or reply.
  public var frameBytes = 64 << 20
  /// Rows of a visit.
  public var rows = 65_536
  /// How long `stop` waits for visits that were accepted.
  public var drainTimeout: Duration = .seconds(5)
  public var traffic = TrafficClass.realTime

  public init() {}
}

/// What happened at an expert host. One event a change of a connection, never one a visit.
public enum ServerEvent: Sendable, Hashable {
  case listening(address: String, port: Int)
  /// A gateway was welcomed.
  case connected(gateway: String, address: String)
  /// A welcomed gateway went away or was sent away.
  case disconnected(gateway: String, reason: String)
  /// Somebody was not let in. At most ten at once and ten a minute are told; `ServerStatistics.refused` counts all.
  case refused(peer: String, reason: String)
}

/// Counts since the start.
public struct ServerStatistics: Sendable, Hashable {
  /// Connections that are welcomed now.
  public var gateways = 0
  public var visits = 0
  public var rows = 0
  /// Visits whose patience was over before their turn.
  public var late = 0
  /// Visits that could not be executed.
  public var failed = 0
  /// Connections that were not let in.
  public var refused = 0
  /// Time spent executing.
  public var busy: Duration = .zero
  /// What `VisitMeter` said, and the weakest standing among it.
  public var energy: Energy = .zero
  public var standing: Standing?
}

/// Says what an execution that took so long cost here, if anybody knows.
public typealias VisitMeter = @Sendable (_ execution: Duration) -> (energy: Energy, standing: Standing)?

/// Lets a burst through, then a trickle: keeps a peer from filling the journal.
struct Trickle {
  private var tokens: Double
  private var last: ContinuousClock.Instant?
  private let burst: Double
  private let perSecond: Double

  init(burst: Double, perSecond: Double) {
    self.tokens = burst
    self.burst = burst
    self.perSecond = perSecond
  }

  mutating func allows(at now: ContinuousClock.Instant) -> Bool {
    if let last { tokens = min(burst, tokens + (now - last).seconds * perSecond) }
    last = now
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }
}
