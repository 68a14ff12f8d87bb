// The attributes of a netlink message: type, length, value. Whatever is not known is skipped: newer kernels add some with
// every release. Whatever is cut short is refused.

/// The attributes of a message or of a nest, in their order. They stay where they are in the message: looking one up walks
/// over the few that come before it, and nothing is allocated.
package struct NetlinkAttributes: Sendable {
  /// Well-formed, as `init` has seen.
  private let bytes: ArraySlice<UInt8>

  /// - Throws: `.malformed` when a length leads outside.
  package init(_ bytes: ArraySlice<UInt8>) throws(NetlinkError) {
    self.bytes = bytes
    var walk = Walk(rest: bytes)
    while try walk.next() != nil {}
  }

  /// Goes over attributes one by one.
  private struct Walk {
    var rest: ArraySlice<UInt8>

    mutating func next() throws(NetlinkError) -> (type: UInt16, value: ArraySlice<UInt8>)? {
      guard !rest.isEmpty else { return nil }
      guard rest.count >= 4 else { throw .malformed(what: "nlattr header", expected: 4, got: rest.count) }
      let length = Int(rest.hostInteger(at: 0, as: UInt16.self))
      // The two upper bits mark nests and byte order (NLA_TYPE_MASK).
      let type = rest.hostInteger(at: 2, as: UInt16.self) & 0x3FFF
      guard length >= 4, length <= rest.count else {
        throw .malformed(what: "attribute \(type)", expected: max(4, length), got: rest.count)
      }
      let value = rest.prefix(length).dropFirst(4)
      rest = rest.dropFirst(Swift.min(rest.count, (length + 3) & ~3))
      return (type, value)
    }
  }

  package func forEach(_ body: (_ type: UInt16, _ value: ArraySlice<UInt8>) -> Void) {
    var walk = Walk(rest: bytes)
    while let item = try? walk.next() { body(item.type, item.value) }
  }

  /// The value of the last attribute of this type; nil when there is none.
  package func bytes(_ type: UInt16) -> ArraySlice<UInt8>? {
    var found: ArraySlice<UInt8>?
    forEach { if $0 == type { found = $1 } }
    return found
  }

  package func has(_ type: UInt16) -> Bool { bytes(type) != nil }

  /// - Throws: `.malformed` when the value is shorter than the integer.
  package func integer<Value: FixedWidthInteger>(
    _ type: UInt16, as: Value.Type = Value.self
  ) throws(NetlinkError) -> Value? {
    guard let bytes = bytes(type) else { return nil }
    guard bytes.count >= MemoryLayout<Value>.size else {
      throw .malformed(what: "attribute \(type)", expected: MemoryLayout<Value>.size, got: bytes.count)
    }
    return bytes.hostInteger(at: 0, as: Value.self)
  }

  package func nest(_ type: UInt16) throws(NetlinkError) -> NetlinkAttributes? {
    guard let bytes = bytes(type) else { return nil }
    return try NetlinkAttributes(bytes)
  }

  /// Text up to the first NUL.
  package func string(_ type: UInt16) -> String? {
    bytes(type).map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
