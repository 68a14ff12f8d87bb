// What can go wrong between us and the kernel's netlink families.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Sorted by what the caller does next: try another source, ask again, or report.
public enum NetlinkError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The family is not there (no cfg80211 in this kernel or namespace): use another source.
  case unavailable(family: String)
  /// The kernel refused the request. ENODEV and ENOENT: the interface or station is gone.
  case refused(errno: Int32)
  /// The dump was changed while it was read (NLM_F_DUMP_INTR): ask again.
  case interrupted
  /// No whole answer within the time allowed.
  case timeout
  /// The socket itself failed.
  case socket(errno: Int32)
  /// A message that is not what the kernel's headers promise.
  case malformed(what: String, expected: Int, got: Int)

  public var description: String {
    switch self {
    case .unavailable(let family): "netlink family \(family) is not available in this kernel or namespace"
    case .refused(let code): "netlink request refused: \(String(cString: strerror(code))) (errno \(code))"
    case .interrupted: "netlink dump was interrupted by a change; ask again"
    case .timeout: "no answer from the kernel in time"
    case .socket(let code): "netlink socket: \(String(cString: strerror(code))) (errno \(code))"
    case .malformed(let what, let expected, let got):
      "malformed netlink message: \(what) needs \(expected) bytes, got \(got)"
    }
  }
}
