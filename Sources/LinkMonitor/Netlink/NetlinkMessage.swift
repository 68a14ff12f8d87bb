// Netlink messages as bytes: framing in, framing out, nothing of any family. All integers are in the host's byte order
// (include/uapi/linux/netlink.h).

/// One message: `struct nlmsghdr` taken apart, and what follows it.
package struct NetlinkMessage: Sendable, Hashable {
  /// Bytes of `struct nlmsghdr`.
  package static let headerSize = 16

  package var type: UInt16
  package var flags: UInt16
  package var sequence: UInt32
  /// What follows the header, without padding.
  package var payload: ArraySlice<UInt8>

  // include/uapi/linux/netlink.h
  package static let error: UInt16 = 2
  package static let done: UInt16 = 3
  package static let flagMulti: UInt16 = 0x2
  package static let flagDumpInterrupted: UInt16 = 0x10

  /// Takes the first message off a datagram. - Returns: nil when nothing is left. - Throws: `.malformed` when a header or a
  /// message is cut short.
  package static func next(_ rest: inout ArraySlice<UInt8>) throws(NetlinkError) -> NetlinkMessage? {
    guard !rest.isEmpty else { return nil }
    guard rest.count >= headerSize else {
      throw .malformed(what: "nlmsghdr", expected: headerSize, got: rest.count)
    }
    let length = Int(rest.hostInteger(at: 0, as: UInt32.self))
    guard length >= headerSize, length <= rest.count else {
      throw .malformed(what: "message", expected: max(length, headerSize), got: rest.count)
    }
    let whole = rest.prefix(length)
    rest = rest.dropFirst(min(rest.count, (length + 3) & ~3))
    return NetlinkMessage(
      type: whole.hostInteger(at: 4, as: UInt16.self), flags: whole.hostInteger(at: 6, as: UInt16.self),
      sequence: whole.hostInteger(at: 8, as: UInt32.self), payload: whole.dropFirst(headerSize))
  }

  /// All messages of a datagram. - Throws: `.malformed`, as `next`.
  package static func split(_ datagram: ArraySlice<UInt8>) throws(NetlinkError) -> [NetlinkMessage] {
    var rest = datagram
    var messages: [NetlinkMessage] = []
    while let message = try next(&rest) { messages.append(message) }
    return messages
  }
}

/// A request: header first, then a family's fixed part, then attributes. May be sent again under a new number.
package struct NetlinkRequest: Sendable {
  package static let flagRequest: UInt16 = 0x1
  package static let flagAcknowledge: UInt16 = 0x4
  package static let flagDump: UInt16 = 0x300

  /// The whole message, ready to be sent.
  package private(set) var bytes: [UInt8]

  package init(type: UInt16, flags: UInt16, sequence: UInt32, fixed: [UInt8]) {
    bytes = []
    bytes.appendHost(UInt32(0))
    bytes.appendHost(type)
    bytes.appendHost(flags)
    bytes.appendHost(sequence)
    bytes.appendHost(UInt32(0))
    bytes += fixed
    noteLength()
  }

  /// A request of a generic family: `struct genlmsghdr` is command, version and two reserved bytes.
  package init(family: UInt16, command: UInt8, dump: Bool, sequence: UInt32) {
    self.init(
      type: family, flags: Self.flagRequest | (dump ? Self.flagDump : Self.flagAcknowledge), sequence: sequence,
      fixed: [command, 0, 0, 0])
  }

  /// The number by which the answer is known.
  package var sequence: UInt32 {
    get { bytes[...].hostInteger(at: 8, as: UInt32.self) }
    set { put(newValue, at: 8) }
  }

  package mutating func append(attribute: UInt16, _ value: some Collection<UInt8>) {
    bytes.appendHost(UInt16(4 + value.count))
    bytes.appendHost(attribute)
    bytes += value
    while bytes.count % 4 != 0 { bytes.append(0) }
    noteLength()
  }

  package mutating func append(attribute: UInt16, integer value: UInt32) {
    withUnsafeBytes(of: value) { append(attribute: attribute, $0) }
  }

  private mutating func noteLength() { put(UInt32(bytes.count), at: 0) }

  private mutating func put(_ value: UInt32, at offset: Int) {
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: value, toByteOffset: offset, as: UInt32.self) }
  }
}

/// Follows the messages that answer one request, until the last has come.
package struct ReplyFraming: Sendable {
  private let sequence: UInt32
  private var interrupted = false

  package init(sequence: UInt32) { self.sequence = sequence }

  /// Takes a datagram and hands over the messages in it that answer the request, acknowledgements excepted.
  /// - Returns: true when the answer is whole. - Throws: `.refused` with the kernel's errno, `.interrupted` at the end of a
  ///   dump that was changed under way, `.malformed`, and what `body` throws.
  package mutating func take(
    _ datagram: ArraySlice<UInt8>, _ body: (NetlinkMessage) throws(NetlinkError) -> Void
  ) throws(NetlinkError) -> Bool {
    var rest = datagram
    while let message = try NetlinkMessage.next(&rest) {
      guard message.sequence == sequence else { continue }
      if message.flags & NetlinkMessage.flagDumpInterrupted != 0 { interrupted = true }
      switch message.type {
      case NetlinkMessage.error: return try acknowledge(message)
      case NetlinkMessage.done: return try finish(message)
      default: try body(message)
      }
    }
    return false
  }

  /// `struct nlmsgerr` begins with a negative errno; 0 is an acknowledgement.
  private func acknowledge(_ message: NetlinkMessage) throws(NetlinkError) -> Bool {
    guard message.payload.count >= 4 else {
      throw .malformed(what: "nlmsgerr", expected: 4, got: message.payload.count)
    }
    try refuse(message.payload.hostInteger(at: 0, as: Int32.self))
    return true
  }

  /// A dump that failed half way says so in its last message.
  private func finish(_ message: NetlinkMessage) throws(NetlinkError) -> Bool {
    if message.payload.count >= 4 { try refuse(message.payload.hostInteger(at: 0, as: Int32.self)) }
    if interrupted { throw .interrupted }
    return true
  }

  private func refuse(_ code: Int32) throws(NetlinkError) {
    if code < 0 { throw .refused(errno: code == .min ? .max : -code) }
  }
}

extension ArraySlice<UInt8> {
  /// An integer in the host's byte order, `offset` bytes from the start of the slice.
  /// - Precondition: it lies inside the slice.
  package func hostInteger<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type) -> Value {
    precondition(offset >= 0 && offset + MemoryLayout<Value>.size <= count, "read beyond a message")
    return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
  }
}

extension Array<UInt8> {
  /// Appends an integer in the host's byte order.
  package mutating func appendHost(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value) { append(contentsOf: $0) }
  }
}
