// Everything of a gateway that deals with its peers: connections, links, the world they make.

import ExpertExec
import LinkMonitor
import SiftCluster
import SiftCore
import Synchronization

/// The peers of a gateway.
struct PeerSide: Sendable {
  let setups: [PeerSetup]
  let transport: PeerTransport
  let links: LinkWatcher
  let world: World

  var count: Int { setups.count }
  var connected: Int { transport.statistics.filter(\.isConnected).count }

  /// - Parameters:
  ///   - setup: has peers, therefore certificates.
  ///   - live: for the radio model, which a reload may change.
  ///   - recorder: hears of every change of a peer.
  /// - Throws: `DaemonFailure` when the recording that the configuration names cannot be played.
  init?(
    _ setup: NodeSetup, board: ConditionsBoard, live: LiveConfiguration, recorder: Recorder, clock: ContinuousClock
  ) throws(DaemonFailure) {
    guard let tls = setup.tls, !setup.configuration.peers.isEmpty else { return nil }
    setups = setup.configuration.peers.compactMap { PeerSetup($0) }
    let encoding: PayloadEncoding = setup.configuration[Keys.cluster.encoding] == "bf16" ? .bf16 : .f32
    // A peer's change shows on the board at once, not only with the next tick; and so does the channel under traffic.
    let hook = Hook()
    let engine = setup.engine
    var settings = PeerSettings()
    settings.traffic = TrafficClass(codePoint: Int32(setup.configuration[Keys.cluster.codePoint]))
    transport = PeerTransport(
      peers: setups.map { PeerAddress(name: $0.name, host: $0.host, port: $0.port) }, tls: tls,
      modelHash: engine.hash, arithmetic: engine.arithmetic, width: engine.description.width,
      layers: engine.description.layers.count, encoding: encoding, settings: settings
    ) { event in
      // Who reads that a peer is there may count on it.
      hook.call()
      recorder.record(PeerRecords.make(event))
    }
    links = LinkWatcher(
      configuration: LinkConfiguration(
        interval: .seconds(setup.configuration[Keys.links.interval] / 1000),
        busyInterval: .seconds(setup.configuration[Keys.links.busyInterval] / 1000),
        slowEvery: max(1, Int(1000 / setup.configuration[Keys.links.interval])),
        peers: setups.map { MonitoredPeer(name: $0.name, address: NameResolver.address(of: $0.host)) }),
      feed: try Self.feed(setup.configuration), clock: clock,
      onChange: { recorder.record(PeerRecords.make($0)) }, onSample: { hook.call() })
    let coreWatts = setup.configuration[Keys.energy.coreWatts]
    let world = World(
      board: board, peers: setups, expertCounts: setup.expertCounts, localExperts: setup.localExperts,
      transport: transport, links: links, radio: { RadioPowerModel(live.now) }, coreWatts: coreWatts,
      expertSeconds: setup.expertSeconds)
    self.world = world
    hook.set { world.refresh(now: clock.now) }
  }

  private static func feed(_ configuration: Configuration) throws(DaemonFailure) -> LinkFeed {
    let path = configuration[Keys.links.replay]
    guard !path.isEmpty else { return .live(.system()) }
    do throws(LinkRecordingFile.Problem) {
      return .recording(try LinkRecordingFile.read(path))
    } catch {
      throw DaemonFailure(.configuration, "links.replay: \(error)")
    }
  }

  /// A callback that is set after it was handed out.
  private final class Hook: Sendable {
    private let body = Mutex<(@Sendable () -> Void)?>(nil)
    func set(_ new: @escaping @Sendable () -> Void) { body.withLock { $0 = new } }
    func call() { body.withLock { $0 }?() }
  }

  func report(now: ContinuousClock.Instant) -> [StatusReport.Peer] {
    let snapshot = links.latest
    let prices = world.prices
    return transport.statistics.enumerated().map { index, peer in
      let price = prices.indices.contains(index) ? prices[index] : nil
      let link = snapshot.link(to: peer.name)
      let hosted = (0..<peer.hosted.layers).reduce(0) { $0 + peer.hosted.list(layer: $1).count }
      return StatusReport.Peer(
        name: peer.name, address: setups[index].address, connected: peer.isConnected, experts: hosted,
        round_trip_ms: peer.roundTrip.map { $0.seconds * 1000 }, goodput_mbit_s: peer.goodput.map { $0 * 8 / 1e6 },
        visit_j: price?.cost.energyPerVisit, byte_j: price?.cost.energyPerByte, age_s: price?.age?.seconds,
        standing: price?.standing.rawValue, interface: link?.interface, last_error: peer.lastProblem)
    }
  }

  /// What /sift/links says: every link, priced with the radio model of now.
  func linksReport(_ model: RadioPowerModel, now: ContinuousClock.Instant) -> LinksReport {
    let statistics = transport.statistics
    let names = statistics.map(\.name)
    let figures = Dictionary(
      statistics.map { ($0.name, World.figures($0, now: now)) }, uniquingKeysWith: { first, _ in first })
    let forecasts = Dictionary(
      names.compactMap { name in links.forecast(to: name).map { (name, $0) } }, uniquingKeysWith: { first, _ in first })
    return LinksReport(links.latest, transport: figures, forecasts: forecasts, model: model)
  }

  func gauges(_ model: RadioPowerModel, now: ContinuousClock.Instant) -> [NodeStatus.Gauge] {
    LinkGauges.of(linksReport(model, now: now))
      + transport.statistics.flatMap { peer -> [NodeStatus.Gauge] in
        var gauges: [NodeStatus.Gauge] = [("siftd_peer_up", [("peer", peer.name)], peer.isConnected ? 1 : 0)]
        if let roundTrip = peer.roundTrip {
          gauges.append(("siftd_peer_round_trip_seconds", [("peer", peer.name)], roundTrip.seconds))
        }
        return gauges
      }
  }
}
