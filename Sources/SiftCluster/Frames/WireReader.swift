// Reads little-endian fields from bytes that nobody vouches for: every read is checked against what is left.

#if _endian(big)
  #error("frames are little-endian and copied as they are: a big-endian host needs byte swaps here")
#endif

/// A cursor over the body of one frame. Valid while the bytes are.
package struct WireReader {
  private let bytes: UnsafeRawBufferPointer
  private let frame: StaticString
  private(set) package var offset = 0

  package init(_ bytes: UnsafeRawBufferPointer, frame: StaticString) {
    self.bytes = bytes
    self.frame = frame
  }

  package var remaining: Int { bytes.count - offset }

  package mutating func integer<Number: FixedWidthInteger & BitwiseCopyable>(_ field: StaticString) throws(WireError)
    -> Number
  {
    guard remaining >= MemoryLayout<Number>.size else { throw short(field, MemoryLayout<Number>.size) }
    defer { offset += MemoryLayout<Number>.size }
    return bytes.loadUnaligned(fromByteOffset: offset, as: Number.self)
  }

  /// The next `count` bytes, still in the frame.
  package mutating func take(_ count: Int, _ field: StaticString) throws(WireError) -> UnsafeRawBufferPointer {
    guard count >= 0, remaining >= count else { throw short(field, count) }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// A length byte and that many bytes of UTF-8 without control characters.
  package mutating func name(_ field: StaticString, limit: Int) throws(WireError) -> String {
    let length: UInt8 = try integer(field)
    guard Int(length) <= limit else { throw error(field, "\(length) bytes exceed the limit of \(limit)") }
    let text = try take(Int(length), field)
    guard let name = String(validating: text, as: UTF8.self), name.unicodeScalars.allSatisfy({ $0.value >= 32 }) else {
      throw error(field, "is not printable UTF-8")
    }
    return name
  }

  /// Nothing may be left over.
  package func finish() throws(WireError) {
    guard remaining == 0 else { throw error("length", "\(remaining) bytes too many") }
  }

  package func error(_ field: StaticString, _ problem: String) -> WireError { WireError("\(frame).\(field)", problem) }

  private func short(_ field: StaticString, _ needed: Int) -> WireError {
    error(field, "needs \(needed) bytes, \(remaining) are left")
  }
}
