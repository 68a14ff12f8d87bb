// The questions that are asked of nl80211. All of them any user may ask in the namespace that owns the radio.

import CNetlink
import Synchronization

/// Asks nl80211 over a transport.
package final class NL80211Client: Sendable {
  private let transport: any NetlinkTransport
  /// The request for an interface's stations is asked many times a second, so it is kept: it only gets a new number.
  private let state: Mutex<(sequence: UInt32, stations: [(interface: UInt32, request: NetlinkRequest)])>

  package init(_ transport: any NetlinkTransport) {
    self.transport = transport
    state = Mutex((1, []))
  }

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
    try stations(of: interface, into: &found)
    return found
  }

  /// Appends every station of an interface; allocates nothing where `found` has room. A dump that was interrupted is asked
  /// for again, twice. On failure nothing is appended.
  package func stations(of interface: UInt32, into found: inout [StationInfo]) throws(NetlinkError) {
    let before = found.count
    for attempt in 0..<3 {
      do throws(NetlinkError) {
        try transport.exchange(stationRequest(interface)) { (message) throws(NetlinkError) in
          found.append(try StationInfo(payload: message.payload))
        }
        return
      } catch {
        found.removeLast(found.count - before)
        guard error == .interrupted, attempt < 2 else { throw error }
      }
    }
  }

  private func stationRequest(_ interface: UInt32) -> NetlinkRequest {
    state.withLock { state in
      state.sequence &+= 1
      if let at = state.stations.firstIndex(where: { $0.interface == interface }) {
        state.stations[at].request.sequence = state.sequence
        return state.stations[at].request
      }
      // Interfaces come and go with new numbers; a few old ones do no harm, many would.
      if state.stations.count >= 64 { state.stations.removeAll() }
      let request = make(NL80211_CMD_GET_STATION, dump: true, interface: interface, sequence: state.sequence)
      state.stations.append((interface, request))
      return request
    }
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

  /// Whether the radio sleeps between beacons; nil where the driver does not say. Frames then wait for beacons, and so do
  /// signals.
  package func powerSave(of interface: UInt32) throws(NetlinkError) -> Bool? {
    let request = request(NL80211_CMD_GET_POWER_SAVE, dump: false, interface: interface)
    guard let message = try transport.exchange(request).first else { return nil }
    let state: UInt32? = try NL80211Payload.attributes(message.payload).integer(NL80211_ATTR_PS_STATE.attribute)
    return state.map { $0 == NL80211_PS_ENABLED.rawValue }
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
    let number = state.withLock { state in
      state.sequence &+= 1
      return state.sequence
    }
    return make(command, dump: dump, interface: interface, sequence: number)
  }

  private func make(
    _ command: nl80211_commands, dump: Bool, interface: UInt32?, sequence: UInt32
  ) -> NetlinkRequest {
    var request = NetlinkRequest(
      family: transport.family, command: UInt8(truncatingIfNeeded: command.rawValue), dump: dump, sequence: sequence)
    if let interface { request.append(attribute: NL80211_ATTR_IFINDEX.attribute, integer: interface) }
    return request
  }
}
