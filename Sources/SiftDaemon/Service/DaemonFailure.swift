// Why the daemon did not start, or stopped: one line and an exit status.

/// Exit statuses of siftd (sysexits.h).
public enum ExitStatus: Int32, Sendable {
  case success = 0
  /// Bad command line.
  case usage = 64
  /// The model, its tokenizer or its calibration cannot be read or is wrong.
  case model = 66
  /// An address cannot be listened on.
  case unavailable = 69
  /// A defect, or the system refused memory or threads.
  case software = 70
  /// The configuration, certificates or keys are wrong.
  case configuration = 78
}

/// A failure to start.
public struct DaemonFailure: Error, Hashable, CustomStringConvertible {
  public let status: ExitStatus
  /// One line, or one line for each error of a file.
  public let description: String

  public init(_ status: ExitStatus, _ description: String) {
    self.status = status
    self.description = description
  }
}
