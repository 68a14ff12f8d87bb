// The ledger's file: what survives, what is moved aside, and what is lost in words.

import EnergyLedger
import HostIO
import SiftCore
import SiftTestKit
import Synchronization
import Testing

/// A book whose clock the test turns, and what it announced.
final class BookFixture: Sendable {
  let time = Mutex(1_000_000.0)
  let notices = Mutex<[LedgerNotice]>([])

  func book(_ settings: LedgerSettings) -> EnergyBook {
    EnergyBook(
      settings, now: { self.time.withLock { $0 } }, announce: { notice in self.notices.withLock { $0.append(notice) } })
  }

  func pass(_ seconds: Double) { time.withLock { $0 += seconds } }
  var said: [LedgerNotice] { notices.withLock { $0 } }
}

enum Sample {
  static func request(_ number: Int, at: Double = 1_000_000, policy: String = "siftmoe", joules: Double = 2)
    -> RequestEntry
  {
    var entry = RequestEntry(id: "cmpl-\(number)", at: at, policy: policy, model: "tiny", outcome: "completed")
    entry.tokensIn = 3
    entry.tokensOut = 8
    entry.joules = joules
    entry.dynamicJoules = joules / 2
    entry.uncertaintyJoules = joules / 100
    entry.standing = .measured
    entry.peerJoules = joules / 4
    entry.seconds = 0.5
    return entry
  }

  static let all = LedgerQuery(from: 0, to: 1e12, by: .policy)
}

@Suite struct EnergyBookTests {
  let folder: TemporaryFolder
  let fixture = BookFixture()
  var path: String { folder.file("energy.sqlite") }

  init() throws { folder = try TemporaryFolder() }

  @Test func whatWasWrittenIsThereForTheNextOne() throws {
    let book = fixture.book(LedgerSettings(path: path))
    for number in 1...1200 { book.append(.request(Sample.request(number))) }
    book.close()
    let report = try Sample.all.run(file: path)
    #expect(report.rows.map(\.requests) == [1200])
    #expect(book.figures.written == 1200 && book.figures.lost == 0)
    let again = fixture.book(LedgerSettings(path: path))
    again.append(.request(Sample.request(1201)))
    #expect(try again.report(Sample.all).rows.map(\.requests) == [1201])
    #expect(fixture.said == [.opened, .opened])
  }

  @Test func theFilesOfAKilledProcessAreALedger() throws {
    let book = fixture.book(LedgerSettings(path: path))
    for number in 1...300 { book.append(.request(Sample.request(number))) }
    book.flush()
    // What a killed process leaves: the files as they are while the database is open, its journal not yet played in.
    let copy = folder.file("left.sqlite")
    for suffix in ["", "-wal"] { try copyFile(path + suffix, copy + suffix) }
    let journal = try readSmallFile(copy + "-wal", limit: 1 << 26)
    #expect(!journal.isEmpty)
    let next = fixture.book(LedgerSettings(path: copy))
    #expect(try next.report(Sample.all).rows.map(\.requests) == [300])
    // Cut off in the middle of its last commit it loses that commit and nothing before.
    let torn = folder.file("torn.sqlite")
    try copyFile(path, torn)
    try folder.write("torn.sqlite-wal", Array(journal.dropLast(2000)))
    let third = fixture.book(LedgerSettings(path: torn))
    _ = try third.report(Sample.all)
    #expect(!fixture.said.contains { if case .movedAside = $0 { true } else { false } })
  }

  @Test(arguments: [
    ("not a database", "joules, joules, joules, and no database; it is long enough for a header, and more than that"),
    ("not a database", String(repeating: "x", count: 600)),
  ])
  func aForeignFileIsMovedAsideAndKept(reason: String, text: String) throws {
    try folder.write("energy.sqlite", text)
    let book = fixture.book(LedgerSettings(path: path))
    book.append(.request(Sample.request(1)))
    #expect(try book.report(Sample.all).rows.map(\.requests) == [1])
    let aside = path + ".aside-1000000"
    #expect(fixture.said == [.movedAside(MovedAside(path: aside, reason: reason)), .opened])
    #expect(try readSmallFile(aside, limit: 1 << 20) == Array(text.utf8))
  }

  @Test func aDamagedLedgerIsMovedAsideAndASecondOneGetsAnotherName() throws {
    for round in 1...2 {
      let book = fixture.book(LedgerSettings(path: path))
      for number in 1...2000 { book.append(.request(Sample.request(number))) }
      book.close()
      var bytes = try readSmallFile(path, limit: 1 << 26)
      for at in 4096..<bytes.count where at % 7 == 0 { bytes[at] ^= 0x5A }
      try folder.write("energy.sqlite", bytes)
      let next = fixture.book(LedgerSettings(path: path))
      next.append(.request(Sample.request(1)))
      #expect(try next.report(Sample.all).rows.map(\.requests) == [1])
      next.close()
      let aside = path + ".aside-1000000" + (round == 1 ? "" : "-2")
      #expect(try readSmallFile(aside, limit: 1 << 26) == bytes)
      try removeFile(path)
    }
    let moved = fixture.said.compactMap { if case .movedAside(let file) = $0 { file.reason } else { nil } }
    #expect(moved.count == 2 && moved.allSatisfy { $0.hasPrefix("a damaged ledger") })
  }

  @Test func aDatabaseOfAnotherProgramIsMovedAside() throws {
    try AnyDatabase.write(path, "CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('Joule')")
    let book = fixture.book(LedgerSettings(path: path))
    book.append(.request(Sample.request(1)))
    #expect(try book.report(Sample.all).rows.map(\.requests) == [1])
    let aside = path + ".aside-1000000"
    #expect(fixture.said.first == .movedAside(MovedAside(path: aside, reason: "a database of another program")))
    #expect(try AnyDatabase.strings(aside, "SELECT title FROM songs") == ["Joule"])
    // Asked without a daemon it is refused, and stays where it is.
    #expect(throws: LedgerError.self) { try Sample.all.run(file: aside) }
  }

  @Test func aFullDiskIsAnnouncedOnceAndCountedAndServingGoesOn() throws {
    var settings = LedgerSettings(path: path, waiting: 1000)
    settings.mostPages = 40
    let book = fixture.book(settings)
    for round in 0..<50 {
      for number in 0..<100 { book.append(.request(Sample.request(round * 100 + number))) }
      fixture.pass(EnergyBook.retrySeconds)
      book.flush()
    }
    let figures = book.figures
    #expect(figures.isFailing && figures.lost > 0 && figures.written > 0)
    #expect(figures.written + figures.lost + figures.waiting == 5000)
    let failures = fixture.said.filter { if case .failing = $0 { true } else { false } }
    #expect(failures == [.failing("database or disk is full")])
    book.close()
    // The disk has room again: what is there is sound.
    let next = fixture.book(LedgerSettings(path: path))
    #expect(try next.report(Sample.all).rows.map(\.requests) == [figures.written])
  }

  @Test func writingThatWorksAgainSaysHowManyAreMissing() throws {
    let missing = folder.file("later")
    let book = fixture.book(LedgerSettings(path: missing + "/energy.sqlite", waiting: 10))
    for number in 1...15 { book.append(.request(Sample.request(number))) }
    book.flush()
    let failing = fixture.said
    #expect(failing.count == 1)
    try makeFolder(missing)
    fixture.pass(EnergyBook.retrySeconds)
    book.flush()
    #expect(Array(fixture.said.dropFirst()) == [.opened, .recovered(lost: 5)])
    #expect(try book.report(Sample.all).rows.map(\.requests) == [10])
  }

  @Test func oldEntriesAreForgottenAndSoIsTheOldestTenthOfAFullLedger() throws {
    let book = fixture.book(LedgerSettings(path: path, days: 1))
    book.append(.request(Sample.request(1, at: 1_000_000 - 90_000)))
    book.append(.request(Sample.request(2, at: 1_000_000 - 80_000)))
    book.append(
      .window(
        WindowEntry(
          rail: "r", start: 0, end: 60, joules: 1, idle: 1, requests: 0, unattributed: 0, coverage: 1,
          standing: .measured)))
    // The first entry may have been written, and what was old then forgotten, before the others came.
    book.flush()
    fixture.pass(4000)
    book.close()
    let report = try Sample.all.run(file: path)
    #expect(report.rows.map(\.requests) == [1] && report.rails.isEmpty)
    let small = fixture.book(LedgerSettings(path: path, bytes: 100_000))
    for number in 1...3000 { small.append(.request(Sample.request(number))) }
    small.flush()
    fixture.pass(4000)
    small.append(.request(Sample.request(3001)))
    let kept = try small.report(Sample.all).rows[0].requests
    #expect(kept < 1000 && kept > 100)
  }
}
