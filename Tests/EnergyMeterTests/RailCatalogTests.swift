// What is found on known boards, and what becomes of readings that lie.

import EnergyMeter
import Glibc
import HostIO
import SiftCore
import SiftTestKit
import Testing

@Suite struct RailCatalogTests {
  @Test func theWholeModuleOfAnOrinNXHoldsItsOtherRails() throws {
    try withSysfs(Boards.orinNX) { root in
      let catalog = RailCatalog.discover(root)
      #expect(
        catalog.rails.map(\.id) == [
          "hwmon:ina3221@1-0040:VDD_IN", "hwmon:ina3221@1-0040:VDD_CPU_GPU_CV", "hwmon:ina3221@1-0040:VDD_SOC",
        ])
      #expect(catalog.total == ["hwmon:ina3221@1-0040:VDD_IN"])
      let whole = try #require(catalog.rails.first)
      #expect(whole.kind == .total && whole.parent == nil && whole.standing == .derived)
      #expect(abs((whole.power?.watts ?? 0) - 5.04) < 1e-12)
      #expect(abs((whole.resolution?.watts ?? 0) - 0.04) < 1e-12)
      #expect(whole.refresh == .milliseconds(7))
      #expect(catalog.rails.dropFirst().allSatisfy { $0.parent == whole.id && $0.kind == .part })
    }
  }

  @Test func anAGXOrinHasASumAndNoTotal() throws {
    try withSysfs(Boards.agxOrin) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.rails.allSatisfy { $0.kind == .part })
      #expect(
        catalog.total == [
          "hwmon:ina3221@1-0040:VDD_GPU_SOC", "hwmon:ina3221@1-0040:VDD_CPU_CV", "hwmon:ina3221@1-0040:VIN_SYS_5V0",
          "hwmon:ina3221@1-0041:VDDQ_VDD2_1V8AO",
        ])
      #expect(catalog.rails.filter { $0.label == "NC" }.map(\.problem) == [.notConnected, .notConnected])
    }
  }

  @Test func aZoneIsNeverAddedToOneThatContainsIt() throws {
    try withSysfs(Boards.rapl) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.total == ["powercap:intel-rapl:package-0"])
      #expect(catalog.rail("powercap:intel-rapl:package-0/core")?.parent == "powercap:intel-rapl:package-0")
      #expect(catalog.rail("powercap:intel-rapl-mmio:package-0")?.parent == "powercap:intel-rapl:package-0")
      #expect(catalog.rail("powercap:intel-rapl:package-0")?.energy == .joules(1))
    }
  }

  @Test func thePlatformZoneStandsForThePackagesInIt() throws {
    var tree = Boards.rapl
    tree["class/powercap/intel-rapl:1/name"] = "psys"
    tree["class/powercap/intel-rapl:1/energy_uj"] = "5000000"
    try withSysfs(tree) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.total == ["powercap:intel-rapl:psys"])
      #expect(catalog.rail("powercap:intel-rapl:package-0")?.parent == "powercap:intel-rapl:psys")
    }
  }

  @Test func aZoneWithPowerAloneIsReadAndAnEnergyModelIsNeverAdded() throws {
    let tree = [
      "class/powercap/arm-scmi:0/name": "soc", "class/powercap/arm-scmi:0/power_uw": "2500000",
      "class/powercap/dtpm:0/name": "root", "class/powercap/dtpm:0/power_uw": "900000",
    ]
    try withSysfs(tree) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.total == ["powercap:arm-scmi:soc"])
      #expect(catalog.rail("powercap:arm-scmi:soc")?.power == .watts(2.5))
      let model = try #require(catalog.rail("powercap:dtpm:root"))
      #expect(model.kind == .estimate && model.standing == .modelled)
    }
  }

  @Test(arguments: [("Discharging", 11.4, true), ("Charging", -11.4, false)])
  func theStatusOfABatterySaysWhereThePowerGoes(status: String, watts: Double, serves: Bool) throws {
    try withSysfs(Boards.battery(status: status)) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.rails.map(\.id) == ["power_supply:BAT0"])
      #expect(abs((catalog.rails.first?.power?.watts ?? 0) - watts) < 1e-9)
      #expect(catalog.total == (serves ? ["power_supply:BAT0"] : []))
    }
  }

  @Test func thePowerRegisterIsTakenBeforeVoltTimesAmpere() throws {
    try withSysfs(Boards.ina226) { root in
      let catalog = RailCatalog.discover(root)
      let rail = try #require(catalog.rails.first)
      #expect(catalog.rails.count == 1 && catalog.total == [rail.id])
      #expect(rail.id == "hwmon:ina226@0-0040:power1" && rail.standing == .measured)
      #expect(rail.power == .watts(30) && rail.refresh == .milliseconds(35))
      #expect(abs((rail.resolution?.watts ?? 0) - 0.00625) < 1e-12)
    }
  }

  @Test func attributesInTheOldPlaceAreFound() throws {
    let tree = [
      "class/hwmon/hwmon1/device/name": "ina219", "class/hwmon/hwmon1/device/power1_input": "1500000",
    ]
    try withSysfs(tree) { root in
      #expect(RailCatalog.discover(root).rails.first?.power == .watts(1.5))
    }
  }

  @Test func aRenumberedChipKeepsItsName() throws {
    let moved = Dictionary(
      uniqueKeysWithValues: Boards.orinNX.map { ($0.key.replacing("hwmon4", with: "hwmon11"), $0.value) })
    let before = try withSysfs(Boards.orinNX) { RailCatalog.discover($0) }
    let after = try withSysfs(moved) { RailCatalog.discover($0) }
    #expect(before.rails.map(\.id) == after.rails.map(\.id))
  }

  @Test func severalRailsOfUnknownMeaningMakeNoTotal() throws {
    var tree = Boards.ina226
    for (path, text) in Boards.ina226 {
      tree[path.replacing("hwmon0", with: "hwmon1")] = text.replacing("0-0040", with: "0-0041")
    }
    try withSysfs(tree) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.rails.count == 2 && catalog.total.isEmpty)
    }
  }

  @Test(arguments: [
    (ENODATA, RailProblem.disabled), (EIO, .ioError), (EAGAIN, .timeout), (ETIMEDOUT, .timeout), (EACCES, .permission),
  ])
  func aRefusedReadIsNamed(code: Int32, problem: RailProblem) throws {
    let files = FaultyFiles()
    files.fail("power1_input", errno: code)
    try withSysfs(Boards.ina226, files: files) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.rails.map(\.problem) == [problem])
      #expect(catalog.rails.first?.power == nil && catalog.total.isEmpty)
    }
  }

  @Test func oneMissedAnswerOfTheBusDoesNotLoseTheRail() throws {
    let files = FaultyFiles()
    files.fail("power1_input", errno: EIO, times: 2)
    try withSysfs(Boards.ina226, files: files) { #expect(RailCatalog.discover($0).rails.first?.isUsable == true) }
  }

  @Test(arguments: ["", "n/a", "12 34", "0x10", "99999999999999999999", "-", "1.5"])
  func textThatIsNoNumberIsNamed(text: String) throws {
    var tree = Boards.ina226
    tree["class/hwmon/hwmon0/power1_input"] = text
    try withSysfs(tree) { #expect(RailCatalog.discover($0).rails.first?.problem == .malformed) }
  }

  @Test(arguments: [("-0", 0.0), ("2500000\r\n", 2.5), ("+1000000", 1), (" 3000000 ", 3)])
  func oddButHonestTextIsRead(text: String, watts: Double) throws {
    var tree = Boards.ina226
    tree["class/hwmon/hwmon0/power1_input"] = text
    try withSysfs(tree) { #expect(RailCatalog.discover($0).rails.first?.power == .watts(watts)) }
  }

  @Test func theGarbageOfABrokenPowerMeterIsNotBelieved() throws {
    var tree = Boards.ina226
    tree["class/hwmon/hwmon0/power1_input"] = "4294967295000"
    try withSysfs(tree) { #expect(RailCatalog.discover($0).rails.first?.problem == .implausible) }
  }

  @Test func aShuntAThousandTimesTooSmallIsNotBelieved() throws {
    var tree = Boards.orinNX
    tree["class/hwmon/hwmon4/shunt3_resistor"] = "5"
    tree["class/hwmon/hwmon4/curr3_input"] = "29600"
    try withSysfs(tree) { root in
      #expect(RailCatalog.discover(root).rails.map(\.problem) == [nil, nil, .implausible])
    }
  }

  @Test func aDisabledChannelIsNotRead() throws {
    var tree = Boards.orinNX
    tree["class/hwmon/hwmon4/in2_enable"] = "0"
    try withSysfs(tree) { root in
      #expect(RailCatalog.discover(root).rails.map(\.problem) == [nil, .disabled, nil])
    }
  }

  @Test func aMachineWithoutAnythingHasNoRails() throws {
    try withSysfs([:]) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.rails.isEmpty && catalog.total.isEmpty)
    }
  }
}
