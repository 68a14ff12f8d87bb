// siftctl energy: spans of local time, tables and comma-separated values.

import EnergyLedger
import SiftCore
import SiftTools
import Testing

@Suite struct EnergyTextTests {
  private var report: LedgerReport {
    let row = LedgerRow(
      key: "top,\"k\"", requests: 3, failed: 1, tokensIn: 9, tokensOut: 24, joules: 12, peerJoules: 6,
      dynamicJoules: nil, uncertaintyJoules: 0.5, radioJoules: 0.25, standing: .derived, seconds: 1.5)
    let rail = LedgerRailRow(
      rail: "hwmon:x:VDD_IN", standing: .derived, joules: 100, idle: 80, requests: 15, unattributed: 5, seconds: 60,
      coverage: 0.985)
    return LedgerReport(from: 0, to: 86_400, by: .policy, rows: [row], rails: [rail])
  }

  @Test func theTableSaysWhatIsKnownAndADashForTheRest() {
    let text = EnergyText.table(report, utcOffset: 0)
    #expect(text.hasPrefix("1970-01-01 to 1970-01-02\n\n"))
    #expect(text.contains("12.0 J  500 mJ           –  6.00 J     750 mJ  derived"))
    #expect(text.contains("100 J    15.0 J  80.0 J        5.00 J   98.5 %  derived"))
    let nothing = LedgerReport(from: 0, to: 60, by: .hour, rows: [], rails: [])
    #expect(EnergyText.table(nothing, utcOffset: 3600).hasSuffix("The ledger has nothing of this time.\n"))
  }

  @Test func commaSeparatedValuesQuoteWhatNeedsIt() {
    let lines = EnergyText.csv(report).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[1] == "\"top,\"\"k\"\"\",3,1,9,24,12.0,0.5,,6.0,0.25,derived,1.5")
    #expect(lines[2].isEmpty && lines[4] == "hwmon:x:VDD_IN,100.0,15.0,80.0,5.0,60.0,0.985,derived")
  }

  @Test(arguments: [
    ("2026-11-29", 1_795_910_400), ("2024-02-29 23:59", 1_709_251_140), ("1970-01-01", 0),
    ("2000-03-01T00:00", 951_868_800),
  ])
  func daysAreReadAndWrittenAsTheyAre(text: String, seconds: Int) throws {
    #expect(LocalTime.parse(text, utcOffset: 0) == Double(seconds))
    #expect(LocalTime.parse(text, utcOffset: 3600) == Double(seconds - 3600))
    let written = LocalTime.text(Double(seconds), utcOffset: 0)
    #expect(LocalTime.parse(written, utcOffset: 0) == Double(seconds))
  }

  @Test(arguments: [
    "2026-02-29", "2026-13-01", "29.11.2026", "2026-11-29 24:00", "2026-11-29 12", "", "today", "2026-04-31",
  ])
  func whatIsNoDayIsRefused(text: String) {
    #expect(LocalTime.parse(text, utcOffset: 0) == nil)
    #expect(throws: ToolFailure.self) {
      _ = try EnergyTool.span(from: text, to: nil, days: 1, now: 1e9, utcOffset: 0)
    }
  }

  @Test func everyDayOfFourHundredYearsComesBack() {
    var previous = ""
    for day in 0..<146_097 {
      let text = LocalTime.text(Double(day) * 86_400, utcOffset: 0)
      guard LocalTime.parse(text, utcOffset: 0) == Double(day) * 86_400, text > previous else {
        Issue.record("day \(day): \(text) after \(previous)")
        return
      }
      previous = text
    }
  }

  @Test func todayBeginsAtLocalMidnight() throws {
    // 1970-01-02 00:30 in a zone two hours ahead is still the first of January in London.
    let now = 86_400.0 - 5400
    let span = try EnergyTool.span(from: nil, to: nil, days: 1, now: now, utcOffset: 7200)
    #expect(span.from == 86_400 - 7200 && span.to == now + 1)
    let week = try EnergyTool.span(from: nil, to: nil, days: 7, now: 1e6, utcOffset: 0)
    #expect(week.from == 950_400 - 6 * 86_400)
  }
}
