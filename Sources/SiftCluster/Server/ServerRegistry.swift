// All connections of an expert host, and what is told about them. Belongs to the server's event loop.

import NIOCore
import SiftCore

final class ServerRegistry {
  let worker: VisitWorker
  /// Names that are let in; nil lets in every node of the authority.
  let gateways: Set<String>?
  private let onEvent: @Sendable (ServerEvent) -> Void
  private let statistics: SharedStatistics
  private var connections: [ObjectIdentifier: ServerConnection] = [:]
  private var trickle = Trickle(burst: 10, perSecond: 10.0 / 60)
  private var whenEmpty: EventLoopPromise<Void>?

  init(
    worker: VisitWorker, gateways: Set<String>?, statistics: SharedStatistics,
    onEvent: @escaping @Sendable (ServerEvent) -> Void
  ) {
    self.worker = worker
    self.gateways = gateways
    self.statistics = statistics
    self.onEvent = onEvent
  }

  /// - Returns: a handler for a new connection; nil when there are too many.
  func admit(address: String) -> ServerConnection? {
    guard connections.count < worker.limits.connections, whenEmpty == nil else {
      refused(address, "\(connections.count) connections are open already")
      return nil
    }
    let connection = ServerConnection(registry: self, address: address)
    connections[ObjectIdentifier(connection)] = connection
    return connection
  }

  /// Whether there is but one connection.
  var hasOne: Bool { connections.count == 1 }

  func remove(_ connection: ServerConnection) {
    connections[ObjectIdentifier(connection)] = nil
    if connections.isEmpty { whenEmpty?.succeed(()) }
  }

  func welcomed(_ name: String, address: String) {
    statistics.update { $0.gateways += 1 }
    onEvent(.connected(gateway: name, address: address))
  }

  func left(_ name: String, _ reason: String) {
    statistics.update { $0.gateways -= 1 }
    onEvent(.disconnected(gateway: name, reason: reason))
  }

  func refused(_ peer: String, _ reason: String) {
    statistics.update { $0.refused += 1 }
    if trickle.allows(at: .now) { onEvent(.refused(peer: peer, reason: reason)) }
  }

  /// Serves what was accepted and says goodbye; the future is done when nobody is left.
  func stop(on loop: any EventLoop) -> EventLoopFuture<Void> {
    if let whenEmpty { return whenEmpty.futureResult }
    let promise = loop.makePromise(of: Void.self)
    whenEmpty = promise
    if connections.isEmpty {
      promise.succeed(())
      return promise.futureResult
    }
    for connection in connections.values { connection.stop() }
    loop.assumeIsolated().scheduleTask(in: worker.limits.drainTimeout.timeAmount) {
      for connection in self.connections.values { connection.abort() }
      promise.succeed(())
    }
    return promise.futureResult
  }
}
