// A wireless interface and its channel (NL80211_CMD_GET_INTERFACE, NL80211_CMD_GET_SURVEY).

import CNetlink
import SiftCore

/// What an interface is to its stations.
public enum InterfaceMode: Sendable, Hashable {
  /// Everything goes through one access point.
  case station
  case accessPoint
  case mesh, adHoc
  case other(UInt32)

  init(_ type: UInt32) {
    switch type {
    case NL80211_IFTYPE_STATION.rawValue, NL80211_IFTYPE_P2P_CLIENT.rawValue: self = .station
    case NL80211_IFTYPE_AP.rawValue, NL80211_IFTYPE_P2P_GO.rawValue: self = .accessPoint
    case NL80211_IFTYPE_MESH_POINT.rawValue: self = .mesh
    case NL80211_IFTYPE_ADHOC.rawValue: self = .adHoc
    default: self = .other(type)
    }
  }
}

/// One answer to NL80211_CMD_GET_INTERFACE.
public struct WirelessInterface: Sendable, Hashable {
  public var index: UInt32
  public var name: String
  public var mode: InterfaceMode?
  public var address: MACAddress?
  /// Control channel, in MHz; nil while the interface is on none.
  public var frequencyMegahertz: Int?
  /// Channel width, in MHz.
  public var widthMegahertz: Int?

  public init(index: UInt32, name: String, mode: InterfaceMode? = nil) {
    self.index = index
    self.name = name
    self.mode = mode
  }

  /// - Returns: nil for an interface without index or name (a P2P device has neither).
  package init?(payload: ArraySlice<UInt8>) throws(NetlinkError) {
    let attributes = try NL80211Payload.attributes(payload)
    guard let index: UInt32 = try attributes.integer(NL80211_ATTR_IFINDEX.attribute),
      let name = attributes.string(NL80211_ATTR_IFNAME.attribute)
    else { return nil }
    self.init(index: index, name: name)
    let type: UInt32? = try attributes.integer(NL80211_ATTR_IFTYPE.attribute)
    mode = type.map { InterfaceMode($0) }
    address = attributes.bytes(NL80211_ATTR_MAC.attribute).flatMap { MACAddress($0) }
    let frequency: UInt32? = try attributes.integer(NL80211_ATTR_WIPHY_FREQ.attribute)
    frequencyMegahertz = frequency.map(Int.init)
    let width: UInt32? = try attributes.integer(NL80211_ATTR_CHANNEL_WIDTH.attribute)
    widthMegahertz = width.flatMap(Self.megahertz)
  }

  /// enum nl80211_chan_width
  private static func megahertz(_ width: UInt32) -> Int? {
    switch width {
    case NL80211_CHAN_WIDTH_20_NOHT.rawValue, NL80211_CHAN_WIDTH_20.rawValue: 20
    case NL80211_CHAN_WIDTH_40.rawValue: 40
    case NL80211_CHAN_WIDTH_80.rawValue: 80
    case NL80211_CHAN_WIDTH_80P80.rawValue, NL80211_CHAN_WIDTH_160.rawValue: 160
    case NL80211_CHAN_WIDTH_5.rawValue: 5
    case NL80211_CHAN_WIDTH_10.rawValue: 10
    case NL80211_CHAN_WIDTH_320.rawValue: 320
    default: nil
    }
  }
}

/// One channel of NL80211_CMD_GET_SURVEY. Times are cumulative on most drivers, so only differences mean anything.
public struct SurveyInfo: Sendable, Hashable {
  public var frequencyMegahertz: Int?
  public var noise: DecibelMilliwatts?
  /// This is the channel in use.
  public var isInUse: Bool
  public var active: Duration?
  public var busy: Duration?
  public var receiving: Duration?
  public var sending: Duration?

  /// - Returns: nil for a message without survey.
  package init?(payload: ArraySlice<UInt8>) throws(NetlinkError) {
    let attributes = try NL80211Payload.attributes(payload)
    guard let info = try attributes.nest(NL80211_ATTR_SURVEY_INFO.attribute) else { return nil }
    let frequency: UInt32? = try info.integer(NL80211_SURVEY_INFO_FREQUENCY.attribute)
    frequencyMegahertz = frequency.map(Int.init)
    let level: UInt8? = try info.integer(NL80211_SURVEY_INFO_NOISE.attribute)
    noise = level.flatMap { byte in
      let value = Int8(bitPattern: byte)
      return value < 0 && value > -128 ? DecibelMilliwatts(Double(value)) : nil
    }
    isInUse = info.has(NL80211_SURVEY_INFO_IN_USE.attribute)
    active = try Self.time(info, NL80211_SURVEY_INFO_TIME)
    busy = try Self.time(info, NL80211_SURVEY_INFO_TIME_BUSY)
    receiving = try Self.time(info, NL80211_SURVEY_INFO_TIME_RX)
    sending = try Self.time(info, NL80211_SURVEY_INFO_TIME_TX)
  }

  private static func time(
    _ info: NetlinkAttributes, _ type: nl80211_survey_info
  ) throws(NetlinkError) -> Duration? {
    let milliseconds: UInt64? = try info.integer(type.attribute)
    return milliseconds.flatMap { $0 < UInt64(Int64.max) ? .milliseconds(Int64($0)) : nil }
  }
}

/// The payload of every nl80211 message: `struct genlmsghdr`, then attributes.
enum NL80211Payload {
  static func attributes(_ payload: ArraySlice<UInt8>) throws(NetlinkError) -> NetlinkAttributes {
    guard payload.count >= 4 else { throw .malformed(what: "genlmsghdr", expected: 4, got: payload.count) }
    return try NetlinkAttributes(payload.dropFirst(4))
  }
}
