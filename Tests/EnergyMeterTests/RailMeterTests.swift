// Windows on signals whose energy is known in closed form, sampled through a clock that the test turns.

import EnergyMeter
import Foundation
import Glibc
import HostIO
import SiftCore
import SiftTestKit
import Testing

@Suite struct RailMeterTests {
  /// One power rail whose watts follow `watts(t)`, sampled every 100 ms from 0 s to `seconds`.
  private func window(
    _ tree: [String: String] = Boards.snapshots, seconds: Double, from start: Double = 0,
    files: any SysfsFiles = SystemFiles(), configuration: MeterConfiguration = .init(),
    before: (SysfsRoot, Double) throws -> Void
  ) throws -> EnergyReading {
    try withSysfs(tree, files: files) { root in
      let clock = ManualClock()
      let meter = RailMeter(sysfs: root, clock: clock, configuration: configuration)
      var token: WindowToken?
      for step in 0...Int((seconds * 10).rounded()) {
        let now = Double(step) / 10
        try before(root, now)
        if now >= start, token == nil { token = meter.open() }
        meter.sample()
        if step < Int((seconds * 10).rounded()) { clock.advance(by: .milliseconds(100)) }
      }
      return meter.close(try #require(token))
    }
  }

  private func power(_ watts: @escaping (Double) -> Double) -> (SysfsRoot, Double) throws -> Void {
    { root, now in try poke(root, "class/hwmon/hwmon0/power1_input", "\(Int64((watts(now) * 1e6).rounded()))") }
  }

  @Test func aConstantPowerGivesItsProductWithTime() throws {
    let reading = try window(seconds: 10, before: power { _ in 30 })
    #expect(abs(reading.energy.joules - 300) < 1e-6)
    #expect(reading.coverage == 1 && reading.samples == 100 && reading.standing == .measured)
    #expect(reading.rails == ["hwmon:ina226@0-0040:power1"] && reading.model == nil)
  }

  @Test func aRampIsExactForTrapezoids() throws {
    let reading = try window(seconds: 10, before: power { 5 + 2 * $0 })
    #expect(abs(reading.energy.joules - 150) < 1e-5)
  }

  @Test func aSineOverWholePeriodsGivesItsMean() throws {
    let reading = try window(seconds: 20, before: power { 10 + 4 * sin(2 * .pi * 0.5 * $0) })
    #expect(abs(reading.energy.joules - 200) < 1e-4)
  }

  @Test func aSquareIsRightWithinItsEdges() throws {
    // 1 s at 12 W in 5 W: each edge is smeared over one interval, and a trapezoid shares it evenly.
    let reading = try window(seconds: 10, before: power { $0 >= 4.05 && $0 < 5.05 ? 12 : 5 })
    #expect(abs(reading.energy.joules - (50 + 7)) < 1e-6)
    #expect(try #require(reading.uncertainty).joules > 0)
  }

  @Test func theUncertaintyCoversTheErrorOfRandomEdges() throws {
    var generator = SeededGenerator(seed: 7)
    var covered = 0
    for _ in 0..<60 {
      let begin = Double.random(in: 2..<3, using: &generator)
      let length = Double.random(in: 0.2..<3, using: &generator)
      // No gain error is simulated, so none may be allowed for.
      let reading = try window(
        seconds: 8, configuration: MeterConfiguration(gainUncertainty: [.hwmon: 0]),
        before: power { $0 >= begin && $0 < begin + length ? 12 : 5 })
      let error = abs(reading.energy.joules - (40 + 7 * length))
      if error <= 2 * (try #require(reading.uncertainty)).joules { covered += 1 }
    }
    #expect(covered >= 57)
  }

  @Test func aWindowCountsFromItsOwnBeginning() throws {
    let reading = try window(seconds: 10, from: 4, before: power { $0 < 4 ? 100 : 10 })
    // The stretch from 3.9 s belongs to the time before the window was opened.
    #expect(abs(reading.energy.joules - 60) < 1e-6)
    #expect(abs(reading.elapsed.seconds - 6) < 1e-9)
  }

  @Test func aFailedReadIsAGapAndNeverAValue() throws {
    let files = FaultyFiles()
    let reading = try window(
      seconds: 10, files: files,
      before: { root, now in
        files.heal()
        if now == 5 { files.fail("power1_input", errno: EIO) }
        try self.power { _ in 30 }(root, now)
      })
    // The two tenths around the failure are not known; nothing is filled in.
    #expect(abs(reading.energy.joules - 294) < 1e-6)
    #expect(abs(reading.coverage - 0.98) < 1e-9)
  }

  @Test func aValueBeyondBeliefIsAGapToo() throws {
    let reading = try window(seconds: 10, before: power { $0 == 5 ? 4_294_967 : 30 })
    #expect(abs(reading.energy.joules - 294) < 1e-6)
    #expect(abs(reading.coverage - 0.98) < 1e-9)
  }

  @Test func aCounterKeepsWhatAFailedReadMissed() throws {
    let files = FaultyFiles()
    let reading = try window(
      Boards.rapl, seconds: 10, files: files,
      before: { root, now in
        files.heal()
        if now == 5 { files.fail("intel-rapl:0/energy_uj", errno: EIO) }
        try poke(root, "class/powercap/intel-rapl:0/energy_uj", "\(Int64(now * 15e6))")
      })
    #expect(abs(reading.energy.joules - 150) < 1e-6)
    #expect(reading.coverage == 1)
  }

  @Test func aCounterThatWrapsInTheWindowLosesNothing() throws {
    let range: Int64 = 262_143_328_850
    let reading = try window(
      Boards.rapl, seconds: 10,
      before: { root, now in
        let count = (range - 40_000_000 + Int64(now * 15e6)) % range
        try poke(root, "class/powercap/intel-rapl:0/energy_uj", "\(count)")
      })
    #expect(abs(reading.energy.joules - 150) < 1e-6)
  }

  @Test func aCounterResetInTheWindowInventsNothing() throws {
    let reading = try window(
      Boards.rapl, seconds: 10,
      before: { root, now in
        let count = now < 5 ? Int64(now * 15e6) : Int64((now - 5) * 15e6)
        try poke(root, "class/powercap/intel-rapl:0/energy_uj", "\(count)")
      })
    #expect(abs(reading.energy.joules - (150 - 1.5)) < 1e-6)
    #expect(abs(reading.coverage - 0.99) < 1e-9)
  }

  @Test func railsOfASumAreAddedAndTheWeakestCoverageCounts() throws {
    let files = FaultyFiles()
    let reading = try window(
      Boards.agxOrin, seconds: 10, files: files,
      before: { _, now in
        files.heal()
        if now == 5 { files.fail("hwmon4/curr2_input", errno: ENODATA) }
      })
    // Four rails of 5 W, one of them with a gap of 0.2 s.
    #expect(abs(reading.energy.joules - 199) < 1e-6)
    #expect(reading.rails.count == 4 && abs(reading.coverage - 0.98) < 1e-9)
    #expect(reading.standing == .derived)
  }

  @Test func withoutRailsTheModelAnswersAndSaysSo() throws {
    try withSysfs([:]) { root in
      let clock = ManualClock()
      let model = PowerModel(
        idleWatts: 2, wattsPerBusyCore: 3, radioJoulesPerVisit: 0.5, radioJoulesPerByte: 0.01, source: "a test")
      let meter = RailMeter(sysfs: root, clock: clock, configuration: MeterConfiguration(model: model))
      let token = meter.open()
      clock.advance(by: .seconds(10))
      let reading = meter.close(token, activity: Activity(busyCoreSeconds: 4, visits: 2, bytes: 100))
      #expect(abs(reading.energy.joules - (20 + 12 + 1 + 1)) < 1e-9)
      #expect(abs((reading.dynamic?.joules ?? 0) - 14) < 1e-9)
      #expect(reading.standing == .modelled && reading.model == "a test" && reading.rails.isEmpty)
      #expect(reading.uncertainty == nil)
    }
  }

  @Test func aWindowThatSawNoSampleIsModelled() throws {
    try withSysfs(Boards.snapshots) { root in
      let clock = ManualClock()
      let meter = RailMeter(sysfs: root, clock: clock)
      let token = meter.open()
      clock.advance(by: .seconds(1))
      #expect(meter.close(token).standing == .modelled)
    }
  }

  @Test func aShortWindowBetweenTwoSamplesHoldsTheLastPower() throws {
    try withSysfs(Boards.snapshots) { root in
      let clock = ManualClock()
      let meter = RailMeter(sysfs: root, clock: clock)
      meter.sample()
      clock.advance(by: .milliseconds(30))
      let token = meter.open()
      clock.advance(by: .milliseconds(40))
      let reading = meter.close(token)
      #expect(abs(reading.energy.joules - 1.2) < 1e-9)
      #expect(reading.samples == 0 && reading.isLowConfidence && reading.coverage == 1)
      // A window is closed once.
      #expect(meter.close(token).elapsed == .zero)
    }
  }

  @Test func aSensorThatStoppedIsNotHeldForEver() throws {
    try withSysfs(Boards.snapshots) { root in
      let clock = ManualClock()
      let meter = RailMeter(sysfs: root, clock: clock)
      meter.sample()
      let token = meter.open()
      clock.advance(by: .seconds(10))
      #expect(meter.close(token).standing == .modelled)
    }
  }

  @Test func theIdleLevelIsFoundInWhatIsDrawn() throws {
    // Nine seconds of ten at 5 W idle, the tenth busy: dynamic energy is what lies above.
    let reading = try window(seconds: 40, from: 30, before: power { Int($0) % 10 == 9 ? 20 : 5 })
    let dynamic = try #require(reading.dynamic)
    #expect(abs(dynamic.joules - 15) < 1.6)
  }

  @Test func theLoopSamplesAtItsIntervalAndEndsWithItsTask() async throws {
    // Averages of 100 ms: the beat is theirs, and nothing is jittered.
    let tree = [
      "class/powercap/arm-scmi:0/name": "soc", "class/powercap/arm-scmi:0/power_uw": "30000000",
      "class/powercap/arm-scmi:0/constraint_0_time_window_us": "100000",
    ]
    try await withSysfs(tree) { root in
      let clock = ManualClock()
      let meter = RailMeter(sysfs: root, clock: clock)
      let loop = Task { try await meter.run() }
      for _ in 0..<5 {
        await clock.waitForSleepers(1)
        clock.advance(by: .milliseconds(100))
      }
      await clock.waitForSleepers(1)
      #expect(meter.latest.rounds == 6)
      #expect(meter.latest.rails.first?.power == .watts(30))
      #expect(abs((meter.latest.rails.first?.energy.joules ?? 0) - 15) < 1e-9)
      loop.cancel()
      await #expect(throws: CancellationError.self) { try await loop.value }
    }
  }

  @Test func byTheSystemsClockTheLoopSamplesAndEndsWithItsTaskAsWell() async throws {
    try await withSysfs(Boards.snapshots) { root in
      let meter = RailMeter(
        sysfs: root, clock: ContinuousClock(), configuration: MeterConfiguration(interval: .milliseconds(10)))
      let loop = Task { try await meter.run() }
      #expect(await eventually { meter.latest.rounds >= 5 })
      loop.cancel()
      await #expect(throws: CancellationError.self) { try await loop.value }
      // Nobody samples any more once it has ended.
      let rounds = meter.latest.rounds
      try await Task.sleep(for: .milliseconds(50))
      #expect(meter.latest.rounds == rounds)
    }
  }

  @Test(arguments: [("35", 35), ("7", 100), ("140", 100)])
  func averagesAreFollowedAtTheirOwnBeat(declared: String, milliseconds: Int) throws {
    // 7 ms would be too fast to follow, and more than the interval is gapless anyway.
    var tree = Boards.ina226
    tree["class/hwmon/hwmon0/update_interval"] = declared
    try withSysfs(tree) { #expect(RailMeter(sysfs: $0, clock: ManualClock()).interval == .milliseconds(milliseconds)) }
  }

  @Test func windowsOfManyThreadsAddUp() async throws {
    try await withSysfs(Boards.snapshots) { root in
      let clock = ManualClock()
      let meter = RailMeter(sysfs: root, clock: clock)
      let tokens = await withTaskGroup(of: WindowToken.self) { group in
        for _ in 0..<32 { group.addTask { meter.open() } }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(Set(tokens).count == 32)
      for _ in 0...10 {
        meter.sample()
        clock.advance(by: .milliseconds(100))
      }
      for token in tokens { #expect(abs(meter.close(token).energy.joules - 33) < 1e-9) }
    }
  }
}
