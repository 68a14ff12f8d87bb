// Readings are noted and worked off some rounds later; whoever asks never sees the difference.

import EnergyMeter
import HostIO
import SiftCore
import SiftTestKit
import Synchronization
import Testing

@Suite struct MeterBacklogTests {
  /// Three rails whose values and failures follow from a seed and the time.
  private static func tree(_ clock: ManualClock, seed: UInt64) -> SimulatedTree {
    var attributes: [String: SimulatedTree.Attribute] = ["class/hwmon/hwmon0/name": { "ina3221" }]
    for (at, label) in ["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"].enumerated() {
      attributes["class/hwmon/hwmon0/in\(at + 1)_label"] = { label }
      attributes["class/hwmon/hwmon0/in\(at + 1)_input"] = { "5000" }
      attributes["class/hwmon/hwmon0/shunt\(at + 1)_resistor"] = { "5000" }
      attributes["class/hwmon/hwmon0/curr\(at + 1)_input"] = {
        let millisecond = UInt64(clock.now.offset / .milliseconds(1))
        var generator = SplitMix(seed: seed ^ millisecond &* 31 ^ UInt64(at) << 40)
        return millisecond > 0 && generator.fraction() < 0.03 ? "!5" : "\(400 + Int(generator.fraction() * 900))"
      }
    }
    return SimulatedTree(attributes)
  }

  /// What windows and the meter say over three hundred rounds; `asks`: somebody looks after every round.
  private static func run(seed: UInt64, asks: Bool) -> (readings: [EnergyReading], latest: MeterSnapshot) {
    let clock = ManualClock()
    let slept = Mutex(Duration.zero)
    let meter = RailMeter(
      sources: MeterSources(sysfs: tree(clock, seed: seed).root, suspended: { slept.withLock { $0 } }), clock: clock,
      configuration: MeterConfiguration(interval: .milliseconds(10)))
    var generator = SplitMix(seed: seed)
    var open: [WindowToken] = []
    var readings: [EnergyReading] = []
    for _ in 0..<300 {
      clock.advance(by: .milliseconds(8 + Int(generator.fraction() * 4)))
      if generator.fraction() < 0.02 { slept.withLock { $0 += .seconds(1) } }
      meter.sample()
      if asks { _ = meter.latest }
      let chance = generator.fraction()
      if chance < 0.1 { open.append(meter.open(isActivity: chance < 0.08)) }
      if chance > 0.9, !open.isEmpty {
        let token = open.removeFirst()
        if chance > 0.95 { meter.end(token) }
        readings.append(meter.finish(token))
      }
    }
    readings += open.map { meter.close($0) }
    return (readings, meter.latest)
  }

  @Test(arguments: UInt64(1)...20)
  func askingAfterEveryRoundChangesNothing(seed: UInt64) {
    let (noted, asked) = (Self.run(seed: seed, asks: false), Self.run(seed: seed, asks: true))
    #expect(noted.readings == asked.readings && noted.readings.count > 10)
    #expect(noted.latest == asked.latest)
    #expect(noted.latest.rails.count + noted.latest.parts.count == 3)
    #expect(noted.readings.contains { $0.standing == .derived && $0.coverage < 1 })
  }
}
