// What is known of one peer: readable by anyone at any time without waiting for the network.

import SiftCore

/// What the kernel says of a connection (TCP_INFO).
public struct TCPFigures: Sendable, Hashable {
  /// Smoothed round trip.
  public var roundTrip: Duration
  /// Least round trip of late; nil from an old kernel or before the first.
  public var roundTripMin: Duration?
  /// Segments sent again since the connection was made.
  public var retransmits: Int
  /// Bytes that may be under way.
  public var congestionWindow: Int
  /// Bytes a second that arrived at the peer, as last measured; nil from an old kernel.
  public var deliveryRate: Double?
  /// When the kernel was asked.
  public var at: ContinuousClock.Instant
}

/// One consistent view of a peer.
public struct PeerStatistics: Sendable, Hashable {
  public var node: NodeIndex
  public var name: String
  /// Visits can be sent now.
  public var isConnected = false
  /// Why not, when it is not; the last reason otherwise.
  public var lastProblem: String?
  /// When `isConnected` last changed.
  public var changed: ContinuousClock.Instant?
  /// The experts it said it hosts; none before the first connection.
  public var hosted = HostedExperts.none
  /// Its arithmetic: another name than ours means equal results only to rounding.
  public var arithmetic = ""

  /// Round trip of exchanges without the time the peer computed, smoothed (1/8); nil before the first.
  /// Only exchanges whose reply was being waited for count, and pings.
  public var roundTrip: Duration?
  /// Its least value in the last minute.
  public var roundTripMin: Duration?
  /// When the last of them ended.
  public var roundTripAt: ContinuousClock.Instant?
  /// Time of an exchange whatever its size, fitted over sizes; nil while sizes differ too little.
  public var exchangeOverhead: Duration?
  /// Bytes a second, up and down together (both share one medium, and the sizes of visit and reply are proportional,
  /// so that exchanges alone cannot tell the directions apart); nil while unknown.
  public var goodput: Double?

  /// Bytes of frames, without TLS and below.
  public var bytesUp: UInt64 = 0
  public var bytesDown: UInt64 = 0
  public var visits = 0
  public var done = 0
  /// No reply within the patience, or the peer said so.
  public var late = 0
  /// Ended without an answer: the connection broke or the answer was nonsense.
  public var lost = 0
  /// The peer could not execute them.
  public var failed = 0
  /// Replies that came after nobody waited any more.
  public var lateReplies = 0
  /// Pings that were sent because an answer took longer than answers do.
  public var probes = 0
  /// A visit was given up and nothing has come from the peer since it was sent.
  public var isOverdue = false
  public var tcp: TCPFigures?

  public init(node: NodeIndex, name: String) {
    self.node = node
    self.name = name
  }
}

/// A change of a peer's state. Announced once a change, never once a visit.
public struct PeerEvent: Sendable, Hashable {
  public enum Change: Sendable, Hashable {
    /// Usable for the first time. `sameArithmetic`: whether its results have the same bits as ours.
    case connected(sameArithmetic: Bool)
    /// Not usable any more, or not yet.
    case lost(reason: String)
    /// It, or this node, will not work with the other: another model, another name, another authority.
    case refused(reason: String)
    /// Usable again.
    case recovered
  }
  public var node: NodeIndex
  public var name: String
  public var change: Change

  public init(node: NodeIndex, name: String, change: Change) {
    self.node = node
    self.name = name
    self.change = change
  }
}
