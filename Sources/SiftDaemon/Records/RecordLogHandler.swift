// swift-log for the libraries underneath: their lines become records.

import HostIO
import Logging

/// Gives log lines to a recorder.
struct RecordLogHandler: LogHandler {
  let label: String
  let recorder: Recorder
  var metadata: Logger.Metadata = [:]
  /// Libraries are quiet by default: what matters the daemon says itself.
  var logLevel: Logger.Level = .warning

  init(label: String, recorder: Recorder) {
    self.label = label
    self.recorder = recorder
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    recorder.record(
      JournalRecord(priority: Self.priority(event.level), message: "\(label): \(event.message)"))
  }

  private static func priority(_ level: Logger.Level) -> JournalPriority {
    switch level {
    case .trace, .debug: .debug
    case .info: .info
    case .notice: .notice
    case .warning: .warning
    case .error, .critical: .error
    }
  }
}

extension Recorder {
  /// A handler for `LoggingSystem.bootstrap`.
  public func logHandler(_ label: String) -> any LogHandler { RecordLogHandler(label: label, recorder: self) }
}
