// The other end of sd_notify(3): a socket on which a daemon started here says that it is ready.

import Foundation

/// Receives the datagrams of one daemon: assignments a line, such as `READY=1` and `STATUS=…`.
public final class NotifySocket: Sendable {
  /// What goes into the daemon's NOTIFY_SOCKET.
  public let path: String
  /// Every datagram, in order; ends when the socket is closed.
  public let datagrams: AsyncStream<String>
  private let descriptor: Int32

  /// Binds the socket. - Parameter path: absolute, shorter than 108 bytes; a file that is there is removed.
  public init(path: String) throws(ToolFailure) {
    self.path = path
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw ToolFailure(.failure, "a notify socket: \(String(cString: strerror(errno)))") }
    unlink(path)
    guard var address = Self.address(path), Self.bind(descriptor, &address) else {
      let reason = path.utf8.count < 108 ? String(cString: strerror(errno)) : "the path has more than 107 bytes"
      Glibc.close(descriptor)
      throw ToolFailure(.cannotWrite, "\(path): \(reason)")
    }
    self.descriptor = descriptor
    let (datagrams, continuation) = AsyncStream.makeStream(of: String.self)
    self.datagrams = datagrams
    // A thread of its own: receiving blocks, and the pool of Swift concurrency must not.
    Thread.detachNewThread {
      while let datagram = Self.receive(descriptor) { continuation.yield(datagram) }
      continuation.finish()
      Glibc.close(descriptor)
    }
  }

  /// Ends `datagrams` and removes the file. Whoever sends afterwards gets an error.
  public func close() {
    unlink(path)
    // Wakes the thread, which closes the descriptor: closing it here would let another thread reuse its number.
    shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// - Returns: nil when the socket was shut down.
  private static func receive(_ descriptor: Int32) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 { return String(decoding: buffer[..<count], as: UTF8.self) }
      if count == 0 || errno != EINTR { return nil }
    }
  }

  private static func address(_ path: String) -> sockaddr_un? {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return address
  }

  private static func bind(_ descriptor: Int32, _ address: inout sockaddr_un) -> Bool {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }
}
