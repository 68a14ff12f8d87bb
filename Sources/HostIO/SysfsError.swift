// What can be wrong with an attribute file, sorted by what the caller does next.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Why an attribute could not be had. Missing: try the next source. Unreadable: a gap, try again later. Malformed:
/// report it, the figure is not to be used.
public enum SysfsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No such file or folder.
  case missing(path: String)
  /// The kernel refused the read. ENODATA (channel disabled), EIO, EAGAIN and ETIMEDOUT are ordinary run-time results of
  /// sensor drivers (Documentation/ABI/testing/sysfs-class-hwmon).
  case unreadable(path: String, errno: Int32)
  /// The text is not what the kernel's ABI promises.
  case malformed(path: String, expected: String, got: String)

  public var description: String {
    switch self {
    case .missing(let path): "\(path): no such attribute"
    case .unreadable(let path, let code): "\(path): \(String(cString: strerror(code))) (errno \(code))"
    case .malformed(let path, let expected, let got): "\(path): expected \(expected), got \"\(got)\""
    }
  }

  /// The error of a failed call on `path`. A vanished device answers ENODEV or ENXIO: that is missing, too.
  static func from(errno code: Int32, path: String) -> SysfsError {
    switch code {
    case ENOENT, ENOTDIR, ENODEV, ENXIO: .missing(path: path)
    default: .unreadable(path: path, errno: code)
    }
  }
}
