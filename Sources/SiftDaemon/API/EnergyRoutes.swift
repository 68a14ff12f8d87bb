// /sift/energy: what the energy ledger has over a span of time; /sift/conditions: what joules depend on besides.

import EnergyLedger
import Hummingbird

/// Asks the ledger. Waits for the disk. - Throws: `LedgerError`.
package typealias EnergyAnswer = @Sendable (LedgerQuery) throws -> LedgerReport

/// Answers questions to the energy ledger.
struct EnergyRoutes: Sendable {
  /// nil: no ledger is kept.
  let ask: EnergyAnswer?
  let conditions: @Sendable () -> ConditionsReport

  func state() -> Response { JSONResponse.make(conditions()) }

  /// Query: `from`, `to` (seconds since 1970, from 0 to 1e12), `by` (policy, hour, day), `utc_offset` (seconds).
  func respond(_ request: Request) throws -> Response {
    guard let ask else {
      throw APIError.notFound(
        "no energy ledger is kept here: set energy.ledger, or let the service manager set STATE_DIRECTORY",
        code: "no_ledger")
    }
    let query = try query(request.uri.queryParameters)
    do {
      return JSONResponse.make(try ask(query))
    } catch {
      throw APIError.internalError("\(error)")
    }
  }

  private func query(_ fields: Parameters) throws(APIError) -> LedgerQuery {
    let number = { (name: String, default: Double, range: ClosedRange<Double>) throws(APIError) -> Double in
      guard let text = fields[Substring(name)] else { return `default` }
      guard let value = Double(String(text)), range.contains(value) else {
        throw .badRequest(
          "'\(name)' must be a number from \(range.lowerBound) to \(range.upperBound)", parameter: name)
      }
      return value
    }
    let word = fields["by"].map(String.init) ?? LedgerQuery.Grouping.policy.rawValue
    guard let by = LedgerQuery.Grouping(rawValue: word) else {
      throw .badRequest("'by' must be policy, hour or day, got \(word.prefix(40).description.literal)", parameter: "by")
    }
    return LedgerQuery(
      from: try number("from", 0, 0...1e12), to: try number("to", 1e12, 0...1e12), by: by,
      utcOffset: Int(try number("utc_offset", 0, -64_800...64_800)))
  }
}
