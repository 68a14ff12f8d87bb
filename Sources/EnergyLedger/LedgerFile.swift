// Opening the database: what is not a ledger of ours, or no longer one, is moved aside and named, never deleted.

import GRDB
import HostIO

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Why there is no ledger.
public struct LedgerError: Error, Hashable, Sendable, CustomStringConvertible {
  public let path: String
  public let reason: String
  public var description: String { "the energy ledger \(path): \(reason)" }
}

/// A file that was in the ledger's place.
public struct MovedAside: Sendable, Hashable {
  /// Where it is now.
  public var path: String
  /// What was wrong with it.
  public var reason: String

  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }
}

/// Opens and judges database files.
enum LedgerFile {
  /// Opens the ledger at `path`, a new one if there is none or if what is there is not a usable ledger.
  /// - Parameters:
  ///   - now: seconds since 1970, for the name of a file that is moved aside.
  ///   - mostPages: pages that the file may have; nil: as many as the disk takes.
  static func open(_ path: String, now: Double, mostPages: Int?) throws(LedgerError) -> (DatabasePool, MovedAside?) {
    var moved: MovedAside?
    if fileExists(path), let problem = try problem(of: path) { moved = try moveAside(path, problem, now: now) }
    do {
      var configuration = GRDB.Configuration()
      configuration.busyMode = .timeout(5)
      configuration.prepareDatabase { database in
        if let mostPages { try database.execute(sql: "PRAGMA max_page_count = \(mostPages)") }
      }
      let pool = try DatabasePool(path: path, configuration: configuration)
      try LedgerSchema.migrator.migrate(pool)
      return (pool, moved)
    } catch {
      throw LedgerError(path: path, reason: words(error))
    }
  }

  /// What is wrong with the file; nil when it is a sound ledger, or empty.
  /// - Throws: when it cannot be judged, which is no reason to move it.
  static func problem(of path: String) throws(LedgerError) -> String? {
    do {
      let queue = try DatabaseQueue(path: path)
      defer { try? queue.close() }
      return try queue.read { database in
        let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        if tables == 0 { return nil }
        guard try Int.fetchOne(database, sql: "PRAGMA application_id") == LedgerSchema.applicationID else {
          return "a database of another program"
        }
        if try LedgerSchema.migrator.hasBeenSuperseded(database) { return "a ledger of a newer siftd" }
        let verdict = try String.fetchOne(database, sql: "PRAGMA quick_check(1)") ?? ""
        return verdict == "ok" ? nil : "a damaged ledger (\(verdict))"
      }
    } catch let error as DatabaseError where isDamage(error) {
      return error.resultCode == .SQLITE_NOTADB ? "not a database" : "a damaged ledger (\(words(error)))"
    } catch {
      throw LedgerError(path: path, reason: words(error))
    }
  }

  static func isDamage(_ error: any Error) -> Bool {
    guard let error = error as? DatabaseError else { return false }
    return error.resultCode == .SQLITE_NOTADB || error.resultCode == .SQLITE_CORRUPT
  }

  /// Renames the file and what belongs to it.
  static func moveAside(_ path: String, _ reason: String, now: Double) throws(LedgerError) -> MovedAside {
    let base = "\(path).aside-\(Int(now))"
    var target = base
    var number = 1
    while fileExists(target) {
      number += 1
      target = "\(base)-\(number)"
    }
    guard rename(path, target) == 0 else {
      throw LedgerError(path: path, reason: "\(reason), and cannot be moved aside: \(String(cString: strerror(errno)))")
    }
    // A journal without its database would be played into the new one.
    for suffix in ["-wal", "-shm"] where fileExists(path + suffix) { rename(path + suffix, target + suffix) }
    return MovedAside(path: target, reason: reason)
  }

  /// SQLite's own words, without the statement.
  static func words(_ error: any Error) -> String {
    guard let error = error as? DatabaseError else { return "\(error)" }
    return error.message ?? "\(error.extendedResultCode)"
  }
}
