// Where records go: systemd's journal with all fields, or standard error in the same words.

import CSystemd

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// systemd-journald, through `sd_journal_sendv`.
public struct SystemJournal: JournalSink {
  /// journald's native socket. libsystemd knows no other.
  public static let socketPath = "/run/systemd/journal/socket"
  private let identifier: String

  /// - Parameter identifier: SYSLOG_IDENTIFIER, the name `journalctl -t` looks for.
  public init(identifier: String) { self.identifier = identifier }

  /// Whether a journald is there to talk to. `sd_journal_sendv` itself answers 0 and drops the record when none is, and
  /// the socket's file outlives a journald that ended: only connecting tells.
  public static var isPresent: Bool {
    guard var address = SocketAddress.unix(socketPath) else { return false }
    let probe = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard probe >= 0 else { return false }
    defer { close(probe) }
    return address.withPointer { connect(probe, $0, $1) } == 0
  }

  public func write(_ record: JournalRecord) {
    var lines = [
      "MESSAGE=\(record.message)", "PRIORITY=\(record.priority.rawValue)", "SYSLOG_IDENTIFIER=\(identifier)",
    ]
    if let messageID = record.messageID { lines.append("MESSAGE_ID=\(messageID)") }
    for field in record.fields where field.hasValidName { lines.append("\(field.name)=\(field.value)") }
    Self.send(lines)
  }

  private static func send(_ lines: [String]) {
    let bytes = lines.map { Array($0.utf8) }
    let whole = bytes.flatMap { $0 }
    whole.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return }
      var at = 0
      let vectors = bytes.map { line in
        defer { at += line.count }
        return iovec(iov_base: UnsafeMutableRawPointer(mutating: base + at), iov_len: line.count)
      }
      _ = sd_journal_sendv(vectors, Int32(vectors.count))
    }
  }
}

/// Standard error, one line a record. Under systemd the `<6>` prefix keeps the level (sd-daemon(3)).
public struct StandardErrorJournal: JournalSink {
  private let descriptor: Int32
  private let prefixed: Bool

  /// - Parameters:
  ///   - descriptor: where to write; 2 is standard error.
  ///   - prefixed: whether a line starts with its level, for a service manager that reads it.
  public init(descriptor: Int32 = 2, prefixed: Bool = getenv("JOURNAL_STREAM") != nil) {
    self.descriptor = descriptor
    self.prefixed = prefixed
  }

  public func write(_ record: JournalRecord) {
    var bytes = Array(((prefixed ? "<\(record.priority.rawValue)>" : "") + record.line + "\n").utf8)[...]
    // One write is atomic for pipes up to PIPE_BUF; the loop is for the rest.
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { return }
      bytes = bytes.dropFirst(written)
    }
  }
}
