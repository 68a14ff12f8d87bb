// The questions that are asked of nl80211. All of them any user may ask in the namespace that owns the radio.

import CNetlink
import Synchronization

/// Asks nl80211 over a transport.
package final class NL80211Client: Sendable {
  private let transport: any NetlinkTransport
  private let sequence = Atomic<UInt32>(1)

  package init(_ transport: any NetlinkTransport) { self.transport = transport }

  /// Every interface of every radio in this namespace.
  package func interfaces() throws(NetlinkError) -> [WirelessInterface] {
    var found: [WirelessInterface] = []
    for message in try dump(NL80211_CMD_GET_INTERFACE, interface: nil) {
      if let interface = try WirelessInterface(payload: message.payload) { found.append(interface) }
    }
    return found
  }

  /// Every station of an interface. Some drivers answer with nothing although they know the station by address.
  package func stations(of interface: UInt32) throws(NetlinkError) -> [StationInfo] {
    var found: [StationInfo] = []
    for message in try dump(NL80211_CMD_GET_STATION, interface: interface) {
      found.append(try StationInfo(payload: message.payload))
    }
    return found
  }

  /// One station by its address. - Throws: `.refused(ENOENT)` when the interface does not know it.
  package func station(_ address: MACAddress, of interface: UInt32) throws(NetlinkError) -> StationInfo? {
    var request = request(NL80211_CMD_GET_STATION, dump: false, interface: interface)
    request.append(attribute: NL80211_ATTR_MAC.attribute, address.bytes)
    guard let message = try transport.exchange(request).first else { return nil }
    return try StationInfo(payload: message.payload)
  }

  /// The survey of the channel that an interface is on: the one marked as in use, or, from drivers that mark none
  /// (mac80211_hwsim), the one of its frequency. nil when there is no such survey.
  package func survey(of interface: WirelessInterface) throws(NetlinkError) -> SurveyInfo? {
    var ofFrequency: SurveyInfo?
    for message in try dump(NL80211_CMD_GET_SURVEY, interface: interface.index) {
      guard let survey = try SurveyInfo(payload: message.payload) else { continue }
      if survey.isInUse { return survey }
      if let frequency = interface.frequencyMegahertz, survey.frequencyMegahertz == frequency { ofFrequency = survey }
    }
    return ofFrequency
  }

  /// A dump that was interrupted is asked for again, twice.
  private func dump(
    _ command: nl80211_commands, interface: UInt32?
  ) throws(NetlinkError) -> [NetlinkMessage] {
    for _ in 0..<2 {
      do throws(NetlinkError) {
        return try transport.exchange(request(command, dump: true, interface: interface))
      } catch {
        guard error == .interrupted else { throw error }
      }
    }
    return try transport.exchange(request(command, dump: true, interface: interface))
  }

  private func request(_ command: nl80211_commands, dump: Bool, interface: UInt32?) -> NetlinkRequest {
    let number = sequence.wrappingAdd(1, ordering: .relaxed).newValue
    var request = NetlinkRequest(
      family: transport.family, command: UInt8(truncatingIfNeeded: command.rawValue), dump: dump, sequence: number)
    if let interface { request.append(attribute: NL80211_ATTR_IFINDEX.attribute, integer: interface) }
    return request
  }
}
