// Hello and welcome: who speaks, which model it has, which experts of it, and how it will encode what it sends.

import NIOCore
import SiftCore

/// How hidden states and sums travel.
public enum PayloadEncoding: UInt8, Sendable, Hashable, CaseIterable {
  /// Hidden states as f32, sums as f64: nothing is lost, distributed Top-K has the bits of one node.
  case f32 = 1
  /// Both as bf16, rounded to nearest even: half of the bytes up, a quarter down.
  case bf16 = 2

  /// Bytes of one element of a hidden state.
  public var hiddenBytes: Int { self == .f32 ? 4 : 2 }
  /// Bytes of one element of a partial sum.
  public var sumBytes: Int { self == .f32 ? 8 : 2 }
  /// Its bit in the mask of a greeting.
  package var bit: UInt8 { 1 << (rawValue - 1) }
}

/// Which experts a node can execute: one bit an expert, row by row of layers.
public struct HostedExperts: Sendable, Hashable {
  public let layers: Int
  /// Bits a layer.
  public let experts: Int
  /// `[layer, byte]`, the lowest bit first.
  package let bitmap: [UInt8]

  public static let none = HostedExperts(layers: 0, experts: 0, bitmap: [])

  package init(layers: Int, experts: Int, bitmap: [UInt8]) {
    self.layers = layers
    self.experts = experts
    self.bitmap = bitmap
  }

  /// - Parameter lists: `[layer]` expert ids, each 0 ..< 4,096; others are left out.
  public init(lists: [[Int]]) {
    let experts = min((lists.joined().max() ?? -1) + 1, FrameLimits.maximumExperts)
    let stride = (experts + 7) / 8
    var bitmap = [UInt8](repeating: 0, count: lists.count * stride)
    for (layer, list) in lists.enumerated() {
      for expert in list where (0..<experts).contains(expert) {
        bitmap[layer * stride + expert / 8] |= 1 << (expert % 8)
      }
    }
    self.init(layers: lists.count, experts: experts, bitmap: bitmap)
  }

  public func contains(layer: Int, expert: Int) -> Bool {
    guard (0..<layers).contains(layer), (0..<experts).contains(expert) else { return false }
    return bitmap[layer * ((experts + 7) / 8) + expert / 8] >> (expert % 8) & 1 == 1
  }

  /// The experts of `layer` in rising order.
  public func list(layer: Int) -> [Int] { (0..<experts).filter { contains(layer: layer, expert: $0) } }
}

/// What each side says of itself before anything else.
public struct Greeting: Sendable, Hashable {
  /// The node's name: 1 … 63 bytes, the same as in its certificate.
  public var node: String
  public var modelHash: ContentHash
  /// Name of the arithmetic: nodes that differ in it agree only to rounding.
  public var arithmetic: String
  /// Width of the hidden state (d), 1 … 65,536.
  public var width: Int
  /// 1 … 1,024.
  public var layers: Int
  /// The largest body of a visit or reply that this side accepts, in bytes.
  public var frameBytes: Int
  public var encodings: Set<PayloadEncoding>
  public var hosted: HostedExperts

  public init(
    node: String, modelHash: ContentHash, arithmetic: String, width: Int, layers: Int,
    frameBytes: Int = 64 << 20, encodings: Set<PayloadEncoding> = Set(PayloadEncoding.allCases),
    hosted: HostedExperts = .none
  ) {
    self.node = node
    self.modelHash = modelHash
    self.arithmetic = arithmetic
    self.width = width
    self.layers = layers
    self.frameBytes = frameBytes
    self.encodings = encodings
    self.hosted = hosted
  }

  /// Why this node will not work with `other`, in words; nil when it will.
  package func objection(to other: Greeting, encoding: PayloadEncoding?) -> String? {
    if other.modelHash != modelHash {
      return "another model: \(other.node) has \(other.modelHash.short), \(node) has \(modelHash.short)"
    }
    if other.width != width { return "another width: \(other.node) has \(other.width), \(node) has \(width)" }
    if other.layers != layers { return "other layers: \(other.node) has \(other.layers), \(node) has \(layers)" }
    if let encoding, !other.encodings.contains(encoding) { return "\(other.node) does not speak \(encoding)" }
    return nil
  }
}

/// Writes and reads greetings.
package enum GreetingCodec {
  package static func write(_ greeting: Greeting, as kind: FrameKind, into buffer: inout ByteBuffer) {
    buffer.writeFrame(kind) { body in
      body.writeInteger(WireProtocol.magic, endianness: .little)
      body.writeInteger(UInt16(WireProtocol.version), endianness: .little)
      body.writeInteger(greeting.encodings.reduce(0) { $0 | $1.bit })
      body.writeInteger(UInt8(0))
      for number in [
        greeting.frameBytes, greeting.width, greeting.layers, greeting.hosted.layers, greeting.hosted.experts,
      ] {
        body.writeInteger(UInt32(clamping: number), endianness: .little)
      }
      body.writeBytes(greeting.modelHash.bytes)
      body.writeName(greeting.node)
      body.writeName(greeting.arithmetic)
      body.writeBytes(greeting.hosted.bitmap)
    }
  }

  package static func read(_ bytes: UnsafeRawBufferPointer, frame: StaticString) throws(WireError) -> Greeting {
    var reader = WireReader(bytes, frame: frame)
    let magic: UInt32 = try reader.integer("magic")
    guard magic == WireProtocol.magic else { throw reader.error("magic", "is not \"SIFT\"") }
    let version: UInt16 = try reader.integer("version")
    guard version == UInt16(WireProtocol.version) else {
      throw reader.error("version", "\(version) is not spoken here")
    }
    let mask: UInt8 = try reader.integer("encodings")
    let _: UInt8 = try reader.integer("reserved")
    let frameBytes = try number(&reader, "frame_bytes", 1024...Int(UInt32.max))
    let width = try number(&reader, "width", 1...FrameLimits.maximumWidth)
    let layers = try number(&reader, "layers", 1...FrameLimits.maximumLayers)
    let hostedLayers = try number(&reader, "hosted_layers", 0...layers)
    let experts = try number(&reader, "experts", 0...FrameLimits.maximumExperts)
    let hash = try reader.take(32, "model_hash")
    guard let modelHash = ContentHash(bytes: hash) else { throw reader.error("model_hash", "is not 32 bytes") }
    let node = try reader.name("node", limit: FrameLimits.nameBytes)
    guard !node.isEmpty else { throw reader.error("node", "is empty") }
    let arithmetic = try reader.name("arithmetic", limit: FrameLimits.nameBytes)
    let bitmap = Array(try reader.take(hostedLayers * ((experts + 7) / 8), "hosted"))
    try reader.finish()
    return Greeting(
      node: node, modelHash: modelHash, arithmetic: arithmetic, width: width, layers: layers, frameBytes: frameBytes,
      encodings: Set(PayloadEncoding.allCases.filter { mask & $0.bit != 0 }),
      hosted: HostedExperts(layers: hostedLayers, experts: experts, bitmap: bitmap))
  }

  private static func number(_ reader: inout WireReader, _ field: StaticString, _ range: ClosedRange<Int>)
    throws(WireError) -> Int
  {
    let raw: UInt32 = try reader.integer(field)
    guard range.contains(Int(raw)) else {
      throw reader.error(field, "\(raw) is not in \(range.lowerBound)…\(range.upperBound)")
    }
    return Int(raw)
  }
}

extension ByteBuffer {
  /// Writes a header, then what `body` writes, then the length of it into the header.
  package mutating func writeFrame(_ kind: FrameKind, _ body: (inout ByteBuffer) -> Void) {
    let start = writerIndex
    writeInteger(UInt32(0))
    writeInteger(kind.rawValue)
    writeInteger(WireProtocol.version)
    writeInteger(UInt16(0))
    body(&self)
    setInteger(UInt32(clamping: writerIndex - start - WireProtocol.headerBytes), at: start, endianness: .little)
  }

  /// A length byte and at most 63 bytes of UTF-8, cut at a character.
  fileprivate mutating func writeName(_ name: String) {
    let cut = Self.cut(name, FrameLimits.nameBytes)
    writeInteger(UInt8(cut.utf8.count))
    writeString(cut)
  }

  /// The longest prefix of whole characters of `text` that fits in `limit` bytes.
  package static func cut(_ text: String, _ limit: Int) -> String {
    var cut = text
    while cut.utf8.count > limit { cut.removeLast() }
    return cut
  }
}
