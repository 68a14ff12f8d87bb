// One record for the system's journal: a message for people and fields for machines, and who takes such records.

/// How urgent a record is, in the journal's own levels (syslog).
public enum JournalPriority: Int, Sendable, Comparable {
  case error = 3
  case warning = 4
  case notice = 5
  case info = 6
  case debug = 7
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A field of a record. Names are `[A-Z][A-Z0-9_]*`, at most 64 characters (systemd.journal-fields(7)).
public struct JournalField: Sendable, Hashable {
  public let name: String
  public let value: String
  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
  /// True when journald would take the name; it drops whole records for one bad name.
  public var hasValidName: Bool {
    let bytes = Array(name.utf8)
    guard let first = bytes.first, bytes.count <= 64, (65...90).contains(first) else { return false }
    return bytes.allSatisfy { (65...90).contains($0) || (48...57).contains($0) || $0 == 95 }
  }
}

/// One record.
public struct JournalRecord: Sendable, Hashable {
  public var priority: JournalPriority
  /// 32 hexadecimal digits that name the kind of record in the catalogue; nil for plain log lines.
  public var messageID: String?
  /// One line for people.
  public var message: String
  public var fields: [JournalField]

  public init(
    priority: JournalPriority = .info, messageID: String? = nil, message: String, fields: [JournalField] = []
  ) {
    self.priority = priority
    self.messageID = messageID
    self.message = message
    self.fields = fields
  }

  /// The value of the first field called `name`.
  public subscript(name: String) -> String? { fields.first { $0.name == name }?.value }

  /// The record as one line: the message, then every field as NAME=value. What a terminal or a log file gets.
  public var line: String {
    var line = Self.oneLine(message)
    for field in fields { line += " \(field.name)=\(Self.quoted(field.value))" }
    return line
  }

  /// Control characters would let a client forge lines of a log file; they are shown as U+FFFD.
  private static func oneLine(_ text: String) -> String {
    var clean = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      clean.append(scalar.value < 0x20 || scalar.value == 0x7F ? "\u{FFFD}" : scalar)
    }
    return String(clean)
  }

  private static func quoted(_ value: String) -> String {
    let clean = oneLine(value)
    guard clean.isEmpty || clean.contains(where: { $0 == " " || $0 == "\"" }) else { return clean }
    return "\"" + clean.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"") + "\""
  }
}

/// Takes records. Never throws, never waits for long: a journal that is gone must not stop a request.
public protocol JournalSink: Sendable {
  func write(_ record: JournalRecord)
}

/// Gives every record to several sinks.
public struct TeeJournal: JournalSink {
  private let sinks: [any JournalSink]
  public init(_ sinks: [any JournalSink]) { self.sinks = sinks }
  public func write(_ record: JournalRecord) {
    for sink in sinks { sink.write(record) }
  }
}
