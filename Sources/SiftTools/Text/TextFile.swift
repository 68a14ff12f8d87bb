// Writing a text file whole.

import HostIO

/// Files that a command was asked to write.
public enum TextFile {
  /// Replaces `path`: a reader sees the old text or the new one. - Throws: `ToolFailure(.cannotWrite)`.
  public static func write(_ text: String, to path: String) throws(ToolFailure) {
    do throws(FileError) {
      try replaceFile(path, with: Array(text.utf8))
    } catch {
      throw ToolFailure(.cannotWrite, "\(error)")
    }
  }
}
