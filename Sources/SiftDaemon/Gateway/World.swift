// Assembles the conditions that the engine's thread reads: links, exchanges and the radio's power model, every tick.

import EnergyMeter
import ExpertExec
import LinkMonitor
import SiftCluster
import SiftCore
import Synchronization

/// A peer as the configuration names it.
struct PeerSetup: Sendable {
  var name: String
  var address: String
  var host: String
  var port: Int
  /// Experts to use there, as ranges.
  var experts: [String]

  init?(_ settings: Settings) {
    guard let (host, port) = Address.hostAndPort(settings[Keys.peer.address]) else { return nil }
    name = settings[Keys.peer.name]
    address = settings[Keys.peer.address]
    (self.host, self.port) = (host, port)
    experts = settings[Keys.peer.experts]
  }
}

/// Writes the board.
final class World: Sendable {
  let board: ConditionsBoard
  private let peers: [PeerSetup]
  private let expertCounts: [Int]
  private let localExperts: [[Int]]
  private let transport: PeerTransport
  private let links: LinkWatcher
  private let radio: @Sendable () -> RadioPowerModel
  /// Joules that one busy core adds in a second.
  private let coreWatts: Double
  /// Seconds to execute one expert for one token on one core, before anything was measured.
  private let expertSeconds: Double
  /// How often anybody has begun to look.
  private let looks = Atomic<UInt64>(0)
  private let latestPrices = Mutex<(epoch: UInt64, prices: [VisitPrice?])>((0, []))

  init(
    board: ConditionsBoard, peers: [PeerSetup], expertCounts: [Int], localExperts: [[Int]], transport: PeerTransport,
    links: LinkWatcher, radio: @escaping @Sendable () -> RadioPowerModel, coreWatts: Double, expertSeconds: Double
  ) {
    self.board = board
    self.peers = peers
    self.expertCounts = expertCounts
    self.localExperts = localExperts
    self.transport = transport
    self.links = links
    self.radio = radio
    self.coreWatts = coreWatts
    self.expertSeconds = expertSeconds
  }

  /// Looks at everything once and publishes what it sees.
  ///
  /// Whatever has changed calls this, on its own thread. A look that began before another and ends after it has the older
  /// view: it takes its number before it looks, and the board keeps the view with the larger one.
  func refresh(now: ContinuousClock.Instant) {
    let epoch = looks.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
    let statistics = transport.statistics
    let snapshot = links.latest
    let model = radio()
    for peer in statistics { links.note(Self.figures(peer, now: now), with: peer.name) }
    let prices = statistics.map { peer in
      visitCost(
        link: snapshot.link(to: peer.name), transport: Self.figures(peer, now: now), model: model)
    }
    latestPrices.withLock { latest in
      if epoch > latest.epoch { latest = (epoch, prices) }
    }
    let speeds = board.speeds
    var nodes = [Self.local(expertSeconds, coreWatts)]
    for (index, peer) in statistics.enumerated() {
      let seconds = speeds.indices.contains(index) ? speeds[index].expertSeconds ?? expertSeconds : expertSeconds
      nodes.append(
        NodeConditions(
          isReachable: peer.isConnected, visit: prices[index].cost, computeEnergy: coreWatts * seconds,
          computeTime: seconds, age: prices[index].age, standing: prices[index].standing,
          channel: ChannelPrediction(snapshot.link(to: peer.name), cost: prices[index].cost, now: now),
          isOverdue: peer.isOverdue))
    }
    let reachable = zip(statistics, prices).filter { $0.0.isConnected }.map(\.1)
    board.publish(
      Conditions(
        epoch: epoch, nodes: nodes, wakeEnergy: reachable.map(\.wakeEnergy.joules).max() ?? 0,
        wakeTime: reachable.map(\.wakeTime.seconds).max() ?? 0),
      placement(statistics))
  }

  /// The latest price of a visit, by node − 1.
  var prices: [VisitPrice?] { latestPrices.withLock { $0.prices } }

  private static func local(_ seconds: Double, _ watts: Double) -> NodeConditions {
    NodeConditions(isReachable: true, visit: .zero, computeEnergy: watts * seconds, computeTime: seconds)
  }

  static func figures(_ peer: PeerStatistics, now: ContinuousClock.Instant) -> TransportFigures {
    var figures = TransportFigures(
      goodput: peer.goodput, roundTrip: peer.exchangeOverhead ?? peer.roundTrip,
      age: peer.roundTripAt.map { max(.zero, now - $0) })
    figures.deliveryRate = peer.tcp?.deliveryRate
    figures.done = peer.done
    figures.missed = peer.late + peer.lost
    return figures
  }

  /// What each peer says it hosts, of what the configuration lets it be used for.
  private func placement(_ statistics: [PeerStatistics]) -> Placement {
    var nodes = [localExperts]
    for (index, peer) in statistics.enumerated() {
      nodes.append(
        expertCounts.indices.map { layer in
          let allowed = ExpertRanges.experts(peers[index].experts, of: expertCounts[layer]) ?? []
          return allowed.filter { peer.hosted.contains(layer: layer, expert: $0) }
        })
    }
    return Placement(nodes: nodes)
  }
}

extension RadioPowerModel {
  /// The model that the configuration names, with its own figures where it gives some.
  init(_ configuration: Configuration) {
    self = Self.published[configuration[Keys.radio.model]] ?? .default
    let before = self
    if configuration[Keys.radio.transmitWatts] >= 0 { sendWatts = configuration[Keys.radio.transmitWatts] }
    if configuration[Keys.radio.receiveWatts] >= 0 { receiveWatts = configuration[Keys.radio.receiveWatts] }
    if configuration[Keys.radio.frameMillijoules] >= 0 {
      joulesPerFrame = configuration[Keys.radio.frameMillijoules] / 1000
    }
    wakeJoules = configuration[Keys.radio.wakeMillijoules] / 1000
    account = RadioAccount(rawValue: configuration[Keys.radio.account]) ?? .system
    if (sendWatts, receiveWatts, joulesPerFrame) != (before.sendWatts, before.receiveWatts, before.joulesPerFrame) {
      source = "siftd.toml [radio]"
    }
    if configuration[Keys.radio.measured] { standing = .derived }
  }
}
