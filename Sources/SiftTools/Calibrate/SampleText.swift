// Texts for calibration and evaluation, and the one rule that keeps the two apart.

/// A text file, whole or one of its halves.
public enum TextPart: String, Sendable, Hashable {
  case whole
  /// What calibration may see.
  case firstHalf = "first half"
  /// What evaluations of policies use, so that the two never overlap.
  case secondHalf = "second half"
}

public enum SampleText {
  /// Reads `part` of a UTF-8 text file.
  /// - Throws: `ToolFailure` (`noInput`) when it cannot be read, (`badData`) when it is not UTF-8 or the part is empty.
  public static func read(_ path: String, part: TextPart) throws(ToolFailure) -> String {
    let bytes = try InputFile.read(path)
    guard let text = String(validating: slice(bytes, part), as: UTF8.self) else {
      throw ToolFailure(.badData, "\(path): is not UTF-8 text")
    }
    guard !text.isEmpty else { throw ToolFailure(.badData, "\(path): its \(part.rawValue) is empty") }
    return text
  }

  /// The bytes of `part`. A file is cut after the first newline at or behind its middle byte; a file without one there
  /// is all first half.
  public static func slice(_ bytes: [UInt8], _ part: TextPart) -> ArraySlice<UInt8> {
    let newline = bytes[(bytes.count / 2)...].firstIndex(of: UInt8(ascii: "\n"))
    let cut = newline.map { $0 + 1 } ?? bytes.count
    switch part {
    case .whole: return bytes[...]
    case .firstHalf: return bytes[..<cut]
    case .secondHalf: return bytes[cut...]
    }
  }
}
