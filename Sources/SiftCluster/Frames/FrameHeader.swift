// The eight bytes in front of every frame, the kinds of frames, and the limits that hold before anything is allocated.

/// The protocol spoken between gateway and expert host; docs/protocol.md is its definition.
public enum WireProtocol {
  /// Grows with every change that an older peer would misread.
  public static let version: UInt8 = 1
  /// Bytes of a frame header.
  package static let headerBytes = 8
  /// First four bytes of a hello or welcome: "SIFT" in little-endian order.
  package static let magic: UInt32 = 0x5446_4953
}

/// What a frame is.
package enum FrameKind: UInt8, Sendable, CaseIterable {
  case hello = 1
  case welcome = 2
  case refuse = 3
  case visit = 4
  case reply = 5
  case ping = 6
  case pong = 7
  case goodbye = 8
}

/// A set of kinds.
package struct FrameKinds: Sendable, Hashable, ExpressibleByArrayLiteral {
  private var mask: UInt16 = 0
  package init(arrayLiteral kinds: FrameKind...) { mask = kinds.reduce(0) { $0 | 1 << UInt16($1.rawValue) } }
  package func contains(_ kind: FrameKind) -> Bool { mask >> UInt16(kind.rawValue) & 1 == 1 }
  /// Every kind.
  package static let all: FrameKinds = [.hello, .welcome, .refuse, .visit, .reply, .ping, .pong, .goodbye]
  /// What a gateway may send once it was welcomed.
  package static let fromGateway: FrameKinds = [.visit, .ping, .goodbye]
  /// What a host may send once it welcomed.
  package static let fromHost: FrameKinds = [.reply, .pong, .goodbye]
}

/// A frame that cannot be what it claims: the field, and what is wrong with it. The connection it came on is closed.
public struct WireError: Error, Hashable, CustomStringConvertible, Sendable {
  /// `frame.field`.
  public let field: String
  public let problem: String
  package init(_ field: String, _ problem: String) {
    self.field = field
    self.problem = problem
  }
  public var description: String { "\(field): \(problem)" }
}

/// The largest things that a peer may send. Checked against the length in the header, before a byte of the body is kept.
package struct FrameLimits: Sendable, Hashable {
  /// Body bytes of a visit or reply.
  package var frameBytes: Int
  /// Rows of a visit.
  package var rows: Int
  /// The kinds that may come now; anything else is refused by its header.
  package var kinds: FrameKinds

  package static let defaultFrameBytes = 64 << 20
  /// Body bytes of a greeting: 1,024 layers × 4,096 experts as bits, and the names.
  package static let greetingBytes = 1024 * 512 + 512
  package static let textBytes = 512
  package static let maximumWidth = 65_536
  package static let maximumLayers = 1024
  package static let maximumExperts = 4096
  package static let nameBytes = 63

  package init(frameBytes: Int = FrameLimits.defaultFrameBytes, rows: Int = 65_536, kinds: FrameKinds = .all) {
    self.frameBytes = frameBytes
    self.rows = rows
    self.kinds = kinds
  }

  /// The largest body that a frame of `kind` may have.
  package func bodyBytes(_ kind: FrameKind) -> Int {
    switch kind {
    case .hello, .welcome: Self.greetingBytes
    case .refuse, .goodbye: Self.textBytes
    case .visit, .reply: frameBytes
    case .ping, .pong: 8
    }
  }
}

/// Length of the body (u32), kind (u8), version (u8), two zero bytes; little-endian.
package struct FrameHeader: Sendable, Hashable {
  package var kind: FrameKind
  /// Bytes that follow the header.
  package var bodyBytes: Int

  package init(kind: FrameKind, bodyBytes: Int) {
    self.kind = kind
    self.bodyBytes = bodyBytes
  }

  /// Reads and checks the eight bytes at the start of `bytes`.
  /// - Precondition: `bytes.count >= WireProtocol.headerBytes`.
  package init(_ bytes: UnsafeRawBufferPointer, limits: FrameLimits) throws(WireError) {
    var reader = WireReader(bytes, frame: "frame")
    let length: UInt32 = try reader.integer("length")
    let rawKind: UInt8 = try reader.integer("kind")
    let version: UInt8 = try reader.integer("version")
    let reserved: UInt16 = try reader.integer("reserved")
    guard version == WireProtocol.version else {
      throw WireError("frame.version", "\(version) is not \(WireProtocol.version), the version spoken here")
    }
    guard let kind = FrameKind(rawValue: rawKind) else { throw WireError("frame.kind", "\(rawKind) is unknown") }
    guard limits.kinds.contains(kind) else { throw WireError("frame.kind", "a \(kind) is not expected now") }
    guard reserved == 0 else { throw WireError("frame.reserved", "\(reserved) is not 0") }
    guard Int(length) <= limits.bodyBytes(kind) else {
      throw WireError("frame.length", "a \(kind) of \(length) bytes exceeds the limit of \(limits.bodyBytes(kind))")
    }
    self.kind = kind
    self.bodyBytes = Int(length)
  }
}
