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

  /// Takes a datagram apart. - Throws: `.malformed` when a header or a message is cut short.
  package static func split(_ datagram: ArraySlice<UInt8>) throws(NetlinkError) -> [NetlinkMessage] {
    var rest = datagram
    var messages: [NetlinkMessage] = []
    while !rest.isEmpty {
      guard rest.count >= headerSize else {
        throw .malformed(what: "nlmsghdr", expected: headerSize, got: rest.count)
      }
      let length = Int(rest.hostInteger(at: 0, as: UInt32.self))
      guard length >= headerSize, length <= rest.count else {
        throw .malformed(what: "message", expected: max(length, headerSize), got: rest.count)
      }
      let whole = rest.prefix(length)
      messages.append(
        NetlinkMessage(
          type: whole.hostInteger(at: 4, as: UInt16.self), flags: whole.hostInteger(at: 6, as: UInt16.self),
          sequence: whole.hostInteger(at: 8, as: UInt32.self), payload: whole.dropFirst(headerSize)))
      rest = rest.dropFirst(min(rest.count, (length + 3) & ~3))
    }
    return messages
  }
}

/// A request under construction: header first, then a family's fixed part, then attributes.
package struct NetlinkRequest: Sendable {
  package static let flagRequest: UInt16 = 0x1
  package static let flagAcknowledge: UInt16 = 0x4
  package static let flagDump: UInt16 = 0x300

  private var body: [UInt8]
  private let type: UInt16
  private let flags: UInt16
  package let sequence: UInt32

  package init(type: UInt16, flags: UInt16, sequence: UInt32, fixed: [UInt8]) {
    self.type = type
    self.flags = flags
    self.sequence = sequence
    self.body = fixed
  }

  /// A request of a generic family: `struct genlmsghdr` is command, version and two reserved bytes.
  package init(family: UInt16, command: UInt8, dump: Bool, sequence: UInt32) {
    self.init(
      type: family, flags: Self.flagRequest | (dump ? Self.flagDump : Self.flagAcknowledge), sequence: sequence,
      fixed: [command, 0, 0, 0])
  }

  package mutating func append(attribute: UInt16, _ value: some Collection<UInt8>) {
    body.appendHost(UInt16(4 + value.count))
    body.appendHost(attribute)
    body += value
    while body.count % 4 != 0 { body.append(0) }
  }

  package mutating func append(attribute: UInt16, integer value: UInt32) {
    var bytes: [UInt8] = []
    bytes.appendHost(value)
    append(attribute: attribute, bytes)
  }

  /// The whole message, ready to be sent.
  package var bytes: [UInt8] {
    var message: [UInt8] = []
    message.appendHost(UInt32(NetlinkMessage.headerSize + body.count))
    message.appendHost(type)
    message.appendHost(flags)
    message.appendHost(sequence)
    message.appendHost(UInt32(0))
    return message + body
  }
}

/// Gathers the messages that answer one request, until the last has come.
package struct ReplyAssembler {
  private let sequence: UInt32
  private var interrupted = false
  package private(set) var messages: [NetlinkMessage] = []

  package init(sequence: UInt32) { self.sequence = sequence }

  /// Takes a datagram. - Returns: true when the answer is whole. - Throws: `.refused` with the kernel's errno,
  /// `.interrupted` at the end of a dump that was changed under way, `.malformed`.
  package mutating func take(_ datagram: ArraySlice<UInt8>) throws(NetlinkError) -> Bool {
    for message in try NetlinkMessage.split(datagram) where message.sequence == sequence {
      if message.flags & NetlinkMessage.flagDumpInterrupted != 0 { interrupted = true }
      switch message.type {
      case NetlinkMessage.error: return try acknowledge(message)
      case NetlinkMessage.done: return try finish()
      default: messages.append(message)
      }
    }
    return false
  }

  /// `struct nlmsgerr` begins with a negative errno; 0 is an acknowledgement.
  private func acknowledge(_ message: NetlinkMessage) throws(NetlinkError) -> Bool {
    guard message.payload.count >= 4 else {
      throw .malformed(what: "nlmsgerr", expected: 4, got: message.payload.count)
    }
    let code = message.payload.hostInteger(at: 0, as: Int32.self)
    guard code == 0 else { throw .refused(errno: code == .min ? .max : -code) }
    return true
  }

  private func finish() throws(NetlinkError) -> Bool {
    if interrupted { throw .interrupted }
    return true
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
