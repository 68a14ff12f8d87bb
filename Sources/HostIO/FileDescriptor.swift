// An open file descriptor that closes itself, and the few calls on it that readers and writers of files share.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What tells one state of a file from another without reading it.
public struct FileIdentity: Hashable, Sendable {
  public let device: UInt64
  public let inode: UInt64
  /// Bytes.
  public let size: Int
  /// Time of the last change of the contents, in nanoseconds since 1970.
  public let modified: Int64
}

/// Owns one descriptor.
struct OpenFile: ~Copyable {
  let descriptor: Int32
  let path: String

  /// Opens `path` for reading; interrupted calls are taken up again.
  init(reading path: String) throws(FileError) {
    try self.init(path: path, flags: O_RDONLY | O_CLOEXEC, operation: "open")
  }

  init(path: String, flags: Int32, mode: mode_t = 0, operation: String) throws(FileError) {
    guard !path.utf8.contains(0) else {
      throw FileError(path: path, operation: operation, reason: "the path contains a zero byte")
    }
    var opened: Int32
    repeat { opened = open(path, flags, mode) } while opened < 0 && errno == EINTR
    guard opened >= 0 else { throw FileError(path: path, operation: operation, code: errno) }
    self.descriptor = opened
    self.path = path
  }

  deinit { close(descriptor) }

  /// Identity of a regular file.
  /// - Throws: `FileError` when it is something else (a folder, a device): those have no size to trust.
  func identity() throws(FileError) -> FileIdentity {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(path: path, operation: "examine", code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let what = status.st_mode & S_IFMT == S_IFDIR ? "it is a folder" : "it is not a regular file"
      throw FileError(path: path, operation: "read", reason: what)
    }
    return FileIdentity(
      device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int(status.st_size),
      modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
  }

  /// Reads until `buffer` is full or the file ends. - Returns: the number of bytes read.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    var filled = 0
    while filled < buffer.count, let base = buffer.baseAddress {
      #if canImport(Glibc)
        let got = Glibc.read(descriptor, base + filled, buffer.count - filled)
      #else
        let got = Musl.read(descriptor, base + filled, buffer.count - filled)
      #endif
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw FileError(path: path, operation: "read", code: errno) }
      if got == 0 { break }
      filled += got
    }
    return filled
  }

  /// Writes all of `bytes`.
  func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var written = 0
    while written < bytes.count, let base = bytes.baseAddress {
      #if canImport(Glibc)
        let put = Glibc.write(descriptor, base + written, bytes.count - written)
      #else
        let put = Musl.write(descriptor, base + written, bytes.count - written)
      #endif
      if put < 0, errno == EINTR { continue }
      guard put >= 0 else { throw FileError(path: path, operation: "write", code: errno) }
      written += put
    }
  }
}
