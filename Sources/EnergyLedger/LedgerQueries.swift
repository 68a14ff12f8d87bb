// What the ledger answers: requests by policy, hour or day, and whose the joules of each rail were.

import GRDB
import HostIO
import SiftCore

/// Sums over requests that belong together.
public struct LedgerRow: Codable, Sendable, Hashable {
  /// The policy, or the beginning of the hour or day in seconds since 1970.
  public var key: String
  public var requests: Int
  /// Requests that did not complete.
  public var failed: Int
  public var tokensIn: Int
  public var tokensOut: Int
  /// This node's joules, idle included; what peers spent; both together are the cluster's.
  public var joules: Double
  public var peerJoules: Double
  /// Above idle; nil where one of the requests does not know.
  public var dynamicJoules: Double?
  /// Of `joules`; nil where one of the requests does not know. Standard uncertainties are added up as if they were one
  /// and the same error, because most of each is the gain of the same rail.
  public var uncertaintyJoules: Double?
  public var radioJoules: Double
  /// The weakest standing among the joules.
  public var standing: Standing
  /// Time from arrival to end, summed.
  public var seconds: Double

  public init(
    key: String, requests: Int, failed: Int, tokensIn: Int, tokensOut: Int, joules: Double, peerJoules: Double,
    dynamicJoules: Double?, uncertaintyJoules: Double?, radioJoules: Double, standing: Standing, seconds: Double
  ) {
    self.key = key
    self.requests = requests
    self.failed = failed
    self.tokensIn = tokensIn
    self.tokensOut = tokensOut
    self.joules = joules
    self.peerJoules = peerJoules
    self.dynamicJoules = dynamicJoules
    self.uncertaintyJoules = uncertaintyJoules
    self.radioJoules = radioJoules
    self.standing = standing
    self.seconds = seconds
  }

  /// Cluster joules for each generated token; nil when none was generated.
  public var joulesPerToken: Double? { tokensOut > 0 ? (joules + peerJoules) / Double(tokensOut) : nil }

  private enum CodingKeys: String, CodingKey {
    case key, requests, failed, standing, seconds
    case tokensIn = "tokens_in"
    case tokensOut = "tokens_out"
    case joules = "energy_j"
    case peerJoules = "energy_peers_j"
    case dynamicJoules = "energy_dynamic_j"
    case uncertaintyJoules = "energy_uncertainty_j"
    case radioJoules = "radio_j"
  }
}

/// Sums over the windows of one rail: `requests` + `idle` + `unattributed` = `joules`.
public struct LedgerRailRow: Codable, Sendable, Hashable {
  public var rail: String
  public var standing: Standing
  public var joules: Double
  /// nil where the idle level was not known in one of the windows.
  public var idle: Double?
  public var requests: Double
  public var unattributed: Double
  /// Time that windows span, and the share of it that good samples cover.
  public var seconds: Double
  public var coverage: Double

  public init(
    rail: String, standing: Standing, joules: Double, idle: Double?, requests: Double, unattributed: Double,
    seconds: Double, coverage: Double
  ) {
    self.rail = rail
    self.standing = standing
    self.joules = joules
    self.idle = idle
    self.requests = requests
    self.unattributed = unattributed
    self.seconds = seconds
    self.coverage = coverage
  }

  private enum CodingKeys: String, CodingKey {
    case rail, standing, seconds, coverage
    case joules = "energy_j"
    case idle = "idle_j"
    case requests = "requests_j"
    case unattributed = "unattributed_j"
  }
}

/// An answer of the ledger.
public struct LedgerReport: Codable, Sendable, Hashable {
  /// In seconds since 1970.
  public var from: Double
  public var to: Double
  public var by: LedgerQuery.Grouping
  public var rows: [LedgerRow]
  public var rails: [LedgerRailRow]

  public init(from: Double, to: Double, by: LedgerQuery.Grouping, rows: [LedgerRow], rails: [LedgerRailRow]) {
    self.from = from
    self.to = to
    self.by = by
    self.rows = rows
    self.rails = rails
  }
}

/// A question to the ledger.
public struct LedgerQuery: Sendable, Hashable {
  /// What rows are made of.
  public enum Grouping: String, Codable, Sendable, Hashable, CaseIterable {
    case policy, hour, day
  }
  /// Requests that ended from here on, in seconds since 1970 …
  public var from: Double
  /// … and before this.
  public var to: Double
  public var by: Grouping
  /// Seconds that local time is ahead of UTC: where hours and days begin.
  public var utcOffset: Int

  public init(from: Double, to: Double, by: Grouping, utcOffset: Int = 0) {
    self.from = from
    self.to = to
    self.by = by
    self.utcOffset = utcOffset
  }

  /// Asks a file that no daemon needs to have open.
  /// - Throws: `LedgerError`, also for a file that is not a ledger; nothing is moved.
  public func run(file path: String) throws(LedgerError) -> LedgerReport {
    guard fileExists(path) else { throw LedgerError(path: path, reason: "no such file") }
    do {
      var configuration = GRDB.Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(5)
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      let report = try queue.read { database -> LedgerReport? in
        guard try Int.fetchOne(database, sql: "PRAGMA application_id") == LedgerSchema.applicationID else { return nil }
        return try run(database)
      }
      try queue.close()
      guard let report else { throw LedgerError(path: path, reason: "is not an energy ledger of siftd") }
      return report
    } catch let error as LedgerError {
      throw error
    } catch {
      throw LedgerError(path: path, reason: LedgerFile.words(error))
    }
  }

  func run(_ database: Database) throws -> LedgerReport {
    LedgerReport(from: from, to: to, by: by, rows: try requests(database), rails: try rails(database))
  }

  private var key: String {
    switch by {
    case .policy: "policy"
    case .hour: bucket(3600)
    case .day: bucket(86_400)
    }
  }

  private func bucket(_ seconds: Int) -> String {
    "CAST(CAST((at + \(utcOffset)) / \(seconds) AS INTEGER) * \(seconds) - \(utcOffset) AS TEXT)"
  }

  /// SQLite's sum() leaves NULL away: a sum with an unknown part must be unknown.
  private static func wholeSum(_ column: String) -> String {
    "CASE WHEN count(\(column)) = count(*) THEN sum(\(column)) END"
  }

  private static let weakest = """
    CASE max(CASE standing WHEN 'measured' THEN 0 WHEN 'derived' THEN 1 ELSE 2 END)
    WHEN 0 THEN 'measured' WHEN 1 THEN 'derived' ELSE 'modelled' END
    """

  private func requests(_ database: Database) throws -> [LedgerRow] {
    let sql = """
      SELECT \(key) AS key, count(*) AS requests, sum(outcome <> 'completed') AS failed, sum(tokens_in) AS tokens_in,
        sum(tokens_out) AS tokens_out, sum(joules) AS joules, sum(peer_joules) AS peers,
        \(Self.wholeSum("dynamic_joules")) AS dynamic, \(Self.wholeSum("uncertainty_joules")) AS uncertainty,
        sum(radio_joules) AS radio, \(Self.weakest) AS standing, sum(seconds) AS seconds
      FROM requests WHERE at >= ? AND at < ? GROUP BY 1 ORDER BY min(at), 1
      """
    return try Row.fetchAll(database, sql: sql, arguments: [from, to]).map { row in
      LedgerRow(
        key: row["key"], requests: row["requests"], failed: row["failed"], tokensIn: row["tokens_in"],
        tokensOut: row["tokens_out"], joules: row["joules"], peerJoules: row["peers"], dynamicJoules: row["dynamic"],
        uncertaintyJoules: row["uncertainty"], radioJoules: row["radio"],
        standing: Standing(rawValue: row["standing"]) ?? .modelled, seconds: row["seconds"])
    }
  }

  private func rails(_ database: Database) throws -> [LedgerRailRow] {
    let sql = """
      SELECT rail, \(Self.weakest) AS standing, sum(joules) AS joules, \(Self.wholeSum("idle")) AS idle,
        sum(requests) AS requests, sum(unattributed) AS unattributed, sum("end" - start) AS seconds,
        sum(coverage * ("end" - start)) AS covered
      FROM windows WHERE "end" >= ? AND "end" < ? GROUP BY rail ORDER BY rail
      """
    return try Row.fetchAll(database, sql: sql, arguments: [from, to]).map { row in
      let seconds: Double = row["seconds"]
      let covered: Double = row["covered"]
      return LedgerRailRow(
        rail: row["rail"], standing: Standing(rawValue: row["standing"]) ?? .modelled, joules: row["joules"],
        idle: row["idle"], requests: row["requests"], unattributed: row["unattributed"], seconds: seconds,
        coverage: seconds > 0 ? covered / seconds : 0)
    }
  }
}
