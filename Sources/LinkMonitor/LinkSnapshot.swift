// What is known of the channel to each peer at one moment: values, whole, with their ages.

import SiftCore

/// Where the figures of a link come from.
public enum LinkSource: String, Sendable, Hashable, Codable {
  case nl80211, wext
  /// Nothing but the exchanges themselves: wired, loopback, or no radio seen.
  case transport
}

/// How a peer is reached.
public enum LinkTopology: String, Sendable, Hashable, Codable {
  /// One hop by radio.
  case direct
  /// Two hops that share the medium.
  case viaAccessPoint = "via-access-point"
  case wired, loopback
}

/// The channel to one peer, or to one station that is no configured peer.
public struct PeerLink: Sendable, Hashable {
  /// nil when no route leads to the peer.
  public var interface: String?
  /// The station that is spoken to: the peer, or the access point on the way to it.
  public var station: MACAddress?
  /// Name in the configuration; nil for a station that is no configured peer.
  public var peerName: String?
  public var source: LinkSource
  /// nil when no route leads to the peer.
  public var topology: LinkTopology?
  /// The interface has its carrier (association, wire); nil when sysfs does not say.
  public var carrier: Bool?
  /// Since a frame of the station was last received; nil before that was ever seen.
  public var age: Duration?
  /// The signal is a sample of late: see `LinkConfiguration.stale`.
  public var isFresh: Bool
  public var signal: DecibelMilliwatts?
  public var noise: DecibelMilliwatts?
  /// The noise was not measured but taken from the channel's width and a noise figure of 7 dB.
  public var isNoiseAssumed: Bool
  public var snr: Decibels?
  /// The channel as a forecast needs it; nil before the fading was estimated once.
  public var channel: ChannelEstimate?
  /// Last rates chosen, in bit/s. Sticky when idle.
  public var sendRate: Double?
  public var receiveRate: Double?
  /// How `sendRate` is coded.
  public var sendCoding: BitRate?
  /// The rate controller's expectation, in bit/s.
  public var expectedThroughput: Double?
  /// The radio sleeps between beacons, so frames and samples come with them; nil where the driver does not say.
  public var powerSave: Bool?
  /// How good the link is, in words that change rarely; nil for a link that is no radio, or was never heard.
  public var level: LinkLevel?
  /// 0…1.
  public var retryRatio: Double?
  /// Totals of the station, for those who compare two moments.
  public var counters: LinkCounters?
  /// How the signal fades, from the fresh samples of late; nil before there are any.
  public var fading: FadingEstimate?

  public init(source: LinkSource, topology: LinkTopology?) {
    self.source = source
    self.topology = topology
    self.isFresh = false
    self.isNoiseAssumed = false
  }

  /// The link goes through the air.
  public var isRadio: Bool { topology == .direct || topology == .viaAccessPoint }
}

/// All links at one moment.
public struct LinkSnapshot: Sendable, Hashable {
  /// Grows by one with every poll; 0: nothing was polled yet.
  public var epoch: UInt64
  /// Configured peers first, in their order; then the other stations.
  public var links: [PeerLink]
  /// Why a source is not used, for status; empty when all is well.
  public var remarks: [String]

  public init(epoch: UInt64 = 0, links: [PeerLink] = [], remarks: [String] = []) {
    self.epoch = epoch
    self.links = links
    self.remarks = remarks
  }

  /// The link to a configured peer.
  public func link(to peer: String) -> PeerLink? { links.first { $0.peerName == peer } }
}
