// What changes slowly: interfaces, radios, surveys, and the way to each peer. Looked at once a second, and when the kernel
// says that something changed.

import HostIO
import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The last look around.
struct LinkSurroundings: Sendable {
  /// Where a peer is, as routes and neighbours tell.
  struct Way: Sendable {
    var topology: LinkTopology?
    var interface: InterfaceState?
    /// The next hop's station address.
    var station: MACAddress?
  }

  private(set) var interfaces: [InterfaceState] = []
  private(set) var radios: [WirelessInterface] = []
  /// nl80211 answered: what is not among the radios is not there.
  private(set) var areRadiosKnown = false
  private(set) var surveys: [UInt32: SurveyInfo] = [:]
  private(set) var powerSave: [UInt32: Bool] = [:]
  /// One a configured peer.
  private(set) var ways: [Way] = []
  /// The station of each next hop, as last resolved: the kernel forgets it while nothing is sent, and after every loss, and a
  /// peer without one looks as if it were behind the access point.
  private var stations: [NetworkAddress: MACAddress] = [:]
  private(set) var remarks: [String] = []

  func mode(of interface: UInt32) -> InterfaceMode? { radios.first { $0.index == interface }?.mode }

  mutating func look(_ sources: LinkSources, peers: [MonitoredPeer]) {
    remarks = sources.remarks
    interfaces = InterfaceState.all(sources.sysfs)
    let found = attempt("nl80211 interfaces") { () throws(NetlinkError) in try sources.nl80211?.interfaces() }
    areRadiosKnown = found != nil
    radios = found ?? []
    surveys = [:]
    powerSave = [:]
    for radio in radios {
      surveys[radio.index] = survey(of: radio, sources)
      // Only a station sleeps; drivers that do not know say so, which is no trouble.
      if radio.mode == .station { powerSave[radio.index] = (try? sources.nl80211?.powerSave(of: radio.index)) ?? nil }
    }
    let neighbours = attempt("neighbour table") { () throws(NetlinkError) in try sources.routes?.neighbours() } ?? []
    ways = peers.map { way(to: $0, sources, neighbours) }
    noteForeignRadios()
  }

  /// Radios that sysfs shows and nl80211 does not: their wiphy belongs to another network namespace, or to a driver that
  /// knows the wireless extensions alone.
  private mutating func noteForeignRadios() {
    for interface in interfaces where interface.isWireless && !radios.contains(where: { $0.index == interface.index }) {
      remarks.append(
        "\(interface.name): nl80211 does not know this radio; the wireless extensions are asked, or nothing is known")
    }
  }

  /// A driver without survey answers EOPNOTSUPP: the normal case on client chips, not worth a remark.
  private mutating func survey(of radio: WirelessInterface, _ sources: LinkSources) -> SurveyInfo? {
    do throws(NetlinkError) {
      return try sources.nl80211?.survey(of: radio)
    } catch {
      if error != .refused(errno: EOPNOTSUPP) { remarks.append("survey of \(radio.name): \(error)") }
      return nil
    }
  }

  private mutating func attempt<Value>(
    _ what: String, _ body: () throws(NetlinkError) -> Value?
  ) -> Value? {
    do throws(NetlinkError) {
      return try body()
    } catch {
      remarks.append("\(what): \(error)")
      return nil
    }
  }

  private mutating func way(to peer: MonitoredPeer, _ sources: LinkSources, _ neighbours: [Neighbour]) -> Way {
    guard let address = peer.address else { return Way() }
    let found = attempt("route to \(peer.name)") { () throws(NetlinkError) in try sources.routes?.route(to: address) }
    guard let route = found else { return Way() }
    let interface = interfaces.first { $0.index == route.interface }
    if route.isLocal || interface?.name == "lo" { return Way(topology: .loopback, interface: interface) }
    guard let interface else {
      remarks.append(
        "route to \(peer.name): interface \(route.interface ?? 0) is not in sysfs; is that another network namespace's?"
      )
      return Way()
    }
    let hop = route.gateway ?? address
    if let resolved = neighbours.first(where: { $0.interface == interface.index && $0.address == hop })?.station {
      stations[hop] = resolved
    }
    let station = stations[hop]
    guard isRadio(interface) else { return Way(topology: .wired, interface: interface) }
    return Way(topology: route.gateway == nil ? .direct : .viaAccessPoint, interface: interface, station: station)
  }

  private func isRadio(_ interface: InterfaceState) -> Bool {
    interface.isWireless || radios.contains { $0.index == interface.index }
  }
}
