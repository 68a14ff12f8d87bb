// What the kernel tells of its own accord: stations that come and go, associations, channels, interfaces. From bytes to
// values; what they mean for whoever listens is `LinkAnnouncer`'s.

import CNetlink
import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A message of nl80211's multicast groups or of rtnetlink's link group.
public enum LinkEvent: Sendable, Hashable {
  /// An interface appeared, or changed its name or state.
  case interface(index: UInt32, name: String)
  case interfaceGone(index: UInt32)
  case station(interface: UInt32, MACAddress)
  case stationGone(interface: UInt32, MACAddress)
  /// - Parameter status: 0 for success (IEEE 802.11-2020, table 9-50).
  case connect(interface: UInt32, MACAddress?, status: UInt16)
  case roam(interface: UInt32, MACAddress?)
  /// - Parameter reason: IEEE 802.11-2020, table 9-49; nil when the driver tells none.
  case disconnect(interface: UInt32, reason: UInt16?, byAccessPoint: Bool)
  case channel(interface: UInt32, megahertz: Int)
  /// The signal crossed a threshold that somebody armed; siftd never does, for only one program can.
  case signal(interface: UInt32, isLow: Bool, level: DecibelMilliwatts?)
  case beaconLoss(interface: UInt32)
  /// Some messages were lost, because nobody read them in time: look at everything again.
  case overrun

  /// - Parameter payload: of a message of nl80211. - Returns: nil for a message of no interest.
  /// - Throws: `.malformed` for one that is cut short.
  package init?(nl80211 payload: ArraySlice<UInt8>) throws(NetlinkError) {
    let attributes = try NL80211Payload.attributes(payload)
    guard let index: UInt32 = try attributes.integer(NL80211_ATTR_IFINDEX.attribute) else { return nil }
    let address = attributes.bytes(NL80211_ATTR_MAC.attribute).flatMap { MACAddress($0) }
    switch UInt32(payload[payload.startIndex]) {
    case NL80211_CMD_NEW_INTERFACE.rawValue:
      guard let name = attributes.string(NL80211_ATTR_IFNAME.attribute) else { return nil }
      self = .interface(index: index, name: name)
    case NL80211_CMD_DEL_INTERFACE.rawValue: self = .interfaceGone(index: index)
    case NL80211_CMD_NEW_STATION.rawValue:
      guard let address else { return nil }
      self = .station(interface: index, address)
    case NL80211_CMD_DEL_STATION.rawValue:
      guard let address else { return nil }
      self = .stationGone(interface: index, address)
    case NL80211_CMD_CONNECT.rawValue:
      let status: UInt16? = try attributes.integer(NL80211_ATTR_STATUS_CODE.attribute)
      // Without a status the attempt timed out.
      self = .connect(interface: index, address, status: status ?? UInt16.max)
    case NL80211_CMD_ROAM.rawValue: self = .roam(interface: index, address)
    case NL80211_CMD_DISCONNECT.rawValue:
      self = .disconnect(
        interface: index, reason: try attributes.integer(NL80211_ATTR_REASON_CODE.attribute),
        byAccessPoint: attributes.has(NL80211_ATTR_DISCONNECTED_BY_AP.attribute))
    case NL80211_CMD_CH_SWITCH_NOTIFY.rawValue:
      let frequency: UInt32? = try attributes.integer(NL80211_ATTR_WIPHY_FREQ.attribute)
      guard let frequency else { return nil }
      self = .channel(interface: index, megahertz: Int(frequency))
    case NL80211_CMD_NOTIFY_CQM.rawValue:
      guard let event = try Self.quality(attributes, interface: index) else { return nil }
      self = event
    default: return nil
    }
  }

  /// enum nl80211_attr_cqm
  private static func quality(
    _ attributes: NetlinkAttributes, interface: UInt32
  ) throws(NetlinkError) -> LinkEvent? {
    guard let report = try attributes.nest(NL80211_ATTR_CQM.attribute) else { return nil }
    if report.has(NL80211_ATTR_CQM_BEACON_LOSS_EVENT.attribute) { return .beaconLoss(interface: interface) }
    let crossing: UInt32? = try report.integer(NL80211_ATTR_CQM_RSSI_THRESHOLD_EVENT.attribute)
    switch crossing {
    case NL80211_CQM_RSSI_BEACON_LOSS_EVENT.rawValue: return .beaconLoss(interface: interface)
    case NL80211_CQM_RSSI_THRESHOLD_EVENT_LOW.rawValue, NL80211_CQM_RSSI_THRESHOLD_EVENT_HIGH.rawValue:
      let level: Int32? = try report.integer(NL80211_ATTR_CQM_RSSI_LEVEL.attribute)
      return .signal(
        interface: interface, isLow: crossing == NL80211_CQM_RSSI_THRESHOLD_EVENT_LOW.rawValue,
        level: level.flatMap { $0 < 0 && $0 > -128 ? DecibelMilliwatts(Double($0)) : nil })
    default: return nil
    }
  }

  /// Bytes of `struct ifinfomsg`.
  private static let fixedSize = 16

  /// - Parameter message: of rtnetlink. - Returns: nil for a message of no interest.
  package init?(route message: NetlinkMessage) throws(NetlinkError) {
    guard message.type == UInt16(RTM_NEWLINK) || message.type == UInt16(RTM_DELLINK) else { return nil }
    guard message.payload.count >= Self.fixedSize else {
      throw .malformed(what: "ifinfomsg", expected: Self.fixedSize, got: message.payload.count)
    }
    let index = message.payload.hostInteger(at: 4, as: UInt32.self)
    if message.type == UInt16(RTM_DELLINK) {
      // Wireless events and bridges send RTM_DELLINK of other families for interfaces that stay.
      guard message.payload[message.payload.startIndex] == UInt8(AF_UNSPEC) else { return nil }
      self = .interfaceGone(index: index)
      return
    }
    let attributes = try NetlinkAttributes(message.payload.dropFirst(Self.fixedSize))
    guard let name = attributes.string(UInt16(IFLA_IFNAME)) else { return nil }
    self = .interface(index: index, name: name)
  }
}
