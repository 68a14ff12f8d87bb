// Writes records from any thread without making it wait: a serial queue does the writing.

import Dispatch
import HostIO
import Synchronization

/// The daemon's voice: records to the journal, in order.
public final class Recorder: Sendable {
  private let sink: any JournalSink
  private let queue = DispatchQueue(label: "siftd.records")
  private let level: Mutex<JournalPriority>

  public init(sink: any JournalSink, level: JournalPriority = .info) {
    self.sink = sink
    self.level = Mutex(level)
  }

  public func setLevel(_ priority: JournalPriority) { level.withLock { $0 = priority } }

  /// Queues a record, unless it is below the level.
  public func record(_ record: JournalRecord) {
    guard record.priority <= level.withLock({ $0 }) else { return }
    queue.async { [sink] in sink.write(record) }
  }

  /// Queues a record of a kind.
  public func say(
    _ kind: MessageID, _ message: String, priority: JournalPriority = .info, fields: [JournalField] = []
  ) {
    record(JournalRecord(priority: priority, messageID: kind.rawValue, message: message, fields: fields))
  }

  /// Waits until everything queued so far is written.
  public func flush() { queue.sync {} }

  /// Where records go by the configuration's `journal.to`.
  /// - Parameters:
  ///   - isJournalPresent: whether journald's socket is there.
  ///   - isTerminal: whether standard error is one.
  public static func sink(for choice: String, isJournalPresent: Bool, isTerminal: Bool) -> any JournalSink {
    let journal = SystemJournal(identifier: "siftd")
    let terminal = StandardErrorJournal()
    switch choice {
    case "journal": return journal
    case "stderr": return terminal
    case "both": return TeeJournal([journal, terminal])
    default:
      guard isJournalPresent else { return terminal }
      return isTerminal ? TeeJournal([journal, terminal]) : journal
    }
  }

  /// A level by the name that `journal.level` uses.
  public static func priority(named name: String) -> JournalPriority {
    switch name {
    case "debug": .debug
    case "notice": .notice
    case "warning": .warning
    case "error": .error
    default: .info
    }
  }
}
