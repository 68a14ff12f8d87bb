// Reading a named file, or standard input, whole.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Input that is read to its end: regular files, pipes and standard input alike.
public enum InputFile {
  /// Reads `path` ("-": standard input).
  /// - Parameter limit: the most bytes accepted.
  /// - Throws: `ToolFailure` (`noInput`) when it cannot be read, (`usage`) when it is longer than `limit`.
  public static func read(_ path: String, limit: Int = 1 << 28) throws(ToolFailure) -> [UInt8] {
    if path == "-" { return try read(STDIN_FILENO, "standard input", limit) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw ToolFailure(.noInput, "\(path): cannot be opened: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    return try read(descriptor, path, limit)
  }

  private static func read(_ descriptor: Int32, _ name: String, _ limit: Int) throws(ToolFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = chunk.withUnsafeMutableBytes { systemRead(descriptor, $0.baseAddress, $0.count) }
      if count == 0 { return bytes }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw ToolFailure(.noInput, "\(name): cannot be read: \(String(cString: strerror(errno)))")
      }
      guard bytes.count + count <= limit else {
        throw ToolFailure(.usage, "\(name): has more than the \(limit) bytes allowed")
      }
      bytes += chunk[..<count]
    }
  }
}

/// read(2) under a name that `InputFile.read` does not hide.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(descriptor, buffer, count)
}
