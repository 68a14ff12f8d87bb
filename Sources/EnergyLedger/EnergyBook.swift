// The ledger as the daemon writes it: a bounded queue that never makes anyone wait, and one writer behind it.

import Dispatch
import GRDB
import Synchronization

/// What the ledger is kept in.
public struct LedgerSettings: Sendable, Hashable {
  /// The database file.
  public var path: String
  /// Entries older than this are deleted.
  public var days: Double
  /// Size at which the oldest tenth is deleted.
  public var bytes: Int
  /// Entries that may wait for the writer; more are lost, and counted.
  public var waiting: Int
  /// Pages that the file may have; nil: as many as the disk takes.
  package var mostPages: Int?

  public init(path: String, days: Double = 90, bytes: Int = 256 << 20, waiting: Int = 4096) {
    self.path = path
    self.days = days
    self.bytes = bytes
    self.waiting = waiting
  }
}

/// What the ledger has to say: once for each change, never once for each entry.
public enum LedgerNotice: Sendable, Hashable {
  case opened
  case movedAside(MovedAside)
  /// Nothing can be written now; entries are kept while there is room for them.
  case failing(String)
  /// Writing works again; `lost` entries are missing.
  case recovered(lost: Int)
}

/// What the ledger counts.
public struct LedgerFigures: Sendable, Hashable {
  public var written = 0
  public var lost = 0
  public var waiting = 0
  public var isFailing = false
  public init() {}
}

/// The energy ledger of one node: entries go in from any thread and are written behind everyone's back.
public final class EnergyBook: Sendable {
  private struct State {
    var pending: [LedgerEntry] = []
    var figures = LedgerFigures()
    /// Lost since writing last worked.
    var lostNow = 0
    var isScheduled = false
    var triedAt = -Double.infinity
  }
  /// Only touched on `queue`.
  private struct Writer {
    var pool: DatabasePool?
    var prunedAt = -Double.infinity
  }

  /// Seconds between two tries while nothing can be written.
  package static let retrySeconds = 10.0
  private static let pruneSeconds = 3600.0
  private static let batch = 512

  private let settings: LedgerSettings
  private let now: @Sendable () -> Double
  private let announce: @Sendable (LedgerNotice) -> Void
  private let queue = DispatchQueue(label: "siftd.ledger", qos: .utility)
  private let state = Mutex(State())
  private let writer = Mutex(Writer())

  /// Opens nothing yet: the first entry does, behind the caller's back.
  /// - Parameters:
  ///   - now: seconds since 1970.
  ///   - announce: called on the writer's thread.
  public init(
    _ settings: LedgerSettings, now: @escaping @Sendable () -> Double,
    announce: @escaping @Sendable (LedgerNotice) -> Void
  ) {
    self.settings = settings
    self.now = now
    self.announce = announce
  }

  // MARK: Any thread

  /// Queues an entry. Never waits for the disk; when the queue is full the entry is lost, and counted.
  public func append(_ entry: LedgerEntry) {
    let time = now()
    let isDue = state.withLock { state -> Bool in
      if state.pending.count >= settings.waiting {
        state.figures.lost += 1
        state.lostNow += 1
      } else {
        state.pending.append(entry)
      }
      let mayTry = !state.figures.isFailing || time - state.triedAt >= Self.retrySeconds
      guard mayTry, !state.isScheduled else { return false }
      state.isScheduled = true
      return true
    }
    if isDue { queue.async { [self] in write() } }
  }

  public var figures: LedgerFigures {
    state.withLock { state in
      var figures = state.figures
      figures.waiting = state.pending.count
      return figures
    }
  }

  /// Waits until what was queued is written, or could not be. Not for the token path.
  public func flush() { queue.sync { write() } }

  /// Writes what is left and closes the file. What cannot be written now is lost.
  public func close() {
    queue.sync {
      write()
      state.withLock { state in
        state.figures.lost += state.pending.count
        state.pending = []
      }
      writer.withLock { writer in
        try? writer.pool?.close()
        writer.pool = nil
      }
    }
  }

  /// Reads with a query of `LedgerQueries`, on a connection of its own. Waits for the disk.
  /// - Throws: `LedgerError`.
  public func report(_ query: LedgerQuery) throws(LedgerError) -> LedgerReport {
    flush()
    guard let pool = writer.withLock({ $0.pool }) else {
      throw LedgerError(path: settings.path, reason: "nothing could be written to it yet")
    }
    do {
      return try pool.read { try query.run($0) }
    } catch {
      throw LedgerError(path: settings.path, reason: LedgerFile.words(error))
    }
  }

  // MARK: The writer

  private func write() {
    while true {
      let batch = state.withLock { state -> [LedgerEntry] in
        if state.pending.isEmpty { state.isScheduled = false }
        return Array(state.pending.prefix(Self.batch))
      }
      // An empty queue is still a reason to open: flush() before the first entry shows whether the file is usable.
      guard save(batch) else { return state.withLock { $0.isScheduled = false } }
      guard !batch.isEmpty else { return }
    }
  }

  /// - Returns: false when nothing can be written now.
  private func save(_ batch: [LedgerEntry]) -> Bool {
    do {
      try writer.withLock { writer in
        let pool = try opened(&writer)
        if !batch.isEmpty { try pool.write { for entry in batch { try LedgerSchema.insert(entry, into: $0) } } }
        try prune(&writer, pool)
      }
      succeeded(batch.count)
      return true
    } catch {
      failed(error)
      return false
    }
  }

  private func opened(_ writer: inout Writer) throws -> DatabasePool {
    if let pool = writer.pool { return pool }
    let (pool, moved) = try LedgerFile.open(settings.path, now: now(), mostPages: settings.mostPages)
    writer.pool = pool
    if let moved { announce(.movedAside(moved)) }
    announce(.opened)
    return pool
  }

  private func prune(_ writer: inout Writer, _ pool: DatabasePool) throws {
    let time = now()
    guard time - writer.prunedAt >= Self.pruneSeconds else { return }
    writer.prunedAt = time
    try pool.write { database in
      try LedgerSchema.forget(before: time - settings.days * 86_400, in: database)
      var rounds = 0
      while try LedgerSchema.bytes(of: database) > settings.bytes, rounds < 20 {
        try LedgerSchema.forgetTenth(in: database)
        rounds += 1
      }
    }
  }

  private func succeeded(_ count: Int) {
    let lost = state.withLock { state -> Int? in
      state.pending.removeFirst(min(count, state.pending.count))
      state.figures.written += count
      guard state.figures.isFailing else { return nil }
      state.figures.isFailing = false
      defer { state.lostNow = 0 }
      return state.lostNow
    }
    if let lost { announce(.recovered(lost: lost)) }
  }

  private func failed(_ error: any Error) {
    if LedgerFile.isDamage(error) { abandonFile() }
    let time = now()
    let isNew = state.withLock { state -> Bool in
      state.triedAt = time
      defer { state.figures.isFailing = true }
      return !state.figures.isFailing
    }
    if isNew { announce(.failing((error as? LedgerError)?.reason ?? LedgerFile.words(error))) }
  }

  /// The file was damaged while it was in use: the next try judges it, moves it aside and begins a new one.
  private func abandonFile() {
    writer.withLock { writer in
      try? writer.pool?.close()
      writer.pool = nil
    }
  }
}
