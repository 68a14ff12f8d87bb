// Which interface and which next hop serve an address: rtnetlink's answer to `ip route get` and its neighbour table.

import CNetlink
import Synchronization

/// Where packets for an address go.
public struct Route: Sendable, Hashable {
  /// This machine itself.
  public var isLocal: Bool
  public var interface: UInt32?
  /// The router in between; nil when the address is on the link.
  public var gateway: NetworkAddress?

  public init(isLocal: Bool, interface: UInt32?, gateway: NetworkAddress?) {
    self.isLocal = isLocal
    self.interface = interface
    self.gateway = gateway
  }

  /// Bytes of `struct rtmsg`.
  private static let fixedSize = 12

  /// - Parameter payload: of an RTM_NEWROUTE message. - Throws: `.malformed` when it is cut short.
  package init(payload: ArraySlice<UInt8>) throws(NetlinkError) {
    guard payload.count >= Self.fixedSize else {
      throw .malformed(what: "rtmsg", expected: Self.fixedSize, got: payload.count)
    }
    // struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags.
    let type = payload[payload.startIndex + 7]
    let attributes = try NetlinkAttributes(payload.dropFirst(Self.fixedSize))
    isLocal = Int(type) == Int(RTN_LOCAL)
    interface = try attributes.integer(RTA_OIF.attribute)
    gateway = attributes.bytes(RTA_GATEWAY.attribute).flatMap { NetworkAddress(bytes: $0) }
  }
}

/// One entry of the neighbour table: an address on a link and the station behind it.
public struct Neighbour: Sendable, Hashable {
  public var interface: UInt32
  public var address: NetworkAddress
  public var station: MACAddress

  /// Bytes of `struct ndmsg`.
  private static let fixedSize = 12

  /// - Returns: nil for an entry without both addresses (one that is still being resolved).
  package init?(payload: ArraySlice<UInt8>) throws(NetlinkError) {
    guard payload.count >= Self.fixedSize else {
      throw .malformed(what: "ndmsg", expected: Self.fixedSize, got: payload.count)
    }
    let attributes = try NetlinkAttributes(payload.dropFirst(Self.fixedSize))
    guard let address = attributes.bytes(UInt16(NDA_DST)).flatMap({ NetworkAddress(bytes: $0) }),
      let station = attributes.bytes(UInt16(NDA_LLADDR)).flatMap({ MACAddress($0) })
    else { return nil }
    interface = payload.hostInteger(at: 4, as: UInt32.self)
    self.address = address
    self.station = station
  }
}

/// Asks rtnetlink over a transport.
package final class RouteClient: Sendable {
  private let transport: any NetlinkTransport
  private let sequence = Atomic<UInt32>(1)

  package init(_ transport: any NetlinkTransport) { self.transport = transport }

  /// The route to `address`. - Throws: `.refused(ENETUNREACH)` when there is none.
  package func route(to address: NetworkAddress) throws(NetlinkError) -> Route? {
    let bits = UInt8(address.bytes.count * 8)
    var request = request(RTM_GETROUTE, dump: false, fixed: [address.family, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    request.append(attribute: RTA_DST.attribute, address.bytes)
    guard let message = try transport.exchange(request).first else { return nil }
    return try Route(payload: message.payload)
  }

  /// The neighbour table.
  package func neighbours() throws(NetlinkError) -> [Neighbour] {
    let request = request(RTM_GETNEIGH, dump: true, fixed: [UInt8](repeating: 0, count: 12))
    var found: [Neighbour] = []
    for message in try transport.exchange(request) {
      if let neighbour = try Neighbour(payload: message.payload) { found.append(neighbour) }
    }
    return found
  }

  private func request(_ type: Int, dump: Bool, fixed: [UInt8]) -> NetlinkRequest {
    let number = sequence.wrappingAdd(1, ordering: .relaxed).newValue
    let kind = dump ? NetlinkRequest.flagDump : NetlinkRequest.flagAcknowledge
    return NetlinkRequest(
      type: UInt16(type), flags: NetlinkRequest.flagRequest | kind, sequence: number, fixed: fixed)
  }
}
