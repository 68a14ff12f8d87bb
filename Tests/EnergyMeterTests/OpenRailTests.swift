// What one reading of a rail asks of its chip.

import EnergyMeter
import HostIO
import Synchronization
import Testing

@Suite struct OpenRailTests {
  // On a slow bus a transfer is what a rail costs.
  @Test func voltsAndAmperesAreReadOnceEach() throws {
    let reads = Mutex<[String]>([])
    let tree = SimulatedTree([
      "volts": {
        reads.withLock { $0.append("volts") }
        return "5000"
      },
      "amperes": {
        reads.withLock { $0.append("amperes") }
        return "1200"
      },
    ])
    let rail = Rail(
      id: "hwmon:ina3221@1-0040:VDD_IN", source: .hwmon, name: "ina3221", label: "VDD_IN", kind: .total,
      standing: .measured,
      probe: .product(volts: "volts", voltsPerUnit: 1e-3, amperes: "amperes", amperesPerUnit: 1e-3))
    let open = try OpenRail(rail, on: RailDevices(MeterSources(sysfs: tree.root)))
    #expect(try open.read() == .watts(5000 * 1200 * 1e-6))
    #expect(reads.withLock { $0 } == ["volts", "amperes"])
  }
}
