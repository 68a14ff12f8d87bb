// What nl80211 knows of one station (enum nl80211_sta_info). Drivers differ in what they fill in, so every field is
// optional and none is ever defaulted.

import CNetlink
import SiftCore

/// One answer to NL80211_CMD_GET_STATION.
public struct StationInfo: Sendable, Hashable {
  public var interface: UInt32?
  public var address: MACAddress?
  /// False while it only tries: the kernel shows a station from its authentication on. nil when the driver does not say.
  public var isAssociated: Bool?
  /// Time since the last UNICAST frame or acknowledgement; beacons do not refresh it, so it does not age the signal.
  public var inactive: Duration?
  public var connected: Duration?
  public var receivedBytes: UInt64?
  public var sentBytes: UInt64?
  /// Wraps at 2³².
  public var receivedPackets: UInt32?
  public var sentPackets: UInt32?
  public var retries: UInt32?
  public var failed: UInt32?
  public var beacons: UInt64?
  /// Of the last frame of this peer, beacons included.
  public var signal: DecibelMilliwatts?
  /// Running average in dB over frames: under-reads the mean power of a fading channel by up to 2.5 dB, and is never
  /// fed to an estimator.
  public var averageSignal: DecibelMilliwatts?
  public var beaconSignal: DecibelMilliwatts?
  /// Of the peer's acknowledgements: the reverse channel.
  public var acknowledgementSignal: DecibelMilliwatts?
  /// One a receive chain; empty when the driver tells none.
  public var chainSignals = ChainSignals()
  public var sendRate: BitRate?
  public var receiveRate: BitRate?
  /// The rate controller's own expectation, in bit/s, overheads included.
  public var expectedThroughput: Double?
  /// Airtime of the peer's frames; drivers without it report 0, which is kept out.
  public var receiveAirtime: Duration?
  public var sendAirtime: Duration?

  public init() {}

  /// - Parameter payload: of a generic netlink message, `struct genlmsghdr` included.
  /// - Throws: `.malformed` for anything cut short.
  package init(payload: ArraySlice<UInt8>) throws(NetlinkError) {
    let attributes = try NL80211Payload.attributes(payload)
    interface = try attributes.integer(NL80211_ATTR_IFINDEX.attribute)
    address = attributes.bytes(NL80211_ATTR_MAC.attribute).flatMap { MACAddress($0) }
    guard let info = try attributes.nest(NL80211_ATTR_STA_INFO.attribute) else { return }
    isAssociated = try Self.flag(NL80211_STA_FLAG_ASSOCIATED, of: info)
    try readCounters(info)
    try readSignals(info)
    try readRates(info)
  }

  private mutating func readCounters(_ info: NetlinkAttributes) throws(NetlinkError) {
    let inactive: UInt32? = try info.integer(NL80211_STA_INFO_INACTIVE_TIME.attribute)
    self.inactive = inactive.map { .milliseconds($0) }
    let connected: UInt32? = try info.integer(NL80211_STA_INFO_CONNECTED_TIME.attribute)
    self.connected = connected.map { .seconds($0) }
    receivedBytes = try Self.bytes(info, NL80211_STA_INFO_RX_BYTES64, NL80211_STA_INFO_RX_BYTES)
    sentBytes = try Self.bytes(info, NL80211_STA_INFO_TX_BYTES64, NL80211_STA_INFO_TX_BYTES)
    receivedPackets = try info.integer(NL80211_STA_INFO_RX_PACKETS.attribute)
    sentPackets = try info.integer(NL80211_STA_INFO_TX_PACKETS.attribute)
    retries = try info.integer(NL80211_STA_INFO_TX_RETRIES.attribute)
    failed = try info.integer(NL80211_STA_INFO_TX_FAILED.attribute)
    beacons = try info.integer(NL80211_STA_INFO_BEACON_RX.attribute)
    receiveAirtime = try Self.airtime(info, NL80211_STA_INFO_RX_DURATION)
    sendAirtime = try Self.airtime(info, NL80211_STA_INFO_TX_DURATION)
  }

  private mutating func readSignals(_ info: NetlinkAttributes) throws(NetlinkError) {
    signal = try Self.level(info, NL80211_STA_INFO_SIGNAL)
    averageSignal = try Self.level(info, NL80211_STA_INFO_SIGNAL_AVG)
    beaconSignal = try Self.level(info, NL80211_STA_INFO_BEACON_SIGNAL_AVG)
    acknowledgementSignal = try Self.level(info, NL80211_STA_INFO_ACK_SIGNAL)
    guard let chains = try info.nest(NL80211_STA_INFO_CHAIN_SIGNAL.attribute) else { return }
    chains.forEach { _, value in
      if let level = value.first.flatMap(Self.level) { chainSignals.append(level) }
    }
  }

  private mutating func readRates(_ info: NetlinkAttributes) throws(NetlinkError) {
    if let rate = try info.nest(NL80211_STA_INFO_TX_BITRATE.attribute) { sendRate = try BitRate(rate) }
    if let rate = try info.nest(NL80211_STA_INFO_RX_BITRATE.attribute) { receiveRate = try BitRate(rate) }
    let kilobits: UInt32? = try info.integer(NL80211_STA_INFO_EXPECTED_THROUGHPUT.attribute)
    expectedThroughput = kilobits.flatMap { $0 > 0 ? Double($0) * 1e3 : nil }
  }

  /// `struct nl80211_sta_flag_update`: which flags are known, then which of them are set.
  private static func flag(
    _ flag: nl80211_sta_flags, of info: NetlinkAttributes
  ) throws(NetlinkError) -> Bool? {
    guard let bytes = info.bytes(NL80211_STA_INFO_STA_FLAGS.attribute) else { return nil }
    guard bytes.count >= 8 else { throw .malformed(what: "nl80211_sta_flag_update", expected: 8, got: bytes.count) }
    let bit = UInt32(1) << flag.rawValue
    guard bytes.hostInteger(at: 0, as: UInt32.self) & bit != 0 else { return nil }
    return bytes.hostInteger(at: 4, as: UInt32.self) & bit != 0
  }

  private static func bytes(
    _ info: NetlinkAttributes, _ wide: nl80211_sta_info, _ narrow: nl80211_sta_info
  ) throws(NetlinkError) -> UInt64? {
    if let value: UInt64 = try info.integer(wide.attribute) { return value }
    let value: UInt32? = try info.integer(narrow.attribute)
    return value.map(UInt64.init)
  }

  private static func airtime(
    _ info: NetlinkAttributes, _ type: nl80211_sta_info
  ) throws(NetlinkError) -> Duration? {
    let microseconds: UInt64? = try info.integer(type.attribute)
    return microseconds.flatMap { $0 > 0 && $0 < UInt64(Int64.max) ? .microseconds(Int64($0)) : nil }
  }

  private static func level(
    _ info: NetlinkAttributes, _ type: nl80211_sta_info
  ) throws(NetlinkError) -> DecibelMilliwatts? {
    let byte: UInt8? = try info.integer(type.attribute)
    return byte.flatMap(level)
  }

  /// The byte is signed. Drivers without dBm put a quality of 0…100 there, and broken ones 0 or −128: none is a level.
  private static func level(_ byte: UInt8) -> DecibelMilliwatts? {
    let value = Int8(bitPattern: byte)
    return value < 0 && value > -128 ? DecibelMilliwatts(Double(value)) : nil
  }
}

/// Signals of the receive chains, as many as radios have: the first eight, in place.
public struct ChainSignals: Sendable, Hashable {
  private var levels: SIMD8<Double> = .zero
  public private(set) var count = 0

  public init() {}
  public var isEmpty: Bool { count == 0 }
  public var values: [DecibelMilliwatts] { (0..<count).map { DecibelMilliwatts(levels[$0]) } }

  mutating func append(_ level: DecibelMilliwatts) {
    guard count < levels.scalarCount else { return }
    levels[count] = level.value
    count += 1
  }
}
