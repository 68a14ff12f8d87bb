// One connection of an expert host: from the TLS handshake over the greeting to the visits. A channel handler.

import ExpertExec
import NIOCore
import NIOSSL
import NIOTLS
import SiftCore

final class ServerConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum State {
    /// Waiting for the TLS handshake, then for hello from the node of this name.
    case securing
    case greeting(name: String)
    case serving(gateway: Greeting)
    case closing
  }

  private let registry: ServerRegistry
  private let address: String
  private var state = State.securing
  private var assembler: FrameAssembler
  private var waiting = CircularBuffer<WaitingVisit>()
  private var isScheduled = false
  private var isReading = true
  /// Within `executeOne`: the next visit waits for a turn, so that the socket is read between two.
  private var isExecuting = false
  private var isStopping = false
  private var context: ChannelHandlerContext?
  private var handshakeTimer: Scheduled<Void>?
  /// When bytes came last.
  private var lastRead = ContinuousClock.now

  init(registry: ServerRegistry, address: String) {
    self.registry = registry
    self.address = address
    assembler = FrameAssembler(
      limits: FrameLimits(
        frameBytes: registry.worker.limits.frameBytes, rows: registry.worker.limits.rows, kinds: [.hello]))
  }

  // MARK: the channel's life

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    handshakeTimer = context.eventLoop.assumeIsolated().scheduleTask(
      in: registry.worker.limits.handshakeTimeout.timeAmount
    ) {
      self.drop("no hello within \(self.registry.worker.limits.handshakeTimeout)")
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent, case .securing = state { identify(context) }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    leave("closed by the peer")
    self.context = nil
    registry.remove(self)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if case .closing = state { return }
    if case .securing = state { return drop("TLS handshake: \(TLSProblem.words(error))") }
    if TLSProblem.isEnd(error) { return drop("closed by the peer") }
    drop(TLSProblem.words(error))
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .closing = state { return }
    assembler.append(unwrapInboundIn(data))
    lastRead = .now
    do throws(WireError) {
      while let (header, body) = try assembler.next() {
        try handle(header.kind, body, context)
        if case .closing = state { return }
      }
    } catch {
      drop(error.description)
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    proceed()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    proceed()
    context.fireChannelWritabilityChanged()
  }

  // MARK: frames

  private func handle(_ kind: FrameKind, _ body: ByteBuffer, _ context: ChannelHandlerContext) throws(WireError) {
    switch (state, kind) {
    case (.greeting(let name), .hello):
      try greet(body.unsafely { bytes throws(WireError) in try GreetingCodec.read(bytes, frame: "hello") }, name)
    case (.serving, .visit):
      waiting.append(WaitingVisit(body: body, arrival: lastRead))
    case (.serving, .ping):
      let number = try body.unsafely { bytes throws(WireError) in try NoticeCodec.number(bytes, frame: "ping") }
      var out = context.channel.allocator.buffer(capacity: 16)
      NoticeCodec.write(.pong, number: number, into: &out)
      context.writeAndFlush(wrapOutboundOut(out), promise: nil)
    case (.serving, .goodbye):
      let text = body.withUnsafeReadableBytes { NoticeCodec.text($0) }
      drop("said goodbye: \(text)")
    default:
      throw WireError("frame.kind", "a \(kind) is not expected now")
    }
  }

  private func identify(_ context: ChannelHandlerContext) {
    let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
    guard let certificate = handler?.peerCertificate, let name = PeerIdentity.name(of: certificate) else {
      return drop("its certificate has no DNS name, which would be the node's name")
    }
    if let allowed = registry.gateways, !allowed.contains(name) {
      return refuse("\(name) is not among the gateways of \(registry.worker.greeting.node)")
    }
    state = .greeting(name: name)
  }

  private func greet(_ hello: Greeting, _ name: String) {
    let own = registry.worker.greeting
    guard hello.node == name else {
      return refuse("says it is \(hello.node), but its certificate was made for \(name)")
    }
    if let objection = own.objection(to: hello, encoding: nil) { return refuse(objection) }
    guard let context else { return }
    handshakeTimer?.cancel()
    handshakeTimer = nil
    state = .serving(gateway: hello)
    assembler.limits.kinds = .fromGateway
    var out = context.channel.allocator.buffer(capacity: 256 + own.hosted.bitmap.count)
    GreetingCodec.write(own, as: .welcome, into: &out)
    context.writeAndFlush(wrapOutboundOut(out), promise: nil)
    registry.welcomed(name, address: address)
    watchIdle(context)
  }

  // MARK: visits

  /// Gives the worker a visit when there is one and its reply could leave; reads on only while few wait.
  private func proceed() {
    guard let context, case .serving = state else { return }
    let full = waiting.count >= registry.worker.limits.queuedVisits || !context.channel.isWritable
    if full == isReading {
      isReading = !full
      try? context.channel.syncOptions?.setOption(.autoRead, value: isReading)
    }
    guard !isScheduled, !waiting.isEmpty, context.channel.isWritable else { return }
    isScheduled = true
    registry.worker.schedule(self, alone: registry.hasOne && !isExecuting, on: context.eventLoop)
  }

  /// Called by the worker when it is this connection's turn.
  func executeOne(_ worker: VisitWorker) {
    isScheduled = false
    guard let context, case .serving(let gateway) = state, let visit = waiting.popFirst() else { return }
    var out = context.channel.allocator.buffer(capacity: visit.body.readableBytes * 2 + 64)
    isExecuting = true
    defer { isExecuting = false }
    do throws(WireError) {
      try worker.execute(visit, peerFrameBytes: gateway.frameBytes, into: &out)
    } catch {
      return drop(error.description)
    }
    context.writeAndFlush(wrapOutboundOut(out), promise: nil)
    if isStopping && waiting.isEmpty { return sayGoodbye() }
    proceed()
  }

  // MARK: the end

  /// The server stops: serve what was accepted, then leave.
  func stop() {
    isStopping = true
    if waiting.isEmpty { sayGoodbye() }
  }

  /// The server's patience is over.
  func abort() { context?.close(promise: nil) }

  private func sayGoodbye() {
    guard let context else { return }
    if case .serving = state { send(.goodbye, "shutting down", context) }
    drop("this host is shutting down")
  }

  private func refuse(_ reason: String) {
    if let context { send(.refuse, reason, context) }
    drop(reason)
  }

  private func send(_ kind: FrameKind, _ text: String, _ context: ChannelHandlerContext) {
    var out = context.channel.allocator.buffer(capacity: 64)
    NoticeCodec.write(kind, text: text, into: &out)
    context.writeAndFlush(wrapOutboundOut(out), promise: nil)
  }

  private func drop(_ reason: String) {
    leave(reason)
    context?.close(promise: nil)
  }

  /// Tells once what became of the connection and forgets what waited.
  private func leave(_ reason: String) {
    handshakeTimer?.cancel()
    handshakeTimer = nil
    waiting.removeAll()
    switch state {
    case .closing: return
    case .securing: registry.refused(address, reason)
    case .greeting(let name): registry.refused("\(name) at \(address)", reason)
    case .serving(let gateway): registry.left(gateway.node, reason)
    }
    state = .closing
  }

  private func watchIdle(_ context: ChannelHandlerContext) {
    let limit = registry.worker.limits.idleTimeout
    context.eventLoop.assumeIsolated().scheduleTask(in: limit.timeAmount) {
      guard let context = self.context, case .serving = self.state else { return }
      if self.waiting.isEmpty && ContinuousClock.now - self.lastRead >= limit {
        self.drop("silent for \(limit)")
      } else {
        self.watchIdle(context)
      }
    }
  }
}

extension ByteBuffer {
  /// The readable bytes, with the error type kept.
  package func unsafely<Value>(_ body: (UnsafeRawBufferPointer) throws(WireError) -> Value) throws(WireError) -> Value {
    let result: Result<Value, WireError> = withUnsafeReadableBytes { bytes in
      do throws(WireError) { return .success(try body(bytes)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
