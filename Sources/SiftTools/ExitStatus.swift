// The exit statuses of siftctl: one list, printed by `siftctl --help`.

/// What a command's exit status means. The numbers above 63 are those of sysexits.h, as far as it has one.
public enum ExitStatus: Int32, Sendable, CaseIterable {
  /// The command did what it was asked.
  case success = 0
  /// Something failed while it was being done (a request was refused, an answer broke off).
  case failure = 1
  /// The command line, or a problem file of `select`, is malformed.
  case usage = 64
  /// A model, calibration, scenario or text is damaged, or does not belong to the others.
  case badData = 65
  /// A file that was named does not exist or cannot be read.
  case noInput = 66
  /// The daemon cannot be reached.
  case unavailable = 69
  /// A file cannot be written.
  case cannotWrite = 73

  /// One line for `--help`.
  public var meaning: String {
    switch self {
    case .success: "done"
    case .failure: "it failed while it was being done; standard error says where"
    case .usage: "the command line or the problem is malformed"
    case .badData: "a model, calibration, scenario or text is damaged or does not belong to the others"
    case .noInput: "a named file does not exist or cannot be read"
    case .unavailable: "the daemon cannot be reached"
    case .cannotWrite: "a file cannot be written"
    }
  }

  /// The whole list as `--help` shows it.
  public static var table: String {
    allCases.map { status in
      let number = String(status.rawValue)
      return "  " + number + String(repeating: " ", count: 4 - number.count) + status.meaning
    }.joined(separator: "\n")
  }
}
