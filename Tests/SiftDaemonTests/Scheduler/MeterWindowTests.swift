// The energy books of requests on a rail meter whose clock and rail the test turns.

import EnergyLedger
import EnergyMeter
import HostIO
import SiftCore
import SiftDaemon
import SiftTestKit
import Synchronization
import Testing

/// A meter on one power rail, 5 W at rest, whose idle level is known.
private final class MeterBench {
  let clock = ManualClock()
  let meter: RailMeter
  let windows: MeterWindows
  let kept = Kept()
  private let root: SysfsRoot

  final class Kept: Sendable {
    let entries = Mutex<[WindowEntry]>([])
  }

  static let tree = [
    "class/hwmon/hwmon0/name": "ina226", "class/hwmon/hwmon0/device": "-> ../../../devices/platform/i2c-1/1-0040",
    "class/hwmon/hwmon0/power1_input": "5000000", "class/hwmon/hwmon0/power1_label": "VDD_IN",
  ]

  init(_ root: SysfsRoot) throws {
    self.root = root
    meter = RailMeter(sysfs: root, clock: clock)
    let (clock, kept) = (clock, kept)
    windows = MeterWindows(
      meter, now: { clock.now.offset }, wall: { 1_000_000 + clock.now.offset.seconds },
      keep: { entries in kept.entries.withLock { $0 += entries } })
    try run(seconds: 20, watts: 5)
  }

  func run(seconds: Double, watts: Double) throws {
    if !meter.catalog.rails.isEmpty {
      try poke(root, "class/hwmon/hwmon0/power1_input", "\(Int64(watts * 1e6))")
    }
    for _ in 0..<Int((seconds * 10).rounded()) {
      clock.advance(by: .milliseconds(100))
      meter.sample()
    }
  }
}

@Suite("Energy books on a meter")
struct MeterWindowTests {
  @Test("a request alone has what the rail brought above idle, and the idle power of its time")
  func alone() throws {
    try withSysfs(MeterBench.tree) { root in
      let bench = try MeterBench(root)
      let request = bench.windows.open()
      try bench.run(seconds: 10, watts: 12)
      bench.windows.work(request, StepWork(coreSeconds: 8))
      bench.windows.endOfStep()
      let energy = bench.windows.close(request)
      // The edge from 5 to 12 W lies in the first tenth of a second, as a line.
      #expect(abs(energy.total - 119.65) < 1e-6)
      #expect(abs((energy.dynamic ?? 0) - 69.65) < 1e-6)
      #expect(energy.standing == .measured && energy.coverage == 1 && !energy.isLowConfidence)
      #expect((energy.uncertainty ?? 0) > 0)
      // No rail feeds the radio alone, and the power model has nothing to say where a rail is.
      #expect(energy.radio == nil && energy.compute == nil)
    }
  }

  @Test("requests that overlap share by their work while they do, and not by how long they were there")
  func overlap() throws {
    try withSysfs(MeterBench.tree) { root in
      let bench = try MeterBench(root)
      let first = bench.windows.open()
      try bench.run(seconds: 10, watts: 12)
      bench.windows.work(first, StepWork(coreSeconds: 10))
      bench.windows.endOfStep()
      let second = bench.windows.open()
      try bench.run(seconds: 10, watts: 12)
      bench.windows.work(first, StepWork(coreSeconds: 1))
      bench.windows.work(second, StepWork(coreSeconds: 3))
      bench.windows.endOfStep()
      let energies = [bench.windows.close(first), bench.windows.close(second)]
      #expect(abs((energies[0].dynamic ?? 0) - (69.65 + 17.5)) < 1e-6)
      #expect(abs((energies[1].dynamic ?? 0) - 52.5) < 1e-6)
      #expect(abs(energies[0].total + energies[1].total - (119.65 + 120)) < 1e-6)
    }
  }

  @Test("minutes of the rail are kept, and nothing of them is lost: requests, idle, and what nobody asked for")
  func minutes() throws {
    try withSysfs(MeterBench.tree) { root in
      let bench = try MeterBench(root)
      bench.windows.tick()
      let before = bench.meter.latest.rails[0].energy.joules
      for round in 0..<30 {
        let request = round % 3 == 0 ? bench.windows.open() : nil
        try bench.run(seconds: 5, watts: request == nil ? 6 : 12)
        if let request {
          bench.windows.work(request, StepWork(coreSeconds: 4))
          bench.windows.endOfStep()
          _ = bench.windows.close(request)
        }
        bench.windows.tick()
      }
      bench.windows.finish()
      let entries = bench.kept.entries.withLock { $0 }
      #expect(entries.count == 3 && entries.allSatisfy { $0.coverage == 1 && $0.standing == .measured })
      for entry in entries {
        #expect(abs(entry.requests + (entry.idle ?? 0) + entry.unattributed - entry.joules) < 1e-9)
        #expect(entry.requests > 0 && entry.unattributed > 0)
      }
      // One entry follows the other without a gap, and together they are the rail.
      #expect(zip(entries, entries.dropFirst()).allSatisfy { $0.end == $1.start })
      let sum = entries.reduce(0) { $0 + $1.joules }
      #expect(abs(sum - (bench.meter.latest.rails[0].energy.joules - before)) < 1e-6)
    }
  }

  @Test("a long step's energy is its request's, although the minute ends within it")
  func longStep() throws {
    try withSysfs(MeterBench.tree) { root in
      let bench = try MeterBench(root)
      let request = bench.windows.open()
      for _ in 0..<5 {
        try bench.run(seconds: 2, watts: 12)
        bench.windows.tick()
      }
      bench.windows.work(request, StepWork(coreSeconds: 10))
      bench.windows.endOfStep()
      #expect(abs((bench.windows.close(request).dynamic ?? 0) - 69.65) < 1e-6)
    }
  }

  @Test("without a rail each request pays for its own work by the model, its radio too")
  func modelled() throws {
    try withSysfs([:]) { root in
      let bench = try MeterBench(root)
      let model = bench.meter.configuration.model
      let first = bench.windows.open()
      let second = bench.windows.open()
      try bench.run(seconds: 10, watts: 0)
      bench.windows.work(first, StepWork(coreSeconds: 4))
      bench.windows.work(second, StepWork(coreSeconds: 1, visits: 3, bytes: 900, radioJoules: 0.25))
      bench.windows.endOfStep()
      let energies = [bench.windows.close(first), bench.windows.close(second)]
      #expect(abs((energies[0].dynamic ?? 0) - 4 * model.wattsPerBusyCore) < 1e-9)
      #expect(abs((energies[1].dynamic ?? 0) - (model.wattsPerBusyCore + 0.25)) < 1e-9)
      #expect(energies[1].radio == 0.25 && energies[0].radio == 0 && energies[1].radioStanding == .modelled)
      #expect(energies.allSatisfy { $0.standing == .modelled })
      #expect(
        abs(energies[0].total + energies[1].total - (10 * model.idleWatts + 5 * model.wattsPerBusyCore + 0.25)) < 1e-9)
    }
  }
}
