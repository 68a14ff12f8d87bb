// Serves HTTP/1.1 on a socket that already listens, whether bound here or inherited from the service manager.

import Glibc
import HostIO
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOExtras
import NIOPosix
import ServiceLifecycle
import Synchronization

/// One listening socket as a service. Ends gracefully: running requests are answered, idle connections closed.
package final class HTTPListener: Service, Sendable {
  private let socket: ListeningSocket
  private let responder: RouterResponder<APIContext>
  private let bodyLimit: Int
  private let connectionLimit: Int
  private let logger: Logger
  private let group: any EventLoopGroup
  private let connections = Atomic<Int>(0)
  private let whenServing: @Sendable () -> Void

  /// - Parameter whenServing: called once connections are accepted.
  package init(
    socket: ListeningSocket, responder: RouterResponder<APIContext>, bodyLimit: Int, connectionLimit: Int,
    logger: Logger, group: any EventLoopGroup, whenServing: @escaping @Sendable () -> Void
  ) {
    self.socket = socket
    self.responder = responder
    self.bodyLimit = bodyLimit
    self.connectionLimit = connectionLimit
    self.logger = logger
    self.group = group
    self.whenServing = whenServing
  }

  package func run() async throws {
    let http = HTTP1Channel(
      responder: { [self] in try await respond($0, $1, $2) },
      configuration: .init(additionalChannelHandlers: [ConnectionWatch()], idleTimeout: .seconds(120)))
    let quiescing = ServerQuiescingHelper(group: group)
    let server = try await ServerBootstrap(group: group)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(quiescing.makeServerChannelHandler(channel: channel))
        }
      }
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .bind(socket.descriptor) { [logger] channel in http.setup(channel: channel, logger: logger) }
    whenServing()
    await withGracefulShutdownHandler {
      await serve(server, http)
    } onGracefulShutdown: { [group] in
      quiescing.initiateShutdown(promise: group.any().makePromise(of: Void.self))
    }
    if case .unix(let path) = socket.address, !socket.isInherited { unlink(path) }
  }

  private func serve(_ server: NIOAsyncChannel<HTTP1Channel.Value, Never>, _ http: HTTP1Channel) async {
    await withDiscardingTaskGroup { tasks in
      do {
        try await server.executeThenClose { [self] inbound in
          for try await child in inbound {
            guard connections.add(1, ordering: .relaxed).newValue <= connectionLimit else {
              connections.subtract(1, ordering: .relaxed)
              child.channel.close(promise: nil)
              continue
            }
            tasks.addTask { [self] in
              await http.handle(value: child, logger: logger)
              connections.subtract(1, ordering: .relaxed)
            }
          }
        }
      } catch {
        logger.error("the listener on \(socket.address) failed: \(error)")
      }
    }
  }

  private func respond(_ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
    if request.headers[.expect]?.lowercased() == "100-continue", announced(request) <= bodyLimit {
      try await writer.writeInformationalHead(HTTPResponse(status: .continue))
    }
    let context = APIContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
    let response = try await responder.respond(to: request, context: context)
    // The rest of a body that was refused is read and dropped, so that the client sees the answer before the end of
    // the connection, but not for ever.
    if response.status == .contentTooLarge {
      channel.eventLoop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
    }
    try await writer.write(response: response.head, body: response.body)
  }

  private func announced(_ request: Request) -> Int { request.headers[.contentLength].flatMap { Int($0) } ?? 0 }
}
