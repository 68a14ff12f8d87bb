// Asks the energy ledger: through the daemon that keeps it, or in its file.

import EnergyLedger

/// Where the ledger is asked.
public enum LedgerSource: Sendable, Hashable {
  case daemon(DaemonAddress)
  /// Its file; no daemon is needed.
  case file(String)
}

/// Answers questions about joules that were spent.
public enum EnergyTool {
  /// - Throws: `ToolFailure`.
  public static func ask(_ query: LedgerQuery, of source: LedgerSource) async throws -> LedgerReport {
    switch source {
    case .file(let path):
      do {
        return try query.run(file: path)
      } catch {
        throw ToolFailure(.noInput, error)
      }
    case .daemon(let address):
      let path =
        "/sift/energy?from=\(query.from)&to=\(query.to)&by=\(query.by.rawValue)&utc_offset=\(query.utcOffset)"
      return try await ControlClient.with(address, patience: .seconds(60)) { client in
        try await client.get(path, as: LedgerReport.self)
      }
    }
  }

  /// The span that options mean.
  /// - Parameters:
  ///   - from, to: local dates or times; nil: see `days`.
  ///   - days: so many days up to now, today included, where `from` is nil.
  ///   - now: seconds since 1970.
  /// - Throws: `ToolFailure(.usage)`.
  public static func span(
    from: String?, to: String?, days: Int, now: Double, utcOffset: Int
  ) throws(ToolFailure) -> (from: Double, to: Double) {
    let read = { (text: String, option: String) throws(ToolFailure) -> Double in
      guard let seconds = LocalTime.parse(text, utcOffset: utcOffset) else {
        throw ToolFailure(.usage, "\(option) \(text): write a day such as 2026-11-29, or \"2026-11-29 14:05\"")
      }
      return seconds
    }
    let begin =
      try from.map { text throws(ToolFailure) in try read(text, "--from") }
      ?? LocalTime.dayStart(now, utcOffset: utcOffset) - Double(days - 1) * 86_400
    // A second more, so that what ended just now is in it.
    let end = try to.map { text throws(ToolFailure) in try read(text, "--to") } ?? now + 1
    guard begin < end else { throw ToolFailure(.usage, "the span ends before it begins") }
    return (begin, end)
  }
}
