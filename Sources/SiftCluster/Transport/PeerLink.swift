// One TLS connection to a peer, from the first byte on: socket, TLS handler, frames. Used with the peer's lock held.

import NIOCore
import NIOSSL
import NIOTLS

final class PeerLink {
  let socket: SocketHandle
  private let channel: SocketChannel
  private let end: LinkEnd
  private let tls: NIOSSLClientHandler
  /// Reused for every frame that is sent.
  private var outgoing: ByteBuffer

  init(socket: SocketHandle, loop: CallerLoop, context: NIOSSLContext, limits: FrameLimits) throws {
    self.socket = socket
    channel = SocketChannel(socket: socket, loop: loop)
    end = LinkEnd(limits: limits)
    tls = try NIOSSLClientHandler(context: context, serverHostname: nil)
    outgoing = channel.allocator.buffer(capacity: 8192)
    // The channel is active already: the TLS handshake begins here.
    try channel.pipeline.syncOperations.addHandlers(tls, end)
  }

  /// The TLS handshake is over and the peer's certificate verified.
  var isSecured: Bool { end.isSecured }
  /// The name in the peer's certificate.
  var peerName: String? { tls.peerCertificate.flatMap { PeerIdentity.name(of: $0) } }
  /// What broke the connection, and whether TLS said so.
  var failure: (reason: String, isTLS: Bool)? {
    if let problem = end.problem { return (problem, true) }
    return channel.failure.map { ($0, false) }
  }
  var hasUnsent: Bool { channel.hasUnsent }

  /// Kinds of frames that may come now.
  var expected: FrameKinds {
    get { end.assembler.limits.kinds }
    set { end.assembler.limits.kinds = newValue }
  }

  /// Sends one frame, as far as the kernel takes it now.
  func send(_ write: (inout ByteBuffer) -> Void) {
    outgoing.clear()
    write(&outgoing)
    channel.pipeline.syncOperations.writeAndFlush(NIOAny(outgoing), promise: nil)
  }

  func flush() { channel.flushUnsent() }

  /// Reads what is there. - Returns: whether the connection still stands; frames may have come even when not.
  func pump() -> Bool { channel.pump() && end.problem == nil }

  func nextFrame() throws(WireError) -> (header: FrameHeader, body: ByteBuffer)? { try end.assembler.next() }

  /// Says farewell in TLS and ends the connection.
  func close(_ reason: String) {
    channel.pipeline.syncOperations.close(promise: nil)
    channel.end(reason)
  }
}

/// The far end of the pipeline: keeps what TLS has decrypted.
private final class LinkEnd: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  var assembler: FrameAssembler
  private(set) var isSecured = false
  private(set) var problem: String?

  init(limits: FrameLimits) { assembler = FrameAssembler(limits: limits) }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { assembler.append(unwrapInboundIn(data)) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent { isSecured = true }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A connection that ends without TLS's farewell, or in the middle of the handshake, is told by the channel.
    if TLSProblem.isEnd(error) { return }
    if problem == nil { problem = TLSProblem.words(error) }
  }
}
