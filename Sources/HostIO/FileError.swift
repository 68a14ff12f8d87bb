// What went wrong with a file: which one, what was tried, and the system's own words for why.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file operation that failed.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The path as it was given.
  public let path: String
  /// What was tried, as a verb: "open", "read", "map", "write".
  public let operation: String
  /// `errno`, or 0 when the system did not refuse but the file is not what was asked for (too large, not a file).
  public let code: Int32
  /// The system's text for `code`, or our own when `code` is 0.
  public let reason: String

  public init(path: String, operation: String, code: Int32) {
    self.path = path
    self.operation = operation
    self.code = code
    self.reason = Self.text(of: code)
  }

  public init(path: String, operation: String, reason: String) {
    self.path = path
    self.operation = operation
    self.code = 0
    self.reason = reason
  }

  /// True when there is no such file (or folder on the way to it).
  public var isMissing: Bool { code == ENOENT || code == ENOTDIR }

  public var description: String { "cannot \(operation) \(path): \(reason)" }

  private static func text(of code: Int32) -> String {
    // strerror() keeps its text in thread-local storage since glibc 2.32 and in constants in musl.
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
  }
}
