// Reading and writing the small files that hold keys and certificates: a key that others can read is no key.

import Glibc

enum PrivateFile {
  /// No certificate or key is larger.
  static let maximumBytes = 1 << 20

  /// Reads a whole file.
  /// - Parameter secret: refuse a file that its group or the world can read.
  static func read(_ path: String, secret: Bool) throws(ClusterTLSError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { throw .unreadable(path: path, problem: reason()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .unreadable(path: path, problem: reason()) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path: path, problem: "is not a regular file") }
    guard status.st_size <= maximumBytes else {
      throw .malformed(path: path, problem: "\(status.st_size) bytes is too large")
    }
    if secret, status.st_mode & 0o077 != 0 { throw .exposedKey(path: path, mode: status.st_mode & 0o777) }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var filled = 0
    while filled < bytes.count {
      let got = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress.map { $0 + filled }, $0.count - filled)
      }
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw .unreadable(path: path, problem: reason()) }
      if got == 0 { break }
      filled += got
    }
    guard let text = String(validating: bytes.prefix(filled), as: UTF8.self) else {
      throw .malformed(path: path, problem: "is not text (PEM)")
    }
    return text
  }

  /// Makes a file that was not there, with exactly `mode`; with `force`, what was there is removed first, so that the
  /// new file never has the old one's mode.
  static func write(_ text: String, to path: String, mode: mode_t, force: Bool) throws(ClusterTLSError) {
    if force, unlink(path) != 0, errno != ENOENT { throw .unreadable(path: path, problem: reason()) }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard descriptor >= 0 else {
      if errno == EEXIST { throw .exists(path: path) }
      throw .unreadable(path: path, problem: reason())
    }
    defer { close(descriptor) }
    // The umask may have taken bits away.
    guard fchmod(descriptor, mode) == 0 else { throw .unreadable(path: path, problem: reason()) }
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let put = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
      }
      if put < 0 && errno == EINTR { continue }
      guard put > 0 else { throw .unreadable(path: path, problem: "cannot be written: \(reason())") }
      written += put
    }
    guard fsync(descriptor) == 0 else { throw .unreadable(path: path, problem: reason()) }
  }

  static func reason() -> String { String(cString: strerror(errno)) }
}
