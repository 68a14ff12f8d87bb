// How the packets of exchanges are marked, so that a radio sends them before bulk.

import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The differentiated-services code point (RFC 2474) of exchanges.
///
/// A radio with WMM sends CS4, "real-time interactive" (RFC 4594), by the rules of video (RFC 8325; Linux takes the upper three
/// bits): it waits for at most 15 slots before it tries again, where best effort waits for up to 1023, which is 4.6 ms on
/// average, try after try. A visit is a few kilobytes for which a layer of a token waits.
public struct TrafficClass: Sendable, Hashable {
  public static let bestEffort = TrafficClass(codePoint: 0)
  public static let realTime = TrafficClass(codePoint: 32)
  /// 0…63.
  public let codePoint: Int32

  public init(codePoint: Int32) { self.codePoint = min(63, max(0, codePoint)) }

  /// The options of a socket that mark its packets: one fails, by the family of its addresses, which does no harm.
  var options: [(level: Int32, name: Int32, value: Int32)] {
    codePoint == 0
      ? [] : [(Int32(IPPROTO_IP), IP_TOS, codePoint << 2), (Int32(IPPROTO_IPV6), IPV6_TCLASS, codePoint << 2)]
  }

  func mark(_ channel: any Channel) {
    guard let provider = channel as? any SocketOptionProvider else { return }
    for option in options {
      _ = provider.unsafeSetSocketOption(
        level: .init(rawValue: option.level), name: .init(rawValue: option.name), value: option.value)
    }
  }
}
