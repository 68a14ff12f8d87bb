// How a command ends when it cannot do what it was asked: one line and an exit status.

/// A failure that a person reads: what, where (file, key, field) and what to do, in one line.
public struct ToolFailure: Error, Hashable, Sendable, CustomStringConvertible {
  public let status: ExitStatus
  /// One line without a newline at its end.
  public let message: String

  public init(_ status: ExitStatus, _ message: String) {
    self.status = status
    self.message = message
  }

  /// Any other error under a status, in its own words.
  public init(_ status: ExitStatus, _ error: any Error) {
    self.init(status, "\(error)")
  }

  public var description: String { message }
}
