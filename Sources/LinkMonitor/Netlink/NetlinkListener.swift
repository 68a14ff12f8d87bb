// Sockets that only listen: to nl80211's multicast groups and to rtnetlink's link group. Any user may join them.

import CNetlink
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Where events come from: the kernel, or what a test puts there.
package protocol LinkEventSource: Sendable {
  /// Appends what has come since the last call. Never waits.
  func drain(into events: inout [LinkEvent])
}

/// nl80211's and rtnetlink's multicast.
///
/// `@unchecked Sendable`: the pointers are set once and used only inside `buffer`'s lock.
package final class NetlinkListener: LinkEventSource, @unchecked Sendable {
  private let wireless: OpaquePointer?
  private let links: OpaquePointer?
  private let family: UInt16
  private let buffer = Mutex([UInt8](repeating: 0, count: 1 << 16))

  /// Joins what can be joined. - Returns: nil when nothing can.
  /// - Parameter nl80211: false leaves that family out.
  package init?(nl80211: Bool) {
    links = Self.routeSocket()
    (wireless, family) = nl80211 ? Self.wirelessSocket() : (nil, 0)
    if wireless == nil && links == nil { return nil }
  }

  deinit {
    if let wireless { nl_socket_free(wireless) }
    if let links { nl_socket_free(links) }
  }

  private static func wirelessSocket() -> (OpaquePointer?, UInt16) {
    guard let socket = nl_socket_alloc() else { return (nil, 0) }
    nl_socket_disable_seq_check(socket)
    guard genl_connect(socket) == 0 else {
      nl_socket_free(socket)
      return (nil, 0)
    }
    let family = genl_ctrl_resolve(socket, "nl80211")
    let joined = ["config", "mlme"].filter { name in
      let group = genl_ctrl_resolve_grp(socket, "nl80211", name)
      return group > 0 && nl_socket_add_membership(socket, group) == 0
    }
    guard family > 0, family <= Int32(UInt16.max), !joined.isEmpty else {
      nl_socket_free(socket)
      return (nil, 0)
    }
    return (socket, UInt16(family))
  }

  private static func routeSocket() -> OpaquePointer? {
    guard let socket = nl_socket_alloc() else { return nil }
    nl_socket_disable_seq_check(socket)
    guard nl_connect(socket, NETLINK_ROUTE) == 0,
      nl_socket_add_membership(socket, Int32(RTNLGRP_LINK.rawValue)) == 0
    else {
      nl_socket_free(socket)
      return nil
    }
    return socket
  }

  package func drain(into events: inout [LinkEvent]) {
    buffer.withLock { buffer in
      var (route, radio): ([LinkEvent], [LinkEvent]) = ([], [])
      if let links {
        Self.read(links, &buffer, &route) { (message) throws(NetlinkError) in try LinkEvent(route: message) }
      }
      if let wireless {
        Self.read(wireless, &buffer, &radio) { (message) throws(NetlinkError) in
          try message.type == family ? LinkEvent(nl80211: message.payload) : nil
        }
      }
      events.append(route: route, radio: radio)
    }
  }

  /// At most so many datagrams a call: whoever floods the socket does not stop the poller.
  private static let datagrams = 256

  private static func read(
    _ socket: OpaquePointer, _ buffer: inout [UInt8], _ events: inout [LinkEvent],
    _ parse: (NetlinkMessage) throws(NetlinkError) -> LinkEvent?
  ) {
    for _ in 0..<datagrams {
      let count = buffer.withUnsafeMutableBytes {
        recv(nl_socket_get_fd(socket), $0.baseAddress, $0.count, Int32(MSG_DONTWAIT))
      }
      guard count >= 0 else {
        if errno == EINTR { continue }
        // The kernel threw some away.
        if errno == ENOBUFS { events.append(.overrun) }
        return
      }
      events.append(events: buffer[..<count], parse)
    }
  }
}

extension [LinkEvent] {
  /// Appends what two sockets brought since the same moment, each in its own order; between them they have none. An interface is
  /// disconnected before it is renamed or goes, and connected after it came: what ends associations first, then the interfaces,
  /// then the rest.
  package mutating func append(route: [LinkEvent], radio: [LinkEvent]) {
    let ending = radio.prefix { event in
      switch event {
      case .disconnect, .stationGone, .signal, .beaconLoss: true
      default: false
      }
    }
    append(contentsOf: ending)
    append(contentsOf: route)
    append(contentsOf: radio.dropFirst(ending.count))
  }

  /// Appends the events of a datagram. One that cannot be read counts as lost.
  package mutating func append(
    events datagram: ArraySlice<UInt8>, _ parse: (NetlinkMessage) throws(NetlinkError) -> LinkEvent?
  ) {
    var rest = datagram
    do throws(NetlinkError) {
      while let message = try NetlinkMessage.next(&rest) {
        if let event = try parse(message) { append(event) }
      }
    } catch {
      append(.overrun)
    }
  }
}
