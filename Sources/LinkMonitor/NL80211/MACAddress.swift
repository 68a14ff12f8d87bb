// Addresses: of stations (EUI-48) and of nodes (IPv4, IPv6).

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A station's address.
public struct MACAddress: Sendable, Hashable, CustomStringConvertible {
  /// The six bytes as one number, the first uppermost.
  private let number: UInt64

  /// - Returns: nil unless there are six bytes.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == 6 else { return nil }
    number = bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Reads `02:00:00:00:01:00`. - Returns: nil for anything else.
  public init?(_ text: String) {
    let bytes = text.split(separator: ":", omittingEmptySubsequences: false).map { part in
      part.count == 2 ? UInt8(part, radix: 16) : nil
    }
    guard !bytes.contains(nil) else { return nil }
    self.init(bytes.compactMap { $0 })
  }

  /// 6 bytes.
  public var bytes: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: number >> UInt64(40 - 8 * $0)) } }

  /// `02:00:00:00:01:00`.
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}

/// A node's address on the network, without port or zone.
public struct NetworkAddress: Sendable, Hashable, CustomStringConvertible {
  /// 4 bytes (IPv4) or 16 (IPv6), most significant first.
  public let bytes: [UInt8]

  /// - Returns: nil unless there are 4 or 16 bytes.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.bytes = Array(bytes)
  }

  /// Reads `192.0.2.1` or `2001:db8::1`. - Returns: nil for a name or anything else.
  public init?(_ text: String) {
    var four = in_addr()
    var sixteen = in6_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      bytes = withUnsafeBytes(of: &four) { Array($0) }
    } else if inet_pton(AF_INET6, text, &sixteen) == 1 {
      bytes = withUnsafeBytes(of: &sixteen) { Array($0) }
    } else {
      return nil
    }
  }

  /// AF_INET or AF_INET6.
  package var family: UInt8 { UInt8(bytes.count == 4 ? AF_INET : AF_INET6) }

  public var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(Int32(family), bytes, &text, socklen_t(text.count)) != nil else { return "?" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
