// The one place that touches a netlink socket, and the seam that stands before it.

import CNetlink
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The kernel, two functions wide. The daemon passes a `NetlinkSocket`; tests pass one that replays frames.
package protocol NetlinkTransport: Sendable {
  /// The message type of the family that this transport talks to; 0 for rtnetlink, whose requests bring their own.
  var family: UInt16 { get }
  /// Sends a request and hands over the messages that answer it, one by one, without acknowledgements. A payload is good
  /// until `take` returns; to keep it is possible and costs a copy.
  func exchange(
    _ request: NetlinkRequest, _ take: (NetlinkMessage) throws(NetlinkError) -> Void
  ) throws(NetlinkError)
}

extension NetlinkTransport {
  /// The same, gathered.
  package func exchange(_ request: NetlinkRequest) throws(NetlinkError) -> [NetlinkMessage] {
    var messages: [NetlinkMessage] = []
    try exchange(request) { (message) throws(NetlinkError) in messages.append(message) }
    return messages
  }
}

/// A netlink socket of libnl, in the bytes that go through it.
///
/// `@unchecked Sendable`: the pointer is set once, used only inside `lock`, and freed when nobody can hold the object
/// any more.
package final class NetlinkSocket: NetlinkTransport, @unchecked Sendable {
  package let family: UInt16
  private let socket: OpaquePointer
  /// Where datagrams are received; whoever holds it has the socket. A dump of the kernel comes in pieces of at most 32 KiB
  /// (NLMSG_GOODSIZE); twice that leaves nothing cut.
  private let buffer = Mutex([UInt8](repeating: 0, count: 1 << 16))

  /// Connects to a generic family by name. - Throws: `.unavailable` when the kernel does not have it.
  package static func generic(_ name: String) throws(NetlinkError) -> NetlinkSocket {
    let socket = try allocate()
    guard genl_connect(socket) == 0 else {
      let code = errno
      nl_socket_free(socket)
      throw .socket(errno: code)
    }
    let family = genl_ctrl_resolve(socket, name)
    guard family > 0, family <= Int32(UInt16.max) else {
      nl_socket_free(socket)
      throw .unavailable(family: name)
    }
    return NetlinkSocket(socket, family: UInt16(family))
  }

  /// Connects to the routing family.
  package static func route() throws(NetlinkError) -> NetlinkSocket {
    let socket = try allocate()
    guard nl_connect(socket, NETLINK_ROUTE) == 0 else {
      let code = errno
      nl_socket_free(socket)
      throw .socket(errno: code)
    }
    return NetlinkSocket(socket, family: 0)
  }

  private static func allocate() throws(NetlinkError) -> OpaquePointer {
    guard let socket = nl_socket_alloc() else { throw .socket(errno: ENOMEM) }
    return socket
  }

  private init(_ socket: OpaquePointer, family: UInt16) {
    self.socket = socket
    self.family = family
    // The kernel answers from memory; a second without an answer is a fault, not a delay.
    var patience = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(
      nl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { nl_socket_free(socket) }

  package func exchange(
    _ request: NetlinkRequest, _ take: (NetlinkMessage) throws(NetlinkError) -> Void
  ) throws(NetlinkError) {
    let outcome: Result<Void, NetlinkError> = buffer.withLock { buffer in
      do throws(NetlinkError) {
        try send(request.bytes)
        return .success(try receive(ReplyFraming(sequence: request.sequence), &buffer, take))
      } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }

  private func send(_ bytes: [UInt8]) throws(NetlinkError) {
    let sent = bytes.withUnsafeBytes { bytes in
      nl_sendto(socket, UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }
    guard sent == Int32(bytes.count) else { throw .socket(errno: errno) }
  }

  private func receive(
    _ start: ReplyFraming, _ buffer: inout [UInt8], _ take: (NetlinkMessage) throws(NetlinkError) -> Void
  ) throws(NetlinkError) {
    var framing = start
    while true {
      let count = buffer.withUnsafeMutableBytes { recv(nl_socket_get_fd(socket), $0.baseAddress, $0.count, 0) }
      if count < 0 {
        switch errno {
        case EINTR: continue
        case EAGAIN: throw .timeout
        case let code: throw .socket(errno: code)
        }
      }
      if try framing.take(buffer[..<count], take) { return }
    }
  }
}
