// What the ledger answers, against sums taken by hand.

import EnergyLedger
import SiftCore
import SiftTestKit
import Testing

@Suite struct LedgerQueryTests {
  let folder: TemporaryFolder
  let fixture = BookFixture()
  let book: EnergyBook

  init() throws {
    folder = try TemporaryFolder()
    book = fixture.book(LedgerSettings(path: folder.file("energy.sqlite"), days: 1e6))
  }

  private func add(_ entries: [RequestEntry]) { for entry in entries { book.append(.request(entry)) } }

  @Test func requestsAreSummedByPolicy() throws {
    var failed = Sample.request(3, policy: "topk", joules: 5)
    failed.outcome = "failed"
    failed.standing = .modelled
    failed.dynamicJoules = nil
    add([Sample.request(1, joules: 2), Sample.request(2, joules: 6), failed])
    let rows = try book.report(Sample.all).rows
    #expect(rows.map(\.key) == ["siftmoe", "topk"])
    #expect(rows[0].requests == 2 && rows[0].failed == 0 && rows[0].tokensOut == 16 && rows[0].joules == 8)
    #expect(rows[0].dynamicJoules == 4 && rows[0].peerJoules == 2 && rows[0].standing == .measured)
    #expect(abs((rows[0].uncertaintyJoules ?? 0) - 0.08) < 1e-12)
    #expect(rows[0].joulesPerToken == 10.0 / 16)
    // A part that nobody knows makes the sum unknown, not smaller.
    #expect(rows[1].failed == 1 && rows[1].dynamicJoules == nil && rows[1].standing == .modelled)
  }

  @Test func hoursBeginWhereTheClockOnTheWallSaysSo() throws {
    // India is 5:30 ahead: 00:29:59 and 00:30:00 UTC lie in two of its hours.
    add([Sample.request(1, at: 86_400 + 1799), Sample.request(2, at: 86_400 + 1800), Sample.request(3, at: 90_000)])
    let query = LedgerQuery(from: 0, to: 1e9, by: .hour, utcOffset: 19_800)
    #expect(try book.report(query).rows.map(\.key) == ["84600", "88200"])
    #expect(try book.report(query).rows.map(\.requests) == [1, 2])
    #expect(try book.report(LedgerQuery(from: 0, to: 1e9, by: .day)).rows.map(\.key) == ["86400"])
  }

  @Test func aSpanHasItsBeginningAndNotItsEnd() throws {
    add([Sample.request(1, at: 99), Sample.request(2, at: 100), Sample.request(3, at: 199), Sample.request(4, at: 200)])
    #expect(try book.report(LedgerQuery(from: 100, to: 200, by: .policy)).rows.map(\.requests) == [2])
    #expect(try book.report(LedgerQuery(from: 300, to: 400, by: .policy)).rows.isEmpty)
  }

  @Test func aRailsJoulesAreSomebodysOrNobodys() throws {
    for minute in 0..<3 {
      let start = Double(minute) * 60
      book.append(
        .window(
          WindowEntry(
            rail: "VDD_IN", start: start, end: start + 60, joules: 400, idle: 300, requests: 80, unattributed: 20,
            coverage: minute == 2 ? 0.4 : 1, standing: .derived)))
    }
    let row = try #require(try book.report(Sample.all).rails.first)
    #expect(row.joules == 1200 && row.idle == 900 && row.requests == 240 && row.unattributed == 60)
    #expect(row.seconds == 180 && abs(row.coverage - 0.8) < 1e-12 && row.standing == .derived)
  }

  @Test func entriesBelongToTheConfigurationBeforeThemAndRailsAreKeptOnce() throws {
    book.append(.request(Sample.request(1)))
    book.append(.epoch(EpochEntry(at: 1, version: "1", model: "abc", cause: "start", settings: "")))
    book.append(.rail(RailEntry(id: "r", kind: "total", standing: .measured, seen: 1)))
    book.append(.request(Sample.request(2)))
    book.append(.epoch(EpochEntry(at: 2, version: "1", model: "abc", cause: "reload", settings: "a = 1")))
    book.append(.rail(RailEntry(id: "r", kind: "total", standing: .derived, seen: 2)))
    book.append(.request(Sample.request(3)))
    book.close()
    let path = folder.file("energy.sqlite")
    #expect(
      try AnyDatabase.strings(path, "SELECT coalesce(epoch, '-') FROM requests ORDER BY number") == ["-", "1", "2"])
    #expect(
      try AnyDatabase.strings(path, "SELECT id || kind || standing || first_seen || last_seen FROM rails")
        == ["rtotalderived1.02.0"])
    #expect(
      try AnyDatabase.strings(path, "SELECT cause || settings FROM epochs ORDER BY id") == ["start", "reloada = 1"])
  }
}
