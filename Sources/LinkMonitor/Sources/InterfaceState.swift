// What sysfs says of a network interface: whether it is up, whether it is a radio, and its counters.

import HostIO

/// One interface under `class/net`.
public struct InterfaceState: Sendable, Hashable {
  public var name: String
  public var index: UInt32
  /// `up`, `down`, `dormant`, `unknown`…; nil when unreadable.
  public var operstate: String?
  /// The wire or the association is there; nil while the interface is down (the kernel answers EINVAL).
  public var carrier: Bool?
  /// It belongs to cfg80211 or to the wireless extensions.
  public var isWireless: Bool
  public var receivedPackets: UInt64?
  public var receivedBytes: UInt64?
  public var sentPackets: UInt64?
  public var sentBytes: UInt64?

  /// - Returns: nil when there is no such interface.
  public init?(_ name: String, root: SysfsRoot) {
    let base = "class/net/\(name)"
    guard let index = try? root.integer("\(base)/ifindex"), let index = UInt32(exactly: index) else { return nil }
    self.name = name
    self.index = index
    operstate = root.optional("\(base)/operstate")
    carrier = (try? root.integer("\(base)/carrier")).map { $0 != 0 }
    isWireless = root.resolve("\(base)/phy80211") != nil || root.resolve("\(base)/wireless") != nil
    func counter(_ name: String) -> UInt64? {
      (try? root.integer("\(base)/statistics/\(name)")).flatMap { UInt64(exactly: $0) }
    }
    receivedPackets = counter("rx_packets")
    receivedBytes = counter("rx_bytes")
    sentPackets = counter("tx_packets")
    sentBytes = counter("tx_bytes")
  }

  /// All interfaces of the tree, by name.
  public static func all(_ root: SysfsRoot) -> [InterfaceState] {
    root.list("class/net").compactMap { InterfaceState($0, root: root) }
  }
}
