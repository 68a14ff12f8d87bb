// Cuts the byte stream of one connection into frames. What is whole is handed out where it lies, without a copy.

import NIOCore

/// Bytes in, frames out. Not thread-safe: it belongs to one connection.
package struct FrameAssembler {
  package var limits: FrameLimits
  /// The start of a frame whose rest has not come yet.
  private var held = ByteBuffer()

  package init(limits: FrameLimits) { self.limits = limits }

  /// Bytes of an unfinished frame.
  package var heldBytes: Int { held.readableBytes }

  /// Takes what came from the network. `next` hands out the frames in it.
  package mutating func append(_ bytes: ByteBuffer) {
    if held.readableBytes == 0 {
      held = bytes
    } else {
      var bytes = bytes
      // Frames handed out before would otherwise stay in front of it for as long as the stream never pauses.
      held.discardReadBytes()
      held.writeBuffer(&bytes)
    }
  }

  /// The next whole frame: its header, and its body as a slice of what came.
  /// - Returns: nil when more bytes are needed.
  /// - Throws: `WireError` as soon as a header says something impossible, long before the body is there.
  package mutating func next() throws(WireError) -> (header: FrameHeader, body: ByteBuffer)? {
    guard held.readableBytes >= WireProtocol.headerBytes else {
      release()
      return nil
    }
    let parsed: Result<FrameHeader, WireError> = held.withUnsafeReadableBytes { bytes in
      do throws(WireError) { return .success(try FrameHeader(bytes, limits: limits)) } catch { return .failure(error) }
    }
    let header = try parsed.get()
    let whole = WireProtocol.headerBytes + header.bodyBytes
    guard held.readableBytes >= whole else { return nil }
    held.moveReaderIndex(forwardBy: WireProtocol.headerBytes)
    guard let body = held.readSlice(length: header.bodyBytes) else { return nil }
    return (header, body)
  }

  /// Lets the memory of a stream that was read to its end go.
  private mutating func release() {
    if held.readableBytes == 0 { held = ByteBuffer() }
  }
}
