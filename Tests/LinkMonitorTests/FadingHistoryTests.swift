// A minute of signals whose channel becomes another, or whose traffic ends.

import Foundation
import LinkMonitor
import SiftCore
import SiftTestKit
import Testing

@Suite struct FadingHistoryTests {
  /// Signals of a process around a mean, in whole decibels as drivers give them.
  private func add(
    _ process: FadingProcess, mean: Double, rate: Double, seconds: Double, from start: Double,
    to history: inout FadingHistory
  ) {
    let levels = process.levels(rate: rate, count: Int(rate * seconds))
    for (at, level) in levels.enumerated() { history.add(level + mean + 60, at: start + Double(at) / rate) }
  }

  @Test func aPeerThatWasCarriedAwayIsDescribedAsItIsNow() throws {
    var generator = SeededGenerator(seed: 5)
    var history = FadingHistory()
    for at in 0..<1000 { history.add(-35, at: Double(at) / 50) }
    add(FadingProcess(doppler: 5, k: 0, using: &generator), mean: -68, rate: 100, seconds: 12, from: 20, to: &history)
    let fadingOrNot = history.estimate()
    let fading = try #require(fadingOrNot)
    #expect(abs(try #require(fading.mean).value + 68) < 1.5)
    #expect(try #require(fading.interval).contains(0))
    #expect(abs(try #require(fading.doppler).hertz - 5) < 1)
    // A step that fading can explain is none.
    #expect(fading.kind == .slow && fading.coherenceAtLeast.map { $0 < .milliseconds(60) } ?? false)
  }

  @Test(arguments: [(-68.0, -35.0), (-50, -65), (-65, -52)])
  func aStepIsSeenWithinEightSecondsWhicheverWayItGoes(_ means: (Double, Double)) throws {
    var generator = SeededGenerator(seed: 6)
    for _ in 0..<20 {
      var history = FadingHistory()
      add(
        FadingProcess(doppler: 4, k: 1, using: &generator), mean: means.0, rate: 50, seconds: 18, from: 0, to: &history)
      add(
        FadingProcess(doppler: 4, k: 1, using: &generator), mean: means.1, rate: 50, seconds: 8.5, from: 18,
        to: &history)
      let meanOrNot = history.estimate()?.mean
      let mean = try #require(meanOrNot)
      #expect(abs(mean.value - means.1) < 2.5)
    }
  }

  // A minute of a channel that stays what it is, however slowly it fades.
  @Test func fadingAloneIsNoOtherChannel() throws {
    var generator = SeededGenerator(seed: 7)
    for doppler in [1.0, 2, 5, 10] {
      var forgotten = 0
      for _ in 0..<50 {
        var history = FadingHistory()
        add(
          FadingProcess(doppler: doppler, k: 0, using: &generator), mean: -60, rate: 40, seconds: 60, from: 0,
          to: &history)
        let fadingOrNot = history.estimate()
        let fading = try #require(fadingOrNot)
        let whole = try #require(
          SampleGrid(times: history.times, levels: history.levels).map { FadingEstimate($0) })
        if fading.independentSamples < 0.9 * whole.independentSamples { forgotten += 1 }
      }
      #expect(forgotten <= (doppler < 2 ? 3 : 0), "\(doppler) Hz: \(forgotten) of 50")
    }
  }

  @Test func theShiftOutlastsTheTrafficThatShowedIt() throws {
    var generator = SeededGenerator(seed: 8)
    var history = FadingHistory()
    let process = FadingProcess(doppler: 5, k: 0, using: &generator)
    let levels = process.levels(rate: 100, count: 4000)
    for at in 0..<1000 { history.add(levels[at] - 8, at: Double(at) / 100) }
    let denseOrNot = history.estimate()?.doppler
    let dense = try #require(denseOrNot)
    // Now and then a few frames.
    for at in 1000..<4000 where at % 200 < 20 { history.add(levels[at] - 8, at: Double(at) / 100) }
    let sparseOrNot = history.estimate()?.doppler
    let sparse = try #require(sparseOrNot)
    #expect(abs(sparse.hertz - 5) < 1 && abs(dense.hertz - 5) < 1)
  }

  @Test func whatHasBecomeSlowerIsNotHeldToBeFast() throws {
    var generator = SeededGenerator(seed: 9)
    var history = FadingHistory()
    add(FadingProcess(doppler: 8, k: 0, using: &generator), mean: -60, rate: 100, seconds: 10, from: 0, to: &history)
    let fast = history.estimate()?.doppler
    #expect(abs(try #require(fast).hertz - 8) < 1.6)
    for at in 0..<2800 { history.add(-60, at: 10 + Double(at) / 40) }
    let slow = history.estimate()?.doppler
    #expect(slow == nil)
  }

  // Nothing is heard more than 8 dB below the mean. What is heard of this Rayleigh channel alone has a K of 1.3 in the median; the
  // bridged holes bring it down to 0.84, not to the 0 that it is.
  @Test func powersThatWereLostInFadesAreCountedAsLow() throws {
    var generator = SeededGenerator(seed: 10)
    var found: [Double] = []
    for _ in 0..<40 {
      var history = FadingHistory()
      let levels = FadingProcess(doppler: 5, k: 0, using: &generator).levels(rate: 100, count: 1200)
      for (at, level) in levels.enumerated() where level > -68 { history.add(level, at: Double(at) / 100) }
      let fading = history.estimate()
      found.append(try #require(fading?.k))
    }
    let median = found.sorted()[20]
    #expect(median < 0.9, "K of \(median) in the median")
  }

  // Signals as siftd's polls found them in the test bed, while visits went over a Rayleigh channel of 5 Hz (Tests/Data). Frames
  // were lost in its fades.
  @Test func frameLossInFadesMakesNeitherALineOfSightNorTwiceTheShift() throws {
    let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: here.appendingPathComponent("Data/signal-bed-5hz.csv"), encoding: .utf8)
    let samples = text.split(separator: "\n").dropFirst().compactMap { line -> (time: Double, level: Double)? in
      let fields = line.split(separator: ",").compactMap { Double($0) }
      return fields.count == 2 ? (fields[0], fields[1]) : nil
    }
    var (found, right, sighted, told) = (0, 0, 0, 0)
    for begin in stride(from: 0.0, to: 30, by: 0.7) {
      for length in [3.0, 4, 5, 6, 8, 12] {
        var history = FadingHistory()
        for sample in samples where sample.time >= begin && sample.time < begin + length {
          history.add(sample.level, at: sample.time)
        }
        guard let fading = history.estimate() else { continue }
        if let interval = fading.interval {
          told += 1
          if interval.lowerBound > 0.5 { sighted += 1 }
        }
        guard let doppler = fading.doppler else { continue }
        found += 1
        if abs(doppler.hertz - 5) <= 1 { right += 1 }
      }
    }
    #expect(found > 100 && Double(right) >= 0.98 * Double(found), "\(right) of \(found)")
    #expect(told > 100 && Double(sighted) <= 0.1 * Double(told), "\(sighted) of \(told)")
  }
}
