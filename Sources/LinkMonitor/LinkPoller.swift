// One poll after the other: asks the sources, remembers what has to be remembered, and makes the snapshot.

import HostIO
import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The state between polls. A value: the watcher owns one and turns it. A poll of known stations allocates nothing; the slow
/// look at routes, interfaces and surveys does.
package struct LinkPoller: Sendable {
  /// A station of an interface.
  struct Station: Hashable {
    var interface: UInt32
    var address: MACAddress
  }
  /// What is remembered of a station.
  private struct Memory: Sendable {
    let station: Station
    var history = StationHistory()
    /// Renewed with the slow things: nobody needs it twenty times a second.
    var fading: FadingEstimate?
    var seen = Duration.zero
  }
  private typealias Heard = (station: Station, info: StationInfo)

  let configuration: LinkConfiguration
  private var surroundings = LinkSurroundings()
  /// A list, because changing an entry of a dictionary in place allocates, and stations are few.
  private var memories: [Memory] = []
  /// Interfaces of the wireless extensions: packets received at the last poll, when that was, and since when they grew.
  private var wextHeard: [String: (packets: UInt64, polled: Duration, at: Duration?)] = [:]
  private var levels: [LevelTracker]
  private var announcer = LinkAnnouncer()
  private var nextLook = Duration.zero
  private var epoch: UInt64 = 0
  private var mustLook = false
  // Kept from poll to poll for their room alone.
  private var heard: [Heard] = []
  /// Interfaces whose stations could not be read.
  private var unread: [UInt32] = []
  private var infos: [StationInfo] = []
  private var events: [LinkEvent] = []

  package init(_ configuration: LinkConfiguration) {
    self.configuration = configuration
    levels = Array(repeating: LevelTracker(), count: configuration.peers.count)
  }

  /// One poll at `instant`. Never fails: what a source does not tell stays nil.
  package mutating func poll(_ sources: LinkSources, at instant: Duration) -> LinkSnapshot {
    var snapshot = LinkSnapshot()
    poll(sources, at: instant, into: &snapshot)
    return snapshot
  }

  /// The same into a snapshot whose room is used again.
  package mutating func poll(_ sources: LinkSources, at instant: Duration, into snapshot: inout LinkSnapshot) {
    let eventful = takeEvents(sources)
    let looks = instant >= nextLook || eventful || mustLook
    if looks { lookAround(sources, at: instant) }
    epoch += 1
    readStations(sources, at: instant)
    // What came since has reasons that a look does not have, so it is heard first.
    mustLook = takeEvents(sources)
    if looks && !mustLook && surroundings.areRadiosKnown { announcer.look(sightings) }
    fill(&snapshot, sources, at: instant)
  }

  /// Changes of interfaces and associations since the last call.
  package mutating func takeChanges() -> [LinkChange] { announcer.take() }

  private mutating func takeEvents(_ sources: LinkSources) -> Bool {
    guard let source = sources.events else { return false }
    events.removeAll(keepingCapacity: true)
    source.drain(into: &events)
    for event in events { announcer.note(event) }
    return !events.isEmpty
  }

  private var sightings: [LinkAnnouncer.Look] {
    surroundings.radios.map { radio in
      LinkAnnouncer.Look(
        interface: radio,
        stations: unread.contains(radio.index)
          ? nil
          : heard.filter { $0.station.interface == radio.index && $0.info.isAssociated != false }.map(\.station.address)
      )
    }
  }

  // MARK: What changes slowly

  /// Stations that nobody hears of for so long are forgotten.
  private static let memory = Duration.seconds(60)

  private mutating func lookAround(_ sources: LinkSources, at instant: Duration) {
    // Half an interval early: polls are never quite on time.
    nextLook = instant + configuration.interval * configuration.slowEvery - configuration.interval / 2
    surroundings.look(sources, peers: configuration.peers)
    memories.removeAll { instant - $0.seen > Self.memory }
    for at in memories.indices { memories[at].fading = memories[at].history.fading() }
  }

  // MARK: What changes fast

  /// All stations of all radios, each with its memory.
  private mutating func readStations(_ sources: LinkSources, at instant: Duration) {
    heard.removeAll(keepingCapacity: true)
    unread.removeAll(keepingCapacity: true)
    for radio in surroundings.radios {
      infos.removeAll(keepingCapacity: true)
      do throws(NetlinkError) {
        try sources.nl80211?.stations(of: radio.index, into: &infos)
      } catch {
        unread.append(radio.index)
      }
      // Some drivers leave the dump empty and know the station all the same: ask by address.
      if infos.isEmpty { infos += byAddress(radio, sources) }
      for info in infos {
        guard let address = info.address else { continue }
        let station = Station(interface: radio.index, address: address)
        let place = place(of: station)
        _ = memories[place].history.record(info, at: instant)
        memories[place].seen = instant
        heard.append((station, info))
      }
    }
  }

  private mutating func place(of station: Station) -> Int {
    if let place = memories.firstIndex(where: { $0.station == station }) { return place }
    memories.append(Memory(station: station))
    return memories.count - 1
  }

  private func byAddress(_ radio: WirelessInterface, _ sources: LinkSources) -> [StationInfo] {
    guard let client = sources.nl80211 else { return [] }
    var addresses = Set(surroundings.ways.filter { $0.interface?.index == radio.index }.compactMap(\.station))
    if radio.mode == .station, let accessPoint = sources.wext.reading(of: radio.name)?.accessPoint {
      addresses.insert(accessPoint)
    }
    return addresses.compactMap { try? client.station($0, of: radio.index) }
  }

  // MARK: The snapshot

  private mutating func fill(_ snapshot: inout LinkSnapshot, _ sources: LinkSources, at instant: Duration) {
    snapshot.epoch = epoch
    snapshot.remarks = surroundings.remarks
    snapshot.links.removeAll(keepingCapacity: true)
    for peer in configuration.peers.indices {
      var link = link(to: configuration.peers[peer], by: surroundings.ways[peer], sources, at: instant)
      if link.topology == nil || link.carrier == false {
        // What is heard after the link is back is a new beginning, not a change of what was heard before.
        levels[peer] = LevelTracker()
      } else if link.isRadio {
        levels[peer].observe(snr: link.snr, isFresh: link.isFresh, at: instant)
      }
      link.level = levels[peer].level
      snapshot.links.append(link)
    }
    appendStrangers(&snapshot.links, sources, at: instant)
  }

  private mutating func link(
    to peer: MonitoredPeer, by way: LinkSurroundings.Way, _ sources: LinkSources, at instant: Duration
  ) -> PeerLink {
    var link = PeerLink(source: .transport, topology: way.topology)
    link.peerName = peer.name
    link.interface = way.interface?.name
    link.carrier = way.interface?.carrier
    guard let interface = way.interface, link.isRadio else { return link }
    if let at = heard.firstIndex(where: {
      $0.station.interface == interface.index && $0.station.address == way.station
    }) {
      fill(&link, heard[at], at: instant)
    } else if surroundings.mode(of: interface.index) == .station,
      let at = heard.firstIndex(where: { $0.station.interface == interface.index })
    {
      // The peer is not among the stations, so its frames go through the one that is: the access point.
      link.topology = .viaAccessPoint
      fill(&link, heard[at], at: instant)
    } else {
      fillFromExtensions(&link, interface, sources, at: instant)
      if let station = link.station, station != way.station { link.topology = .viaAccessPoint }
    }
    return link
  }

  /// Stations that are no configured peer, and radios that only the wireless extensions know.
  private mutating func appendStrangers(_ links: inout [PeerLink], _ sources: LinkSources, at instant: Duration) {
    let peers = links.count
    func isKnown(_ station: MACAddress?, _ links: [PeerLink]) -> Bool {
      links.prefix(peers).contains { $0.station == station }
    }
    for at in heard.indices where !isKnown(heard[at].station.address, links) {
      var link = PeerLink(source: .nl80211, topology: .direct)
      link.interface = surroundings.radios.first { $0.index == heard[at].station.interface }?.name
      fill(&link, heard[at], at: instant)
      links.append(link)
    }
    for interface in surroundings.interfaces where interface.isWireless {
      guard !heard.contains(where: { $0.station.interface == interface.index }) else { continue }
      var link = PeerLink(source: .wext, topology: .direct)
      link.interface = interface.name
      fillFromExtensions(&link, interface, sources, at: instant)
      if let station = link.station, !isKnown(station, links) { links.append(link) }
    }
  }

  private func fill(_ link: inout PeerLink, _ heard: Heard, at instant: Duration) {
    let info = heard.info
    let radio = surroundings.radios.first { $0.index == heard.station.interface }
    link.source = .nl80211
    link.station = heard.station.address
    link.signal = info.signal
    link.sendRate = info.sendRate?.bitsPerSecond
    link.sendCoding = info.sendRate
    link.receiveRate = info.receiveRate?.bitsPerSecond
    link.expectedThroughput = info.expectedThroughput
    link.counters = LinkCounters(info)
    link.powerSave = surroundings.powerSave[heard.station.interface]
    fillNoise(
      &link, measured: surroundings.surveys[heard.station.interface]?.noise,
      widthMegahertz: radio?.widthMegahertz ?? 20)
    guard let memory = memories.first(where: { $0.station == heard.station }) else { return }
    link.age = memory.history.heard.map { instant - $0 }
    link.isFresh = link.age.map { $0 <= configuration.stale } ?? false
    link.retryRatio = memory.history.retryRatio
    link.fading = memory.fading
    guard let fading = memory.fading, let noise = link.noise else { return }
    let sample = memory.history.sample
    link.channel = ChannelEstimate(
      fading, noise: noise, sample: sample?.signal, age: sample.map { max(.zero, instant - $0.at) })
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
