// Names of things that meet across modules.

/// A node of the cluster as the gateway counts them: 0 is the gateway itself, 1… are its peers in the order of the
/// configuration. Stable for the life of a `Conditions` epoch, never written to disk or wire.
public struct NodeIndex: Hashable, Sendable, Comparable, RawRepresentable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }
  public init(_ rawValue: Int) { self.rawValue = rawValue }
  public static let local = NodeIndex(0)
  public var isLocal: Bool { rawValue == 0 }
  public static func < (a: NodeIndex, b: NodeIndex) -> Bool { a.rawValue < b.rawValue }
}

/// The identity of one sequence (one choice of one request) while it is being decoded. Never reused in a process.
public struct SequenceID: Hashable, Sendable {
  public let rawValue: UInt64
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// SHA-256 that binds a model, a calibration, a placement and a peer together.
public struct ContentHash: Hashable, Sendable, CustomStringConvertible {
  /// 32 bytes.
  public let bytes: [UInt8]
  /// - Returns: nil unless `bytes` has 32 elements.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 32 else { return nil }
    self.bytes = Array(bytes)
  }
  /// Reads 64 hexadecimal digits. - Returns: nil for anything else.
  public init?(hex: some StringProtocol) {
    let digits = Array(hex.utf8)
    guard digits.count == 64 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    for at in stride(from: 0, to: 64, by: 2) {
      guard let high = Self.nibble(digits[at]), let low = Self.nibble(digits[at + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    self.bytes = bytes
  }
  /// 64 lower-case hexadecimal digits.
  public var description: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
  /// The first 12 digits, for people.
  public var short: String { String(description.prefix(12)) }

  private static func nibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x61...0x66: digit - 0x61 + 10
    case 0x41...0x46: digit - 0x41 + 10
    default: nil
    }
  }
}
