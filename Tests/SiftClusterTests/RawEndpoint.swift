// The other side played by hand: a TLS client or server that sends whatever bytes a test wants.

import NIOCore
import NIOPosix
import NIOSSL
import SiftCluster
import SiftTestKit

/// A client that connects to an expert server and misbehaves.
final class RawGateway: Sendable {
  /// What the server sent, frame by frame, and `.closed` at the end.
  let received = EventLog<RawEvent>()
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let channel: any Channel

  /// - Parameter tls: nil connects in plain text.
  init(port: Int, tls: ClusterTLS?) async throws {
    let received = received
    channel = try await ClientBootstrap(group: group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(
              NIOSSLClientHandler(context: tls.client, serverHostname: nil))
          }
          try channel.pipeline.syncOperations.addHandler(RawRecorder(received))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
  }

  func send(_ bytes: ByteBuffer) { channel.writeAndFlush(bytes, promise: nil) }
  func close() { channel.close(promise: nil) }

  func end() async {
    channel.close(promise: nil)
    try? await group.shutdownGracefully()
  }

  /// What a well-behaved gateway says first.
  static func hello(_ node: String = "gateway", width: Int = Sample.width) -> ByteBuffer {
    var buffer = ByteBuffer()
    let greeting = Greeting(
      node: node, modelHash: Sample.hash, arithmetic: "fma16", width: width, layers: Sample.layers)
    GreetingCodec.write(greeting, as: .hello, into: &buffer)
    return buffer
  }
}

enum RawEvent: Sendable, Equatable {
  case frame(FrameKind, [UInt8])
  case closed
  var kind: FrameKind? { if case .frame(let kind, _) = self { kind } else { nil } }
  var text: String? { if case .frame(_, let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil } }
}

/// Notes the frames that come.
private final class RawRecorder: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let log: EventLog<RawEvent>
  private var assembler = FrameAssembler(limits: FrameLimits())
  init(_ log: EventLog<RawEvent>) { self.log = log }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    assembler.append(unwrapInboundIn(data))
    while let (header, body) = try? assembler.next() { log.append(.frame(header.kind, Array(body.readableBytesView))) }
  }
  func channelInactive(context: ChannelHandlerContext) { log.append(.closed) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// A server that welcomes and then answers each frame with what a test says.
final class RawHost: Sendable {
  typealias Answer = @Sendable (FrameKind, ByteBuffer) -> ByteBuffer?
  let port: Int
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let listener: any Channel

  /// - Parameter tls: nil speaks plain text.
  init(tls: ClusterTLS?, answer: @escaping Answer) async throws {
    listener = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.server)) }
          try channel.pipeline.syncOperations.addHandler(RawResponder(answer))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = listener.localAddress?.port ?? 0
  }

  func end() async {
    try? await listener.close().get()
    try? await group.shutdownGracefully()
  }

  static func welcome(_ node: String = "a") -> ByteBuffer {
    var buffer = ByteBuffer()
    let greeting = Greeting(
      node: node, modelHash: Sample.hash, arithmetic: "fma16", width: Sample.width, layers: Sample.layers,
      hosted: HostedExperts(lists: [[0, 1, 2, 3]]))
    GreetingCodec.write(greeting, as: .welcome, into: &buffer)
    return buffer
  }
}

private final class RawResponder: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let answer: RawHost.Answer
  private var assembler = FrameAssembler(limits: FrameLimits())
  init(_ answer: @escaping RawHost.Answer) { self.answer = answer }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    assembler.append(unwrapInboundIn(data))
    while let (header, body) = try? assembler.next() {
      if let bytes = answer(header.kind, body) { context.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
    }
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
