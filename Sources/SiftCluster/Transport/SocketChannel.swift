// A NIO channel over a socket that the caller drives: it never waits and has no thread. Outgoing bytes leave at once as
// far as the kernel takes them; incoming bytes come when `pump` is called.

import NIOCore

/// `@unchecked Sendable`: used only with the connection's lock held, which `CallerLoop` checks for NIO.
final class SocketChannel: Channel, ChannelCore, @unchecked Sendable {
  let allocator = ByteBufferAllocator()
  private let loop: CallerLoop
  private let socket: SocketHandle
  private let closing: EventLoopPromise<Void>
  private var line: ChannelPipeline?
  private var unsent = MarkedCircularBuffer<(ByteBuffer, EventLoopPromise<Void>?)>(initialCapacity: 4)
  private(set) var isActive = true
  /// What broke the connection.
  private(set) var failure: String?
  private var incoming: ByteBuffer
  private static let readBytes = 64 << 10

  init(socket: SocketHandle, loop: CallerLoop) {
    self.socket = socket
    self.loop = loop
    closing = loop.makePromise()
    incoming = ByteBufferAllocator().buffer(capacity: Self.readBytes)
    line = ChannelPipeline(channel: self)
  }

  /// Bytes that the kernel has not taken yet.
  var hasUnsent: Bool { !unsent.isEmpty }

  /// Reads what is there and passes it up the pipeline.
  /// - Returns: whether the connection still stands.
  func pump() -> Bool {
    while isActive {
      incoming.clear(minimumCapacity: Self.readBytes)
      let socket = socket
      var outcome = SocketHandle.Transfer.wouldBlock
      incoming.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.readBytes) { room in
        outcome = socket.receive(into: room)
        if case .bytes(let count) = outcome { return count }
        return 0
      }
      switch outcome {
      case .bytes(let count):
        pipeline.syncOperations.fireChannelRead(NIOAny(incoming))
        pipeline.syncOperations.fireChannelReadComplete()
        // A short read has emptied the socket: the call that would say so can be saved.
        if count < Self.readBytes { return isActive }
      case .wouldBlock: return true
      case .ended: end("closed by the peer")
      case .failed(let problem): end(problem)
      }
    }
    return false
  }

  /// Hands the kernel what it did not take before.
  func flushUnsent() {
    while isActive, unsent.hasMark, let (bytes, promise) = unsent.first {
      switch bytes.withUnsafeReadableBytes({ socket.send($0) }) {
      case .bytes(let count) where count == bytes.readableBytes:
        _ = unsent.popFirst()
        promise?.succeed(())
      case .bytes(let count): unsent[unsent.startIndex].0.moveReaderIndex(forwardBy: count)
      case .wouldBlock: return
      case .ended: return
      case .failed(let problem): end(problem)
      }
    }
  }

  /// Ends the connection and takes the pipeline apart. Idempotent.
  func end(_ reason: String) {
    if failure == nil { failure = reason }
    guard isActive else { return }
    isActive = false
    socket.shut()
    pipeline.syncOperations.fireChannelInactive()
    while let (_, promise) = unsent.popFirst() { promise?.fail(ChannelError.ioOnClosedChannel) }
    loop._executeIsolatedUnsafeUnchecked {
      self.removeHandlers(pipeline: self.pipeline)
      self.closing.succeed(())
      self.loop.abandonTimers()
    }
  }

  // MARK: Channel

  var pipeline: ChannelPipeline {
    if let line { return line }
    let made = ChannelPipeline(channel: self)
    line = made
    return made
  }
  var closeFuture: EventLoopFuture<Void> { closing.futureResult }
  var eventLoop: any EventLoop { loop }
  var localAddress: SocketAddress? { nil }
  var remoteAddress: SocketAddress? { nil }
  var parent: (any Channel)? { nil }
  var isWritable: Bool { true }
  var _channelCore: any ChannelCore { self }

  func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
    loop.makeFailedFuture(ChannelError.operationUnsupported)
  }
  func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
    loop.makeFailedFuture(ChannelError.operationUnsupported)
  }

  // MARK: ChannelCore

  func localAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
  func remoteAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
  func register0(promise: EventLoopPromise<Void>?) { promise?.succeed(()) }
  func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) { promise?.succeed(()) }
  func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }
  func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
    promise?.fail(ChannelError.operationUnsupported)
  }
  func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
    promise?.fail(ChannelError.operationUnsupported)
  }
  func read0() {}
  func channelRead0(_ data: NIOAny) {}
  func errorCaught0(error: any Error) {}

  func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard isActive else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    unsent.append((unwrapData(data, as: ByteBuffer.self), promise))
  }

  func flush0() {
    unsent.mark()
    flushUnsent()
  }

  func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard mode == .all else {
      promise?.fail(ChannelError.operationUnsupported)
      return
    }
    end("closed")
    promise?.succeed(())
  }
}
