// A TCP proxy between a gateway and a host that does what networks do: delays, stalls, cuts, and garbage.

import NIOCore
import NIOPosix
import Synchronization

/// Forwards connections to `127.0.0.1:target`. What it does can be changed at any time, for what comes from then on.
public final class DelayProxy: Sendable {
  public enum Direction: Sendable { case toHost, toGateway }

  private struct Conduct {
    var delay: TimeAmount = .zero
    var isStalled = false
    var isRefusing = false
  }

  private let target: Int
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let conduct: Mutex<Conduct>
  private let listener = Mutex<(any Channel)?>(nil)
  private let relays: NIOLoopBoundBox<[Relay]>

  /// - Parameter delay: added to each direction; a round trip becomes longer by twice as much.
  public init(target: Int, delay: Duration = .zero) {
    self.target = target
    relays = NIOLoopBoundBox.makeBoxSendingValue([], eventLoop: group.any())
    conduct = Mutex(Conduct(delay: Self.amount(delay)))
  }

  /// - Returns: the port to connect to.
  public func start() async throws -> Int {
    let channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { self.join($0) }
      .bind(host: "127.0.0.1", port: 0).get()
    listener.withLock { $0 = channel }
    return channel.localAddress?.port ?? 0
  }

  public func stop() async {
    try? await listener.withLock { $0.take() }?.close().get()
    await cut()
    try? await group.shutdownGracefully()
  }

  /// Changes the delay of one direction, each.
  public func delay(_ delay: Duration) { conduct.withLock { $0.delay = Self.amount(delay) } }

  /// Holds everything back, in both directions, until `resume`.
  public func stall() { conduct.withLock { $0.isStalled = true } }

  public func resume() async {
    conduct.withLock { $0.isStalled = false }
    try? await relays.eventLoop.submit { for relay in self.relays.value { relay.release() } }.get()
  }

  /// Closes new connections at once while true.
  public func refuse(_ refuse: Bool) { conduct.withLock { $0.isRefusing = refuse } }

  /// Ends all connections that stand.
  public func cut() async {
    try? await relays.eventLoop.submit {
      for relay in self.relays.value { relay.end() }
      self.relays.value = []
    }.get()
  }

  /// Puts bytes into the stream of every connection that stands.
  public func inject(_ bytes: [UInt8], _ direction: Direction) async {
    try? await relays.eventLoop.submit {
      for relay in self.relays.value where relay.direction == direction { relay.forward(ByteBuffer(bytes: bytes)) }
    }.get()
  }

  private static func amount(_ delay: Duration) -> TimeAmount {
    let (seconds, attoseconds) = delay.components
    return .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
  }

  private func join(_ gateway: any Channel) -> EventLoopFuture<Void> {
    if conduct.withLock({ $0.isRefusing }) { return gateway.close() }
    return ClientBootstrap(group: gateway.eventLoop)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.autoRead, value: false)
      .connect(host: "127.0.0.1", port: target)
      .flatMapThrowing { host in
        let up = Relay(self, to: host, .toHost)
        let down = Relay(self, to: gateway, .toGateway)
        try gateway.pipeline.syncOperations.addHandler(up)
        try host.pipeline.syncOperations.addHandler(down)
        self.relays.value += [up, down]
        for channel in [gateway, host] { channel.setOption(.autoRead, value: true).whenComplete { _ in } }
      }
  }

  /// One direction of one connection. Lives on the proxy's loop.
  private final class Relay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let direction: Direction
    private let proxy: DelayProxy
    private let partner: any Channel
    private var held: [ByteBuffer] = []
    /// On its way, oldest first; nil is the end of the stream.
    private var delayed: [ByteBuffer?] = []
    private var lastDue = NIODeadline.uptimeNanoseconds(0)

    init(_ proxy: DelayProxy, to partner: any Channel, _ direction: Direction) {
      self.proxy = proxy
      self.partner = partner
      self.direction = direction
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { forward(unwrapInboundIn(data)) }

    func forward(_ bytes: ByteBuffer) {
      let conduct = proxy.conduct.withLock { $0 }
      if conduct.isStalled || !held.isEmpty { return held.append(bytes) }
      send(bytes, after: conduct.delay)
    }

    /// A shorter delay overtakes nothing: what is on its way under a longer one goes first.
    private func send(_ bytes: ByteBuffer?, after delay: TimeAmount) {
      delayed.append(bytes)
      if delayed.count == 1, delay == .zero { return deliver() }
      lastDue = max(lastDue, .now() + delay)
      partner.eventLoop.assumeIsolated().scheduleTask(deadline: lastDue) { self.deliver() }
    }

    private func deliver() {
      if let bytes = delayed.removeFirst() { partner.writeAndFlush(bytes, promise: nil) } else { end() }
    }

    func release() {
      let waiting = held
      held = []
      for bytes in waiting { forward(bytes) }
    }

    func channelInactive(context: ChannelHandlerContext) { send(nil, after: proxy.conduct.withLock { $0.delay }) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func end() { partner.close(promise: nil) }
  }
}
