// Carries visits to the peers of a gateway: the façade of SiftCluster's gateway side.

import ExpertExec
import SiftCore

/// Where a peer is reached, and the name that its certificate must carry.
public struct PeerAddress: Sendable, Hashable {
  public var name: String
  /// Host name or IP address.
  public var host: String
  public var port: Int

  public init(name: String, host: String, port: Int) {
    self.name = name
    self.host = host
    self.port = port
  }
}

/// One connection a peer, kept alive and made anew when it breaks. Thread-safe: several engine threads may send and
/// receive at once; each ticket is redeemed by one of them.
public final class PeerTransport: ExpertTransport {
  private let keepers: [PeerKeeper]

  /// - Parameters:
  ///   - peers: in the order of the configuration: element i is node i + 1.
  ///   - layers, width, modelHash, arithmetic: of this node's model; a peer with others is refused, but for the arithmetic,
  ///     which `PeerEvent.connected` tells.
  ///   - onEvent: told once of every change of a peer, on that peer's thread: it must not call `stop`.
  public init(
    peers: [PeerAddress], tls: ClusterTLS, modelHash: ContentHash, arithmetic: String, width: Int, layers: Int,
    encoding: PayloadEncoding = .f32, settings: PeerSettings = PeerSettings(),
    onEvent: @escaping @Sendable (PeerEvent) -> Void = { _ in }
  ) {
    let own = Greeting(
      node: tls.nodeName, modelHash: modelHash, arithmetic: arithmetic, width: width, layers: layers,
      frameBytes: settings.frameBytes)
    keepers = peers.enumerated().map { index, address in
      let connection = PeerConnection(
        node: NodeIndex(index + 1), address: address, own: own, encoding: encoding, settings: settings)
      return PeerKeeper(connection: connection, tls: tls, onEvent: onEvent)
    }
  }

  /// Begins to connect to all peers; returns at once.
  public func start() { for keeper in keepers { keeper.start() } }

  /// Says goodbye to all peers. Visits under way end as lost. Waits for the keepers' threads; to be called once.
  public func stop() { for keeper in keepers { keeper.stop() } }

  public func send(_ visit: ExpertVisit) -> VisitTicket? {
    guard let connection = connection(visit.node), let number = connection.send(visit) else { return nil }
    return VisitTicket(node: visit.node, number: number)
  }

  public func receive(
    _ ticket: VisitTicket, until deadline: ContinuousClock.Instant, sums: UnsafeMutableBufferPointer<Double>
  ) -> VisitOutcome {
    guard let connection = connection(ticket.node) else { return .lost(reason: "there is no such node") }
    return connection.receive(ticket.number, until: deadline, sums: sums)
  }

  /// What is known of a peer; nil for a node that is none. Does not wait for the network.
  public func statistics(of node: NodeIndex) -> PeerStatistics? { connection(node)?.ledger.now }

  /// All peers, in the order of the configuration.
  public var statistics: [PeerStatistics] { keepers.map { $0.connection.ledger.now } }

  private func connection(_ node: NodeIndex) -> PeerConnection? {
    let index = node.rawValue - 1
    return keepers.indices.contains(index) ? keepers[index].connection : nil
  }
}
