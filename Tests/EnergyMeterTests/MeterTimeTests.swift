// Time that lies: suspends, steps of the clock, slow reads, devices that come and go; and what is held or padded.

import EnergyMeter
import Glibc
import HostIO
import SiftCore
import SiftTestKit
import Synchronization
import Testing

@Suite struct MeterTimeTests {
  /// A meter on one rail of 30 W, sampled each 100 ms by hand.
  private struct Bench {
    let clock = ManualClock()
    let slept = Knob(Duration.zero)
    let meter: RailMeter

    init(_ tree: [String: SimulatedTree.Attribute], configuration: MeterConfiguration = .init()) {
      meter = RailMeter(
        sources: MeterSources(sysfs: SimulatedTree(tree).root, suspended: { [slept] in slept.value }), clock: clock,
        configuration: configuration)
    }

    /// Samples at the beginning of each of `rounds` tenths of a second.
    func pass(_ rounds: Int) {
      for _ in 0..<rounds {
        meter.sample()
        clock.advance(by: .milliseconds(100))
      }
    }
  }

  private static func power(_ watts: @escaping @Sendable () -> Double) -> [String: SimulatedTree.Attribute] {
    [
      "class/hwmon/hwmon0/name": { "meter" },
      "class/hwmon/hwmon0/power1_input": { "\(Int((watts() * 1e6).rounded()))" },
    ]
  }

  private static func counter(_ microjoules: @escaping @Sendable () -> Int64) -> [String: SimulatedTree.Attribute] {
    [
      "class/powercap/intel-rapl:0/name": { "package-0" },
      "class/powercap/intel-rapl:0/max_energy_range_uj": { "262143328850" },
      "class/powercap/intel-rapl:0/energy_uj": { "\(microjoules())" },
    ]
  }

  @Test func aShortSuspendIsAGapAlthoughTheClockRanOn() {
    let bench = Bench(Self.power { 30 })
    let token = bench.meter.open()
    bench.pass(51)
    // Shorter than what is bridged between two samples.
    bench.slept.change { $0 += .milliseconds(50) }
    bench.pass(50)
    let reading = bench.meter.close(token)
    #expect(abs(reading.energy.joules - 30 * 10) < 1e-6)
    #expect(abs(reading.coverage - 10 / 10.1) < 1e-9)
  }

  @Test func aCounterSaysNothingOfASuspend() {
    let count = Knob<Int64>(0)
    let bench = Bench(Self.counter { count.change { $0 += 3_000_000 } })
    let token = bench.meter.open()
    bench.pass(51)
    bench.slept.change { $0 += .seconds(3600) }
    // It was reset meanwhile, and has grown beyond what it was.
    count.change { $0 += 500_000_000 }
    bench.pass(50)
    let reading = bench.meter.close(token)
    #expect(abs(reading.energy.joules - 30 * 10) < 1e-6)
    #expect(reading.coverage < 0.995)
  }

  @Test func twoClocksThatAreReadApartAreNoSuspend() {
    let bench = Bench(Self.power { 30 })
    let token = bench.meter.open()
    for _ in 0..<100 {
      bench.slept.change { $0 += .microseconds(3) }
      bench.pass(1)
    }
    #expect(bench.meter.close(token).coverage == 1)
  }

  @Test func aStepOfTheClockIsAGap() {
    let bench = Bench(Self.power { 30 })
    let token = bench.meter.open()
    bench.pass(50)
    bench.clock.advance(by: .seconds(1000))
    bench.pass(51)
    let reading = bench.meter.close(token)
    #expect(abs(reading.energy.joules - 30 * 10) < 1e-6)
    #expect(abs(reading.coverage - 10 / 1010.1) < 1e-9 && reading.isLowConfidence)
  }

  @Test func aReadThatTookHalfAnIntervalIsDiscarded() {
    let clock = ManualClock()
    let slow = Knob(false)
    let tree = Self.power {
      if slow.value { clock.advance(by: .milliseconds(51)) }
      return 30
    }
    let meter = RailMeter(sources: MeterSources(sysfs: SimulatedTree(tree).root), clock: clock)
    meter.sample()
    slow.value = true
    meter.sample()
    #expect(meter.latest.rails.first?.failures == 1 && meter.latest.rails.first?.samples == 1)
  }

  @Test func aMeanBelongsToTheMiddleOfItsTime() throws {
    // A ramp of 1 W/s that the firmware averages over 200 ms: each mean is the power 100 ms ago.
    let clock = ManualClock()
    let begin = clock.now
    let now = { @Sendable in begin.duration(to: clock.now).seconds }
    let tree: [String: SimulatedTree.Attribute] = [
      "class/powercap/arm-scmi:0/name": { "soc" },
      "class/powercap/arm-scmi:0/constraint_0_time_window_us": { "200000" },
      "class/powercap/arm-scmi:0/power_uw": { "\(Int(((10 + now() - 0.1) * 1e6).rounded()))" },
    ]
    let meter = RailMeter(sources: MeterSources(sysfs: SimulatedTree(tree).root), clock: clock)
    for _ in 0..<10 {
      meter.sample()
      clock.advance(by: .milliseconds(100))
    }
    let token = meter.open()
    for _ in 0..<50 {
      meter.sample()
      clock.advance(by: .milliseconds(100))
    }
    meter.end(token)
    for _ in 0..<6 {
      meter.sample()
      clock.advance(by: .milliseconds(100))
    }
    // From 1 s to 6 s: 5 × (10 + 3.5).
    let reading = meter.finish(token)
    #expect(abs(reading.energy.joules - 67.5) < 1e-5 && abs(reading.coverage - 1) < 1e-9)
  }

  /// Fifteen idle seconds at 5 W in averages of 100 ms, then what the test does, then the samples that settle it.
  private func padded(_ body: (Bench) -> WindowToken) -> EnergyReading {
    let bench = Bench([
      "class/powercap/arm-scmi:0/name": { "soc" }, "class/powercap/arm-scmi:0/power_uw": { "5000000" },
      "class/powercap/arm-scmi:0/constraint_0_time_window_us": { "100000" },
    ])
    bench.pass(150)
    let token = body(bench)
    bench.meter.end(token)
    bench.pass(10)
    return bench.meter.finish(token)
  }

  @Test func aWindowInQuietSurroundingsIsPadded() {
    let reading = padded { bench in
      let token = bench.meter.open()
      bench.pass(10)
      return token
    }
    #expect(reading.isPadded && abs(reading.energy.joules - 5) < 1e-6 && abs(reading.dynamic?.joules ?? 1) < 1e-6)
  }

  @Test func aWindowBesideAnotherIsNotPadded() {
    for isBefore in [true, false] {
      let reading = padded { bench in
        let other = isBefore ? bench.meter.open() : nil
        if isBefore { bench.pass(1) }
        let token = bench.meter.open()
        if let other { _ = bench.meter.close(other) }
        bench.pass(10)
        if !isBefore {
          bench.meter.end(token)
          _ = bench.meter.open()
        }
        return token
      }
      #expect(!reading.isPadded && abs(reading.energy.joules - 5) < 1e-6, "another before: \(isBefore)")
    }
  }

  @Test func aWindowThatOnlyKeepsBooksDisturbsNobody() {
    let reading = padded { bench in
      _ = bench.meter.open(isActivity: false)
      let token = bench.meter.open()
      bench.pass(10)
      return token
    }
    #expect(reading.isPadded)
  }

  @Test func aDeviceThatWasBoundAnewGoesOnUnderItsName() throws {
    var moved: [String: String] = [:]
    for (path, text) in Boards.ina226 { moved[path.replacing("hwmon0", with: "hwmon7")] = text }
    try withSysfs(Boards.ina226) { root in
      try withSysfs(moved) { other in
        let files = SwitchedFiles(root.path)
        let clock = ManualClock()
        let meter = RailMeter(sysfs: SysfsRoot(path: "/switched", files: files), clock: clock)
        meter.sample()
        files.unplug()
        for _ in 0..<10 {
          clock.advance(by: .milliseconds(100))
          meter.sample()
        }
        #expect(meter.latest.rails.first?.power == nil && meter.latest.rails.first?.failures == 10)
        files.plug(other.path)
        meter.reopenSilent()
        meter.sample()
        #expect(meter.latest.rails.first?.power == .watts(30))
      }
    }
  }

  /// A tree that is taken away and comes back elsewhere; what was open stays dead.
  private final class SwitchedFiles: SysfsFiles {
    private let place: Mutex<(path: String, generation: Int)>
    init(_ path: String) { place = Mutex((path, 0)) }
    func unplug() { place.withLock { $0 = ("/nowhere", $0.generation + 1) } }
    func plug(_ path: String) { place.withLock { $0 = (path, $0.generation + 1) } }

    private func real(_ path: String) -> String { place.withLock { $0.path } + path.dropFirst("/switched".count) }
    func open(_ path: String) throws(SysfsError) -> any SysfsHandle {
      let born = place.withLock { $0.generation }
      return Handle(
        base: try SystemFiles().open(real(path)), isAlive: { self.place.withLock { $0.generation } == born })
    }
    func list(_ path: String) -> [String] { SystemFiles().list(real(path)) }
    func link(_ path: String) -> String? { SystemFiles().link(real(path)) }
    func resolve(_ path: String) -> String? { SystemFiles().resolve(real(path)) }

    private struct Handle: SysfsHandle {
      let base: any SysfsHandle
      let isAlive: @Sendable () -> Bool
      func read(into buffer: UnsafeMutableRawBufferPointer) throws(SysfsError) -> Int {
        guard isAlive() else { throw .missing(path: "unplugged") }
        return try base.read(into: buffer)
      }
    }
  }

  /// A package that draws `watts` and whose counter wraps after 5.05 s.
  private static func zone(_ number: Int, watts: Double, _ clock: ManualClock) -> [String: SimulatedTree.Attribute] {
    let (begin, range) = (clock.now, Int64(262_143_328_850))
    let base = "class/powercap/intel-rapl:\(number)"
    let count = { @Sendable in
      let used = (begin.duration(to: clock.now).seconds - 5.05) * watts * 1e6
      return (range + Int64(used.rounded())) % range
    }
    return [
      "\(base)/name": { "package-\(number)" },
      "\(base)/max_energy_range_uj": { "\(range)" },
      "\(base)/energy_uj": { "\(count())" },
    ]
  }

  @Test func twoCountersThatWrapInOneRoundBothKeepTheirJoules() {
    let clock = ManualClock()
    var tree = Self.zone(0, watts: 15, clock)
    tree.merge(Self.zone(1, watts: 40, clock)) { $1 }
    let meter = RailMeter(sources: MeterSources(sysfs: SimulatedTree(tree).root), clock: clock)
    let token = meter.open()
    for _ in 0...100 {
      meter.sample()
      clock.advance(by: .milliseconds(100))
    }
    let reading = meter.close(token)
    #expect(reading.rails.count == 2 && reading.coverage == 1)
    // 10 s counted and a tenth held.
    #expect(abs(reading.energy.joules - 55 * 10.1) < 1e-3)
    #expect(abs((reading.parts.first?.joules ?? 0) - 15 * 10.1) < 1e-3)
  }

  @Test func aFailedReadAcrossAWrapLosesNothing() {
    let clock = ManualClock()
    let begin = clock.now
    let range: Int64 = 262_143_328_850
    let tree = Self.counter {
      (range - 50_000_000 + Int64((begin.duration(to: clock.now).seconds * 20e6).rounded())) % range
    }
    let failing = Knob(false)
    var faulty = tree
    faulty["class/powercap/intel-rapl:0/energy_uj"] = {
      if failing.value { return "!\(EIO)" }
      return tree["class/powercap/intel-rapl:0/energy_uj"]?() ?? ""
    }
    let meter = RailMeter(sources: MeterSources(sysfs: SimulatedTree(faulty).root), clock: clock)
    let token = meter.open()
    for round in 0...100 {
      // Silent from 2 s to 3 s; the wrap is at 2.5 s.
      failing.value = (20...30).contains(round)
      meter.sample()
      clock.advance(by: .milliseconds(100))
    }
    let reading = meter.close(token)
    #expect(abs(reading.energy.joules - 20 * 10.1) < 1e-3 && reading.coverage == 1)
  }
}
