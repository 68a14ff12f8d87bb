// The alphabet of byte-level vocabularies: each byte is written as one printable character, so that pieces of any bytes
// can stand in a text file. GPT-2 chose it: printable Latin-1 stands for itself, the rest for U+0100 and on.

/// Translates between bytes and the characters that stand for them.
enum ByteAlphabet {
  private static func standsForItself(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
  }

  /// `[scalar]` for scalars below U+0144: the byte it stands for, or -1.
  private static let byteOfScalar: [Int16] = {
    var table = [Int16](repeating: -1, count: 256 + 68)
    var other = 256
    for byte in UInt8.min...UInt8.max {
      if standsForItself(byte) {
        table[Int(byte)] = Int16(byte)
      } else {
        table[other] = Int16(byte)
        other += 1
      }
    }
    return table
  }()

  /// Appends the bytes that `piece` stands for. - Returns: false when a character of it stands for no byte.
  static func append(_ piece: String, to bytes: inout [UInt8]) -> Bool {
    for scalar in piece.unicodeScalars {
      guard scalar.value < byteOfScalar.count, byteOfScalar[Int(scalar.value)] >= 0 else { return false }
      bytes.append(UInt8(truncatingIfNeeded: byteOfScalar[Int(scalar.value)]))
    }
    return true
  }
}
