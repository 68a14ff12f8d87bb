// One poll after the other: asks the sources, remembers what has to be remembered, and makes the snapshot.

import HostIO
import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The state between polls. A value: the watcher owns one and turns it.
package struct LinkPoller: Sendable {
  private struct Station: Hashable {
    var interface: UInt32
    var address: MACAddress
  }
  /// Where a peer is, as routes and neighbours tell.
  private struct Way: Sendable {
    var topology: LinkTopology?
    var interface: InterfaceState?
    /// The next hop's station address.
    var station: MACAddress?
  }

  private let configuration: LinkConfiguration
  private var histories: [Station: StationHistory] = [:]
  /// Interfaces of the wireless extensions: packets received at the last poll, when that was, and since when they grew.
  private var wextHeard: [String: (packets: UInt64, polled: Duration, at: Duration?)] = [:]
  private var interfaces: [InterfaceState] = []
  private var radios: [WirelessInterface] = []
  private var surveys: [UInt32: SurveyInfo] = [:]
  /// Renewed with the slow things: nobody needs it ten times a second.
  private var fading: [Station: FadingEstimate] = [:]
  private var ways: [Way] = []
  private var remarks: [String] = []
  private var polls = 0
  private var epoch: UInt64 = 0

  package init(_ configuration: LinkConfiguration) { self.configuration = configuration }

  /// One poll at `instant`. Never fails: what a source does not tell stays nil.
  package mutating func poll(_ sources: LinkSources, at instant: Duration) -> LinkSnapshot {
    if polls % configuration.slowEvery == 0 { lookAround(sources) }
    polls += 1
    epoch += 1
    let stations = readStations(sources, at: instant)
    var links = configuration.peers.indices.map { peer in
      link(to: configuration.peers[peer], by: ways[peer], stations, sources, at: instant)
    }
    links += strangers(stations, known: Set(links.compactMap(\.station)), sources, at: instant)
    return LinkSnapshot(epoch: epoch, links: links, remarks: remarks)
  }

  // MARK: What changes slowly

  private mutating func lookAround(_ sources: LinkSources) {
    remarks = sources.remarks
    interfaces = InterfaceState.all(sources.sysfs)
    radios = attempt("nl80211 interfaces") { () throws(NetlinkError) in try sources.nl80211?.interfaces() } ?? []
    surveys = [:]
    for radio in radios {
      surveys[radio.index] = survey(of: radio, sources)
    }
    fading = histories.compactMapValues(\.fading)
    let neighbours = attempt("neighbour table") { () throws(NetlinkError) in try sources.routes?.neighbours() } ?? []
    ways = configuration.peers.map { way(to: $0, sources, neighbours) }
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
    guard let interface else { return Way() }
    let hop = route.gateway ?? address
    let station = neighbours.first { $0.interface == interface.index && $0.address == hop }?.station
    guard isRadio(interface) else { return Way(topology: .wired, interface: interface) }
    return Way(topology: route.gateway == nil ? .direct : .viaAccessPoint, interface: interface, station: station)
  }

  private func isRadio(_ interface: InterfaceState) -> Bool {
    interface.isWireless || radios.contains { $0.index == interface.index }
  }

  // MARK: What changes fast

  private typealias Heard = (info: StationInfo, isNew: Bool, history: StationHistory)

  /// All stations of all radios, each with its memory.
  private mutating func readStations(_ sources: LinkSources, at instant: Duration) -> [(Station, Heard)] {
    var found: [(Station, Heard)] = []
    for radio in radios {
      var infos = (try? sources.nl80211?.stations(of: radio.index)) ?? []
      // Some drivers leave the dump empty and know the station all the same: ask by address.
      if infos.isEmpty { infos = byAddress(radio, sources) }
      for info in infos {
        guard let address = info.address else { continue }
        let key = Station(interface: radio.index, address: address)
        var history = histories[key] ?? StationHistory()
        let isNew = history.record(info, at: instant)
        histories[key] = history
        found.append((key, (info, isNew, history)))
      }
    }
    let present = Set(found.map(\.0))
    histories = histories.filter { present.contains($0.key) }
    return found
  }

  private func byAddress(_ radio: WirelessInterface, _ sources: LinkSources) -> [StationInfo] {
    var addresses = Set(ways.filter { $0.interface?.index == radio.index }.compactMap(\.station))
    if let accessPoint = sources.wext.reading(of: radio.name)?.accessPoint { addresses.insert(accessPoint) }
    return addresses.compactMap { try? sources.nl80211?.station($0, of: radio.index) }
  }

  private mutating func link(
    to peer: MonitoredPeer, by way: Way, _ stations: [(Station, Heard)], _ sources: LinkSources,
    at instant: Duration
  ) -> PeerLink {
    var link = PeerLink(source: .transport, topology: way.topology)
    link.peerName = peer.name
    link.interface = way.interface?.name
    link.carrier = way.interface.flatMap { InterfaceState($0.name, root: sources.sysfs)?.carrier }
    guard let interface = way.interface, link.isRadio else { return link }
    let here = stations.filter { $0.0.interface == interface.index }
    if let direct = here.first(where: { $0.0.address == way.station }) {
      fill(&link, direct.0, direct.1, at: instant)
    } else if let accessPoint = here.first, mode(of: interface.index) == .station {
      // The peer is not among the stations, so its frames go through the one that is: the access point.
      link.topology = .viaAccessPoint
      fill(&link, accessPoint.0, accessPoint.1, at: instant)
    } else {
      fillFromExtensions(&link, interface, sources, at: instant)
      if let station = link.station, station != way.station { link.topology = .viaAccessPoint }
    }
    return link
  }

  /// Stations that are no configured peer, and radios that only the wireless extensions know.
  private mutating func strangers(
    _ stations: [(Station, Heard)], known: Set<MACAddress>, _ sources: LinkSources, at instant: Duration
  ) -> [PeerLink] {
    var links: [PeerLink] = []
    for (station, heard) in stations where !known.contains(station.address) {
      var link = PeerLink(source: .nl80211, topology: .direct)
      link.interface = radios.first { $0.index == station.interface }?.name
      fill(&link, station, heard, at: instant)
      links.append(link)
    }
    let served = Set(stations.map(\.0.interface))
    for interface in interfaces where interface.isWireless && !served.contains(interface.index) {
      var link = PeerLink(source: .wext, topology: .direct)
      link.interface = interface.name
      fillFromExtensions(&link, interface, sources, at: instant)
      if let station = link.station, !known.contains(station) { links.append(link) }
    }
    return links
  }

  private func mode(of interface: UInt32) -> InterfaceMode? { radios.first { $0.index == interface }?.mode }

  private func fill(_ link: inout PeerLink, _ station: Station, _ heard: Heard, at instant: Duration) {
    let info = heard.info
    link.source = .nl80211
    link.station = station.address
    link.age = heard.history.heard.map { instant - $0 }
    link.isFresh = link.age.map { $0 <= configuration.stale } ?? false
    link.signal = info.signal
    link.sendRate = info.sendRate?.bitsPerSecond
    link.receiveRate = info.receiveRate?.bitsPerSecond
    link.expectedThroughput = info.expectedThroughput
    link.retryRatio = heard.history.retryRatio
    link.fading = fading[station]
    let width = radios.first { $0.index == station.interface }?.widthMegahertz
    fillNoise(&link, measured: surveys[station.interface]?.noise, widthMegahertz: width ?? 20)
  }

  private mutating func fillFromExtensions(
    _ link: inout PeerLink, _ interface: InterfaceState, _ sources: LinkSources, at instant: Duration
  ) {
    guard let reading = sources.wext.reading(of: interface.name) else { return }
    link.source = .wext
    link.station = reading.accessPoint
    link.signal = reading.signal
    link.sendRate = reading.bitsPerSecond
    link.age = extensionsHeard(interface.name, sources, at: instant).map { instant - $0 }
    link.isFresh = link.age.map { $0 <= configuration.stale } ?? false
    fillNoise(&link, measured: reading.noise, widthMegahertz: 20)
  }

  /// The extensions count nothing a station, so the interface's own counter tells whether anything came.
  private mutating func extensionsHeard(_ name: String, _ sources: LinkSources, at instant: Duration) -> Duration? {
    guard let packets = InterfaceState(name, root: sources.sysfs)?.receivedPackets else { return nil }
    let before = wextHeard[name]
    let heard = before.map { $0.packets == packets ? $0.at : $0.polled } ?? nil
    wextHeard[name] = (packets, instant, heard)
    return heard
  }

  /// Where no noise is measured: −174 dBm/Hz over the width plus a noise figure of 7 dB, which is −94 dBm at 20 MHz; and
  /// the link says that it was assumed.
  private func fillNoise(_ link: inout PeerLink, measured: DecibelMilliwatts?, widthMegahertz: Int) {
    let assumed = DecibelMilliwatts(-174 + 7) + .ratio(Double(widthMegahertz) * 1e6)
    link.noise = measured ?? assumed
    link.isNoiseAssumed = measured == nil
    if let signal = link.signal, let noise = link.noise { link.snr = signal - noise }
  }
}
