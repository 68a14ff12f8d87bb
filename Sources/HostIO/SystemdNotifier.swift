// What a service says to the one who started it: sd_notify(3) is one datagram to the socket in NOTIFY_SOCKET.

// The headers of libsystemd own the socket constants in this build: without them SOCK_DGRAM is not seen.
import CSystemd

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Takes the states of a service. Tests put a recorder here.
public protocol ServiceNotifying: Sendable {
  /// - Parameter state: `NAME=value` lines as in sd_notify(3).
  func notify(_ state: String)
}

extension ServiceNotifying {
  public func ready(_ status: String) { notify("READY=1\nSTATUS=\(status)") }
  public func status(_ status: String) { notify("STATUS=\(status)") }
  public func stopping(_ status: String) { notify("STOPPING=1\nSTATUS=\(status)") }
  public func watchdog() { notify("WATCHDOG=1") }
  /// Type=notify-reload needs the monotonic time with RELOADING=1; `ready` ends the reload.
  public func reloading(monotonicMicroseconds: UInt64) {
    notify("RELOADING=1\nMONOTONIC_USEC=\(monotonicMicroseconds)")
  }
}

/// The service manager's socket, or nothing when nobody waits for news.
public struct SystemdNotifier: ServiceNotifying {
  private let path: String?

  /// - Parameter path: an absolute path, `@name` for an abstract socket, nil for nobody. Default: NOTIFY_SOCKET.
  public init(path: String? = getenv("NOTIFY_SOCKET").map { String(cString: $0) }) {
    self.path = path.flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
  }

  public func notify(_ state: String) {
    guard let path, var address = SocketAddress.unix(path) else { return }
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let bytes = Array(state.utf8)
    address.withPointer { pointer, length in
      _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), pointer, length)
    }
  }
}

/// How often the service manager wants a sign of life.
public enum WatchdogInterval {
  /// WATCHDOG_USEC, when it is meant for this process (WATCHDOG_PID, sd_watchdog_enabled(3)).
  public static func fromEnvironment(
    _ variable: (String) -> String? = { getenv($0).map { String(cString: $0) } }, processID: Int32 = getpid()
  ) -> Duration? {
    guard let text = variable("WATCHDOG_USEC"), let microseconds = Int64(text), microseconds > 0 else { return nil }
    if let owner = variable("WATCHDOG_PID"), Int32(owner) != processID { return nil }
    return .microseconds(microseconds)
  }
}
