// Counters that start again: a table of readings and the total that must come out.

import EnergyMeter
import SiftCore
import SiftTestKit
import Testing

@Suite struct WrappingCounterTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    var range: Int64? = 1_000_000
    let readings: [Int64]
    let total: Int64
    var unknown = 0
    var testDescription: String { name }
  }

  static let rows = [
    Row(name: "no wrap", readings: [10, 20, 50], total: 40),
    Row(name: "the first reading is only a beginning", readings: [999_999], total: 0),
    Row(name: "one wrap", readings: [999_000, 500], total: 1500),
    Row(name: "many wraps", readings: [999_000, 500, 999_500, 100], total: 1500 + 999_000 + 600, unknown: 0),
    Row(name: "at the boundary", readings: [1_000_000, 0, 5], total: 5),
    Row(name: "standing still", readings: [7, 7, 7], total: 0),
    Row(name: "back without a range is a reset", range: nil, readings: [1000, 10, 30], total: 20, unknown: 1),
    Row(name: "beyond its own range is a reset", readings: [2_000_000, 10, 30], total: 20, unknown: 1),
    Row(name: "negative is nonsense", readings: [5, -5, 10, 12], total: 2, unknown: 2),
  ]

  @Test(arguments: rows) func theTotalIsWhatWasReallyUsed(row: Row) {
    var counter = WrappingCounter(range: row.range, limitWatts: 1)
    var unknown = 0
    for (at, reading) in row.readings.enumerated() {
      // A reading a second; a limit of 1 W lets the counter move by its whole range, 1 J, but no more.
      if case .unknown = counter.record(reading, at: .milliseconds(999 * at)) { unknown += 1 }
    }
    #expect(counter.total == row.total)
    #expect(unknown == row.unknown)
  }

  @Test func aResetToZeroIsNoWrapWhenTheStepIsImpossible() {
    var counter = WrappingCounter(range: 262_143_328_850, limitWatts: 1000)
    _ = counter.record(100_000_000, at: .zero)
    // Taken for a wrap this would be 262 kJ in a tenth of a second.
    #expect(counter.record(0, at: .milliseconds(100)) == .unknown)
    #expect(counter.record(500_000, at: .milliseconds(200)) == .grew(microjoules: 500_000))
    #expect(counter.total == 500_000)
  }

  @Test func aPauseInWhichItMayHaveGoneRoundTwiceIsUnknown() {
    var counter = WrappingCounter(range: 1_000_000, limitWatts: 1)
    _ = counter.record(0, at: .zero)
    #expect(counter.record(100_000, at: .seconds(2)) == .unknown)
    #expect(counter.total == 0)
  }

  @Test func aResetThatLooksLikeAPossibleWrapIsOneAndNoMore() {
    // A small range near its top: within a second it may well have wrapped, and never gives more than the power allows.
    var counter = WrappingCounter(range: 1_000_000, limitWatts: 0.5)
    _ = counter.record(900_000, at: .zero)
    #expect(counter.record(100_000, at: .seconds(1)) == .grew(microjoules: 200_000))
    #expect(counter.record(0, at: .milliseconds(1100)) == .unknown)
    #expect(counter.total == 200_000)
  }

  @Test func whatWasForgottenIsNotCounted() {
    var counter = WrappingCounter(range: nil, limitWatts: 10)
    _ = counter.record(0, at: .zero)
    _ = counter.record(1_000_000, at: .seconds(1))
    counter.forget()
    #expect(counter.record(3_000_000, at: .seconds(2)) == .baseline)
    #expect(counter.record(3_500_000, at: .seconds(3)) == .grew(microjoules: 500_000))
    #expect(counter.total == 1_500_000)
  }

  /// Random powers below the limit through a counter of a small range, with failed reads: what is counted is the truth,
  /// or less by the steps that were said to be unknown; never more.
  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func noJouleIsInventedAndNoneLostThatCouldBeKnown(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let range: Int64 = 10_000_000
    var counter = WrappingCounter(range: range, limitWatts: 20)
    var (truth, counted, unknown) = (Int64(0), Int64(0), Int64(0))
    var (last, now) = (Int64(0), Duration.zero)
    _ = counter.record(0, at: now)
    for _ in 0..<5000 {
      let pause = Duration.milliseconds(Int64.random(in: 50...150, using: &generator))
      now += pause
      truth += Int64(Double.random(in: 0...20, using: &generator) * pause.seconds * 1e6)
      // Half a second and more may be missed, long enough to wrap more than once at times.
      if Int.random(in: 0..<10, using: &generator) == 0 { now += .milliseconds(400) }
      if Bool.random(using: &generator) { continue }
      switch counter.record(truth % (range + 1), at: now) {
      case .grew(let step):
        counted += step
        // The modulus is one more than the range that is told.
        #expect(abs(step - (truth - last)) <= 1)
      case .unknown, .baseline: unknown += truth - last
      }
      last = truth
    }
    #expect(abs(counted + unknown - last) <= 5000 && counter.total == counted)
    #expect(unknown < truth / 4)
  }

  @Test func twoReadingsAtOneInstantTellNothing() {
    var counter = WrappingCounter(range: nil, limitWatts: 1)
    _ = counter.record(0, at: .seconds(1))
    #expect(counter.record(10, at: .seconds(1)) == .unknown)
  }
}
