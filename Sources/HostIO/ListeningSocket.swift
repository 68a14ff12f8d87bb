// Sockets that listen: bound here with an error that names the address, or inherited from the service manager.

import CSystemd

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Where to listen.
public enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
  /// A path of the file system.
  case unix(String)
  /// An IPv4 or IPv6 address in numbers.
  case internet(host: String, port: UInt16)

  public var description: String {
    switch self {
    case .unix(let path): path
    case .internet(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }

  /// Reads `127.0.0.1:8080` or `[::1]:8080`. Port 0 lets the system choose. - Returns: nil for anything else.
  public init?(internet text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    var host = String(text[..<colon])
    if host.hasPrefix("[") && host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
      guard host.contains(":") else { return nil }
    } else if host.contains(":") {
      return nil
    }
    guard SocketAddress.internet(host: host, port: port) != nil else { return nil }
    self = .internet(host: host, port: port)
  }

  /// Whether only this machine can reach it.
  public var isLoopback: Bool {
    switch self {
    case .unix: true
    case .internet(let host, _): host.hasPrefix("127.") || host == "::1"
    }
  }
}

/// A listening socket of this process. Whoever `take`s the descriptor closes it.
public struct ListeningSocket: Sendable {
  public let descriptor: Int32
  /// What it listens on; the port is the one the system chose.
  public let address: ListenAddress
  /// Whether the service manager made it: then its path is not ours to remove.
  public let isInherited: Bool

  /// Binds and listens. A Unix socket gets `mode` before anyone can connect; a stale file of a dead process goes.
  public static func open(_ address: ListenAddress, mode: mode_t = 0o660, backlog: Int32 = 256) throws(SocketError)
    -> ListeningSocket
  {
    switch address {
    case .unix(let path): try openUnix(path, mode: mode, backlog: backlog)
    case .internet(let host, let port): try openInternet(host: host, port: port, backlog: backlog)
    }
  }

  /// The sockets that the service manager passed (sd_listen_fds(3)); the variables are unset. Call once, in `main`.
  public static func inherited() -> [ListeningSocket] {
    let count = sd_listen_fds(1)
    guard count > 0 else { return [] }
    return (0..<count).compactMap { index in
      let descriptor = SD_LISTEN_FDS_START + index
      guard sd_is_socket(descriptor, AF_UNSPEC, Int32(SOCK_STREAM.rawValue), 1) > 0,
        let address = SocketAddress.local(of: descriptor)?.listenAddress
      else { return nil }
      return ListeningSocket(descriptor: descriptor, address: address, isInherited: true)
    }
  }

  private static func openUnix(_ path: String, mode: mode_t, backlog: Int32) throws(SocketError) -> ListeningSocket {
    guard var address = SocketAddress.unix(path), path.hasPrefix("/") else {
      throw SocketError(
        address: path, operation: "bind", reason: "a socket path is absolute and shorter than 108 bytes")
    }
    if isAlive(&address) {
      throw SocketError(address: path, operation: "bind", reason: "another process listens there")
    }
    var facts = stat()
    if lstat(path, &facts) == 0 {
      guard facts.st_mode & S_IFMT == S_IFSOCK else {
        throw SocketError(address: path, operation: "bind", reason: "a file that is not a socket stands there")
      }
      unlink(path)
    }
    let descriptor = try make(AF_UNIX, path)
    // The mode is set between bind and listen: before listen nobody can connect.
    try bind(descriptor, &address, path)
    guard chmod(path, mode) == 0 else { throw failure(path, "chmod", descriptor) }
    guard listen(descriptor, backlog) == 0 else { throw failure(path, "listen", descriptor) }
    return ListeningSocket(descriptor: descriptor, address: .unix(path), isInherited: false)
  }

  private static func openInternet(host: String, port: UInt16, backlog: Int32) throws(SocketError) -> ListeningSocket {
    let descriptor = try bound(host: host, port: port)
    guard listen(descriptor, backlog) == 0 else {
      throw failure(ListenAddress.internet(host: host, port: port).description, "listen", descriptor)
    }
    let bound = SocketAddress.local(of: descriptor)?.listenAddress ?? .internet(host: host, port: port)
    return ListeningSocket(descriptor: descriptor, address: bound, isInherited: false)
  }

  /// A TCP socket that has an address of this machine and does not listen yet.
  static func bound(host: String, port: UInt16) throws(SocketError) -> Int32 {
    let name = ListenAddress.internet(host: host, port: port).description
    guard var address = SocketAddress.internet(host: host, port: port) else {
      throw SocketError(address: name, operation: "bind", reason: "not an address in numbers")
    }
    let descriptor = try make(address.family, name)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    try bind(descriptor, &address, name)
    return descriptor
  }

  private static func make(_ family: Int32, _ name: String) throws(SocketError) -> Int32 {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SocketError(address: name, operation: "socket", reason: reason(errno)) }
    return descriptor
  }

  private static func bind(_ descriptor: Int32, _ address: inout SocketAddress, _ name: String) throws(SocketError) {
    let answer = address.withPointer { Glibc.bind(descriptor, $0, $1) }
    guard answer == 0 else { throw failure(name, "bind", descriptor) }
  }

  private static func isAlive(_ address: inout SocketAddress) -> Bool {
    let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard probe >= 0 else { return false }
    defer { close(probe) }
    return address.withPointer { connect(probe, $0, $1) } == 0
  }

  private static func failure(_ name: String, _ operation: String, _ descriptor: Int32) -> SocketError {
    let code = errno
    close(descriptor)
    return SocketError(address: name, operation: operation, reason: reason(code))
  }

  private static func reason(_ code: Int32) -> String {
    switch code {
    case EADDRINUSE: "the port is in use by another process"
    case EADDRNOTAVAIL: "this machine has no such address"
    case EACCES: "permission denied"
    default: String(cString: strerror(code))
    }
  }
}

/// Why a socket could not be had.
public struct SocketError: Error, Hashable, CustomStringConvertible {
  public let address: String
  public let operation: String
  public let reason: String
  public init(address: String, operation: String, reason: String) {
    self.address = address
    self.operation = operation
    self.reason = reason
  }
  public var description: String { "cannot listen on \(address): \(reason) (\(operation))" }
}
