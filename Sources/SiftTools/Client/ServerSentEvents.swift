// The events of a streamed answer, cut from bytes that arrive in pieces of any size.

/// Cuts a byte stream into the data of its events, by the HTML standard's rules for `text/event-stream`, as far as
/// they matter here: fields other than `data` are passed over.
package struct ServerSentEvents {
  package init() {}

  private var line: [UInt8] = []
  private var data: [String] = []
  private var lastWasReturn = false

  /// Takes a piece of the stream.
  /// - Returns: the data of the events that it completed.
  package mutating func append(_ piece: some Sequence<UInt8>) -> [String] {
    var events: [String] = []
    for byte in piece {
      switch byte {
      case 0x0D: endLine(&events)
      case 0x0A where lastWasReturn: break
      case 0x0A: endLine(&events)
      default: line.append(byte)
      }
      lastWasReturn = byte == 0x0D
    }
    return events
  }

  private mutating func endLine(_ events: inout [String]) {
    defer { line.removeAll(keepingCapacity: true) }
    if line.isEmpty {
      if !data.isEmpty { events.append(data.joined(separator: "\n")) }
      data.removeAll()
    } else if line.starts(with: "data:".utf8) {
      let value = line.dropFirst(5)
      data.append(String(decoding: value.first == 0x20 ? value.dropFirst() : value, as: UTF8.self))
    }
  }
}
