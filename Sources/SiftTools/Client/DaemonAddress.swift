// Where a daemon listens: a Unix socket or host and port.

import Foundation

/// The address of a daemon's HTTP API.
public enum DaemonAddress: Hashable, Sendable, CustomStringConvertible {
  /// A Unix socket's absolute path.
  case socket(String)
  /// `http://host:port`, without a slash at its end.
  case http(String)

  /// Where siftd listens unless its configuration says otherwise: in its own folder, or where siftd.socket listens for it.
  public static var standard: DaemonAddress { standard(exists: FileManager.default.fileExists(atPath:)) }

  /// - Parameter exists: whether there is a file at a path.
  package static func standard(exists: (String) -> Bool) -> DaemonAddress {
    let (own, activated) = ("/run/siftd/siftd.sock", "/run/siftd.sock")
    return .socket(!exists(own) && exists(activated) ? activated : own)
  }

  /// Reads a path (anything with a `/` that does not begin with `http://`), `host:port` or `http://host:port`.
  /// - Throws: `ToolFailure(.usage)`.
  public init(_ text: String) throws(ToolFailure) {
    if text.hasPrefix("http://") {
      let host = String(text.reversed().drop { $0 == "/" }.reversed())
      guard host.count > "http://".count else { throw Self.unclear(text) }
      self = .http(host)
    } else if text.contains("/") {
      self = .socket(URL(fileURLWithPath: text).standardizedFileURL.path)
    } else if let colon = text.lastIndex(of: ":"), UInt16(text[text.index(after: colon)...]) != nil,
      colon != text.startIndex
    {
      self = .http("http://" + text)
    } else {
      throw Self.unclear(text)
    }
  }

  public var description: String {
    switch self {
    case .socket(let path): path
    case .http(let address): address
    }
  }

  /// The URL of `path` (which begins with a slash) there.
  func url(_ path: String) -> String {
    switch self {
    case .http(let address): return address + path
    case .socket(let socket):
      let host = socket.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? socket
      return "http+unix://" + host + path
    }
  }

  private static func unclear(_ text: String) -> ToolFailure {
    ToolFailure(.usage, "“\(text)” is neither the path of a socket nor host:port")
  }
}
