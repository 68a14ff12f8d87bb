// Notices that a client went away while its answer is being made.

import Hummingbird
import NIOCore
import NIOHTTPTypes

/// Sits in every connection's pipeline and calls back when the client closes its side.
///
/// A client that closes only its sending half is taken as gone: nothing else tells the two apart before a write fails.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart

  private var callbacks: [UInt64: @Sendable () -> Void] = [:]
  private var next: UInt64 = 0
  private var isGone = false

  func channelInactive(context: ChannelHandlerContext) {
    fire()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? ChannelEvent, event == .inputClosed { fire() }
    context.fireUserInboundEventTriggered(event)
  }

  private func fire() {
    isGone = true
    let waiting = callbacks.values
    callbacks = [:]
    for callback in waiting { callback() }
  }

  private func add(_ callback: @escaping @Sendable () -> Void) -> UInt64 {
    guard !isGone else {
      callback()
      return 0
    }
    next += 1
    callbacks[next] = callback
    return next
  }

  /// Calls `gone` if the client of `channel` goes away before the ticket is ended.
  /// - Returns: nil without the handler in the pipeline: the channel is closed, or was made up by a test.
  static func begin(_ channel: any Channel, gone: @escaping @Sendable () -> Void) async -> Ticket? {
    let number = try? await channel.eventLoop.submit {
      try channel.pipeline.syncOperations.handler(type: ConnectionWatch.self).add(gone)
    }.get()
    guard let number else {
      // A closed channel has no handlers any more: its client is gone already.
      channel.closeFuture.whenComplete { _ in gone() }
      return nil
    }
    return Ticket(channel: channel, number: number)
  }

  /// A watch under way.
  struct Ticket: Sendable {
    fileprivate let channel: any Channel
    fileprivate let number: UInt64

    /// Ends the watch; the client may go.
    func end() {
      channel.eventLoop.execute { [channel, number] in
        let watch = try? channel.pipeline.syncOperations.handler(type: ConnectionWatch.self)
        watch?.callbacks[number] = nil
      }
    }
  }
}
