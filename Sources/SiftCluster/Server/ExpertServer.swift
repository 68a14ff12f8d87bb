// A node in the role of expert host: listens, lets gateways of its authority in, and executes experts for them.

import ExpertExec
import NIOCore
import NIOPosix
import NIOSSL
import SiftCore
import Synchronization

/// Serves the experts of one `ExpertHosting` over mutual TLS (docs/protocol.md). One event-loop thread does everything,
/// execution included; `VisitWorker` says why.
public final class ExpertServer: Sendable {
  private let host: any ExpertHosting
  private let address: String
  private let port: Int
  private let tls: ClusterTLS
  private let gateways: Set<String>?
  private let limits: ServerLimits
  private let meter: VisitMeter?
  private let onEvent: @Sendable (ServerEvent) -> Void
  private let shared = SharedStatistics()
  private let running = Mutex<Running?>(nil)

  private struct Running {
    let group: MultiThreadedEventLoopGroup
    let channel: any Channel
    let registry: NIOLoopBound<ServerRegistry>
  }

  /// - Parameters:
  ///   - address: IP address to listen on; `port` 0 takes any free one.
  ///   - gateways: node names that are let in; nil lets in every node of the authority.
  ///   - meter: says what an execution cost, for the reply; called on the event loop.
  ///   - onEvent: told of every change of a connection, on the event loop: it must not wait.
  public init(
    host: any ExpertHosting, address: String, port: Int, tls: ClusterTLS, gateways: Set<String>? = nil,
    limits: ServerLimits = ServerLimits(), meter: VisitMeter? = nil,
    onEvent: @escaping @Sendable (ServerEvent) -> Void = { _ in }
  ) {
    self.host = host
    self.address = address
    self.port = port
    self.tls = tls
    self.gateways = gateways
    self.limits = limits
    self.meter = meter
    self.onEvent = onEvent
  }

  public var statistics: ServerStatistics { shared.now }

  /// Binds and begins to serve.
  /// - Returns: the port.
  /// - Throws: what the system says when the address cannot be bound ("address already in use").
  @discardableResult
  public func start() async throws -> Int {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    do {
      let registry = try await loop.submit { NIOLoopBound(self.makeRegistry(), eventLoop: loop) }.get()
      let channel = try await bootstrap(group, registry).bind(host: address, port: port).get()
      let bound = channel.localAddress?.port ?? port
      running.withLock { $0 = Running(group: group, channel: channel, registry: registry) }
      onEvent(.listening(address: address, port: bound))
      return bound
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
  }

  /// Accepts nobody any more, executes the visits that were accepted, says goodbye and ends its thread.
  public func stop() async {
    guard let running = running.withLock({ $0.take() }) else { return }
    try? await running.channel.close().get()
    let loop = running.registry.eventLoop
    try? await loop.flatSubmit { running.registry.value.stop(on: loop) }.get()
    try? await running.group.shutdownGracefully()
  }

  /// Serves until the task is cancelled.
  public func run() async throws {
    try await start()
    // Ends only by cancellation.
    let (endless, continuation) = AsyncStream.makeStream(of: Void.self)
    await withTaskCancellationHandler {
      for await _ in endless {}
    } onCancel: {
      continuation.finish()
    }
    await stop()
  }

  private func makeRegistry() -> ServerRegistry {
    let lists = (0..<host.layers).map { host.hostedExperts(layer: $0) }
    let greeting = Greeting(
      node: tls.nodeName, modelHash: host.modelHash, arithmetic: host.arithmetic, width: host.width,
      layers: host.layers, frameBytes: limits.frameBytes, hosted: HostedExperts(lists: lists))
    let worker = VisitWorker(host: host, greeting: greeting, limits: limits, meter: meter, statistics: shared)
    return ServerRegistry(worker: worker, gateways: gateways, statistics: shared, onEvent: onEvent)
  }

  private func bootstrap(_ group: MultiThreadedEventLoopGroup, _ registry: NIOLoopBound<ServerRegistry>)
    -> ServerBootstrap
  {
    let context = tls.server
    let traffic = limits.traffic
    return ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.backlog, value: 64)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelInitializer { channel in
        traffic.mark(channel)
        return channel.eventLoop.makeCompletedFuture {
          let address = channel.remoteAddress.map { "\($0.ipAddress ?? "?"):\($0.port ?? 0)" } ?? "?"
          guard let connection = registry.value.admit(address: address) else {
            throw ChannelError.inappropriateOperationForState
          }
          try channel.pipeline.syncOperations.addHandlers(NIOSSLServerHandler(context: context), connection)
        }
      }
  }
}
