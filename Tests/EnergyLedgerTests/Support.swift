// Files for the ledger's tests: copies, and databases read or made without the ledger.

import Foundation
import GRDB

func copyFile(_ from: String, _ to: String) throws {
  try FileManager.default.copyItem(atPath: from, toPath: to)
}

/// SQLite without the ledger.
enum AnyDatabase {
  /// The first column of every row.
  static func strings(_ path: String, _ sql: String) throws -> [String] {
    let queue = try DatabaseQueue(path: path)
    defer { try? queue.close() }
    return try queue.read { try String.fetchAll($0, sql: sql) }
  }

  /// Makes a database that is none of ours.
  static func write(_ path: String, _ sql: String) throws {
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: sql) }
    try queue.close()
  }
}
