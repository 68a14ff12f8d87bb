// The small frames: refuse and goodbye carry a sentence, ping and pong a number.

import NIOCore

/// Writes and reads refuse, goodbye, ping and pong.
package enum NoticeCodec {
  /// - Parameter text: cut to 512 bytes.
  package static func write(_ kind: FrameKind, text: String, into buffer: inout ByteBuffer) {
    buffer.writeFrame(kind) { $0.writeString(ByteBuffer.cut(text, FrameLimits.textBytes)) }
  }

  package static func write(_ kind: FrameKind, number: UInt64, into buffer: inout ByteBuffer) {
    buffer.writeFrame(kind) { $0.writeInteger(number, endianness: .little) }
  }

  /// The sentence of a peer, made fit for one line of a journal.
  package static func text(_ bytes: UnsafeRawBufferPointer) -> String {
    let scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars.map {
      $0.value < 32 || $0.value == 127 ? " " : $0
    }
    return String(String.UnicodeScalarView(scalars))
  }

  package static func number(_ bytes: UnsafeRawBufferPointer, frame: StaticString) throws(WireError) -> UInt64 {
    var reader = WireReader(bytes, frame: frame)
    let number: UInt64 = try reader.integer("number")
    try reader.finish()
    return number
  }
}
