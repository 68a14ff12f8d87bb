// Which rails make up the machine, board by board (labels as the boards' device trees and field reports give them).

import EnergyMeter
import SiftCore
import SiftTestKit
import Testing

@Suite struct BoardProfileTests {
  struct Board: Sendable, CustomTestStringConvertible {
    let name: String
    /// `[chip: [label]]`, in channels 1…3.
    let hwmon: [[String]]
    let total: [String]
    var testDescription: String { name }
  }

  static let boards = [
    Board(name: "Xavier NX", hwmon: [["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"]], total: ["VDD_IN"]),
    Board(
      name: "AGX Xavier", hwmon: [["GPU", "CPU", "SOC"], ["CV", "VDDRQ", "SYS5V"]],
      total: ["GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"]),
    Board(
      name: "TX2", hwmon: [["VDD_SYS_GPU", "VDD_SYS_SOC", "VDD_3V8_WIFI"], ["VDD_IN", "VDD_SYS_CPU", "VDD_5V0_DDR"]],
      total: ["VDD_IN"]),
    Board(name: "AGX Thor", hwmon: [["VIN"], ["VDD_GPU", "VDD_CPU", "VDD_SOC"]], total: ["VIN"]),
    Board(
      name: "AGX Orin", hwmon: [["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"], ["NC", "VDDQ_VDD2_1V8AO", "NC"]],
      total: ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"]),
  ]

  @Test(arguments: boards) func nothingIsCountedTwice(board: Board) throws {
    var tree: [String: String] = [:]
    for (chip, labels) in board.hwmon.enumerated() {
      let base = "class/hwmon/hwmon\(chip)"
      tree["\(base)/name"] = "ina3221"
      tree["\(base)/device"] = "-> ../../../devices/platform/i2c-1/1-004\(chip)"
      for (at, label) in labels.enumerated() {
        tree["\(base)/in\(at + 1)_label"] = label
        tree["\(base)/in\(at + 1)_input"] = "5000"
        tree["\(base)/curr\(at + 1)_input"] = "200"
      }
    }
    try withSysfs(tree) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.total.compactMap { catalog.rail($0)?.label } == board.total)
      for id in catalog.total { #expect(!catalog.total.contains(catalog.rail(id)?.parent ?? "")) }
    }
  }

  /// A Jetson Nano of JetPack 4: the INA3221 as an industrial I/O device.
  static let nano: [String: String] = {
    let device = "devices/50000000.host1x/546c0000.i2c/i2c-6/6-0040/iio:device0"
    var tree = ["bus/iio/devices/iio:device0": "-> ../../../\(device)", "\(device)/name": "ina3221x"]
    for (at, (label, milliwatts)) in [("POM_5V_IN", 2100), ("POM_5V_GPU", 80), ("POM_5V_CPU", 400)].enumerated() {
      tree["\(device)/rail_name_\(at)"] = label
      tree["\(device)/in_power\(at)_input"] = "\(milliwatts)"
      tree["\(device)/in_voltage\(at)_input"] = "5000"
      tree["\(device)/in_current\(at)_input"] = "\(milliwatts / 5)"
    }
    return tree
  }()

  @Test func theInputOfAJetsonNanoIsFoundThroughIndustrialIO() throws {
    try withSysfs(Self.nano) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.total == ["iio:ina3221x@6-0040:POM_5V_IN"])
      #expect(catalog.rail("iio:ina3221x@6-0040:POM_5V_IN")?.power == .watts(2.1))
      #expect(catalog.rail("iio:ina3221x@6-0040:POM_5V_CPU")?.parent == "iio:ina3221x@6-0040:POM_5V_IN")
    }
  }

  @Test(arguments: [
    (["in_power2_raw": "1200", "in_power2_scale": "2.5"], 3.0),
    (["in_power2_raw": "1200", "in_power_scale": "0.5"], 0.6),
    (["in_power_raw": "1200", "in_power_scale": "0.5", "in_power_offset": "-200"], 0.5),
  ])
  func rawFiguresAreScaled(files: [String: String], watts: Double) throws {
    var tree = ["bus/iio/devices/iio:device3/name": "ina2xx"]
    for (file, text) in files { tree["bus/iio/devices/iio:device3/\(file)"] = text }
    try withSysfs(tree) { root in
      let rail = try #require(RailCatalog.discover(root).rails.first)
      #expect(abs((rail.power?.watts ?? 0) - watts) < 1e-12 && rail.source == .iio)
    }
  }

  @Test(arguments: [
    ["in_power2_raw": "1200"], ["in_power2_raw": "1200", "in_power2_scale": "wide"],
    ["in_power2_raw": "1200", "in_power2_scale": "1", "in_power2_offset": "?"], ["in_voltage0_raw": "3"],
  ])
  func aFigureWithoutItsScaleIsNoRail(files: [String: String]) throws {
    var tree = ["bus/iio/devices/iio:device3/name": "ina2xx"]
    for (file, text) in files { tree["bus/iio/devices/iio:device3/\(file)"] = text }
    try withSysfs(tree) { #expect(RailCatalog.discover($0).rails.isEmpty) }
  }
}
