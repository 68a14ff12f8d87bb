// The tables, and how an entry becomes a row.

import GRDB
import SiftCore

/// The layout of the database. Steps are added at the end and never changed: files of older versions are brought forward.
enum LedgerSchema {
  /// `SIFT` in ASCII: SQLite keeps it in the file's header, so that a file of another program is told apart.
  static let applicationID = 0x5349_4654

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { database in
      try database.execute(sql: tables)
      try database.execute(sql: "PRAGMA application_id = \(applicationID)")
    }
    return migrator
  }

  private static let tables = """
    CREATE TABLE epochs (
      id INTEGER PRIMARY KEY, at REAL NOT NULL, version TEXT NOT NULL, model TEXT NOT NULL, cause TEXT NOT NULL,
      settings TEXT NOT NULL
    );
    CREATE TABLE rails (
      id TEXT PRIMARY KEY, kind TEXT NOT NULL, standing TEXT NOT NULL, first_seen REAL NOT NULL, last_seen REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE requests (
      number INTEGER PRIMARY KEY, epoch INTEGER, id TEXT NOT NULL, at REAL NOT NULL, policy TEXT NOT NULL,
      model TEXT NOT NULL, outcome TEXT NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
      seconds REAL NOT NULL, first_token_seconds REAL, joules REAL NOT NULL, dynamic_joules REAL,
      uncertainty_joules REAL, standing TEXT NOT NULL, peer_joules REAL NOT NULL, radio_joules REAL NOT NULL,
      radio_standing TEXT NOT NULL, visits INTEGER NOT NULL, bytes_up INTEGER NOT NULL, bytes_down INTEGER NOT NULL,
      experts_local INTEGER NOT NULL, experts_remote INTEGER NOT NULL, experts_replaced INTEGER NOT NULL,
      experts_skipped INTEGER NOT NULL, experts_late INTEGER NOT NULL, error_mean REAL NOT NULL,
      error_budget REAL NOT NULL
    );
    CREATE INDEX requests_at ON requests (at);
    CREATE TABLE windows (
      number INTEGER PRIMARY KEY, epoch INTEGER, rail TEXT NOT NULL, start REAL NOT NULL, "end" REAL NOT NULL,
      joules REAL NOT NULL, idle REAL, requests REAL NOT NULL, unattributed REAL NOT NULL, coverage REAL NOT NULL,
      standing TEXT NOT NULL
    );
    CREATE INDEX windows_end ON windows ("end");
    """

  /// Writes one entry. Requests and windows belong to the latest epoch.
  static func insert(_ entry: LedgerEntry, into database: Database) throws {
    switch entry {
    case .request(let request): try insert(request, into: database)
    case .window(let window): try insert(window, into: database)
    case .rail(let rail):
      try run(
        database,
        """
        INSERT INTO rails VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, standing = excluded.standing, last_seen = excluded.last_seen
        """, [rail.id, rail.kind, rail.standing.rawValue, rail.seen, rail.seen])
    case .epoch(let epoch):
      try run(
        database, "INSERT INTO epochs (at, version, model, cause, settings) VALUES (?, ?, ?, ?, ?)",
        [epoch.at, epoch.version, epoch.model, epoch.cause, epoch.settings])
    }
  }

  private static func insert(_ request: RequestEntry, into database: Database) throws {
    try run(
      database,
      """
      INSERT INTO requests (
        epoch, id, at, policy, model, outcome, tokens_in, tokens_out, seconds, first_token_seconds, joules,
        dynamic_joules, uncertainty_joules, standing, peer_joules, radio_joules, radio_standing, visits, bytes_up,
        bytes_down, experts_local, experts_remote, experts_replaced, experts_skipped, experts_late, error_mean,
        error_budget)
      VALUES ((SELECT max(id) FROM epochs), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        request.id, request.at, request.policy, request.model, request.outcome, request.tokensIn, request.tokensOut,
        request.seconds, request.firstTokenSeconds, request.joules, request.dynamicJoules, request.uncertaintyJoules,
        request.standing.rawValue, request.peerJoules, request.radioJoules, request.radioStanding.rawValue,
        request.visits, request.bytesUp, request.bytesDown, request.expertsLocal, request.expertsRemote,
        request.expertsReplaced, request.expertsSkipped, request.expertsLate, request.errorMean, request.errorBudget,
      ])
  }

  private static func insert(_ window: WindowEntry, into database: Database) throws {
    try run(
      database,
      """
      INSERT INTO windows (epoch, rail, start, "end", joules, idle, requests, unattributed, coverage, standing)
      VALUES ((SELECT max(id) FROM epochs), ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        window.rail, window.start, window.end, window.joules, window.idle, window.requests, window.unattributed,
        window.coverage, window.standing.rawValue,
      ])
  }

  private static func run(_ database: Database, _ sql: String, _ values: [(any DatabaseValueConvertible)?]) throws {
    try database.cachedStatement(sql: sql).execute(arguments: StatementArguments(values))
  }

  /// Deletes what is older than `before` (seconds since 1970).
  static func forget(before: Double, in database: Database) throws {
    try database.execute(sql: "DELETE FROM requests WHERE at < ?", arguments: [before])
    try database.execute(sql: #"DELETE FROM windows WHERE "end" < ?"#, arguments: [before])
  }

  /// Deletes the oldest tenth. For a ledger that has reached its size.
  static func forgetTenth(in database: Database) throws {
    for table in ["requests", "windows"] {
      try database.execute(
        sql: """
          DELETE FROM \(table) WHERE number <= (SELECT min(number) + (max(number) - min(number)) / 10 FROM \(table))
          """)
    }
  }

  /// Bytes in use; pages that a deletion freed are used again before the file grows.
  static func bytes(of database: Database) throws -> Int {
    let pragma = { (name: String) in try Int.fetchOne(database, sql: "PRAGMA \(name)") ?? 0 }
    return (try pragma("page_count") - pragma("freelist_count")) * (try pragma("page_size"))
  }
}
