// The property mailbox between Linux and the firmware of a Raspberry Pi: one text command, one text answer.
// Interface: /dev/vcio, ioctl 100/0 with a property buffer; tag 0x00030080 runs a command of the firmware, as vcgencmd does.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Asks the firmware.
public protocol FirmwareMailbox: Sendable {
  /// For messages.
  var path: String { get }
  /// Runs a command of the firmware and returns what it says.
  /// - Throws: `.malformed` when the firmware does not know the command.
  func answer(to command: String) throws(SysfsError) -> String
}

/// The mailbox of this machine.
public final class VideoCoreMailbox: FirmwareMailbox {
  public static let device = "/dev/vcio"
  /// Bytes of a command or an answer.
  private static let textSize = 1024
  /// Length, request code, tag, size, length of the request, error; after the text the end tag.
  private static let headWords = 6
  /// _IOWR(100, 0, char *): direction, size of a pointer, type, number.
  private static let request = UInt(3 << 30 | MemoryLayout<UnsafeRawPointer>.size << 16 | 100 << 8)

  public let path: String

  /// nil where the machine has no such device; whether it may be opened is told by the first command.
  public static func ifPresent(_ path: String = VideoCoreMailbox.device) -> VideoCoreMailbox? {
    fileExists(path) ? VideoCoreMailbox(path: path) : nil
  }

  private init(path: String) { self.path = path }

  public func answer(to command: String) throws(SysfsError) -> String {
    var words = try message(command)
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw SysfsError.from(errno: errno, path: path) }
    defer { close(descriptor) }
    let status = words.withUnsafeMutableBytes { bytes -> Int32 in
      guard let base = bytes.baseAddress else { return -1 }
      return ioctl(descriptor, Self.request, base)
    }
    guard status >= 0 else { throw SysfsError.from(errno: errno, path: path) }
    // Bit 31 of the request code: answered. The firmware's own error follows the lengths.
    guard words[1] == 0x8000_0000, words[5] == 0 else {
      throw .malformed(path: path, expected: "an answer to \(command)", got: "error \(words[5])")
    }
    return words.withUnsafeBytes { bytes in
      let text = bytes[(Self.headWords * 4)..<(Self.headWords * 4 + Self.textSize)]
      return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  private func message(_ command: String) throws(SysfsError) -> [UInt32] {
    guard command.utf8.count < Self.textSize else {
      throw .malformed(path: path, expected: "a command below \(Self.textSize) bytes", got: String(command.prefix(40)))
    }
    var words = [UInt32](repeating: 0, count: Self.headWords + Self.textSize / 4 + 1)
    words[0] = UInt32(words.count * 4)
    words[2] = 0x0003_0080
    words[3] = UInt32(Self.textSize)
    words.withUnsafeMutableBytes { bytes in
      for (at, byte) in command.utf8.enumerated() { bytes[Self.headWords * 4 + at] = byte }
    }
    return words
  }
}
