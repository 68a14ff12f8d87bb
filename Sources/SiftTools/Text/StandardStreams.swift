// Unbuffered writes to standard output and standard error, and whether a person is looking.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Standard error: for progress, figures beside the answer and complaints.
public enum StandardError {
  /// Writes all of `text`; what cannot be written is dropped, for there is nowhere left to say so.
  public static func write(_ text: String) { _ = writeAll(text, to: STDERR_FILENO) }
  /// Whether standard error is a terminal.
  public static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }
  /// Columns of the terminal behind standard error; 80 when it does not say.
  public static var columns: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }
}

/// Standard output: for what the command was asked for.
public enum StandardOutput {
  /// Whether standard output is a terminal.
  public static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  /// Writes all of `text`.
  /// - Throws: `ToolFailure(.cannotWrite)` when the reader is gone or the disk is full.
  public static func write(_ text: String) throws(ToolFailure) {
    let code = writeAll(text, to: STDOUT_FILENO)
    guard code == 0 else { throw ToolFailure(.cannotWrite, "standard output: \(String(cString: strerror(code)))") }
  }
}

/// Writes every byte of `text`. - Returns: 0, or the errno of the write that failed.
private func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
  var text = text
  return text.withUTF8 { bytes in
    var done = 0
    while done < bytes.count {
      let count = write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
      if count > 0 {
        done += count
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }
}
