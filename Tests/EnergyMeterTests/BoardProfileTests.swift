// Which rails make up the machine, board by board.

import EnergyMeter
import HostIO
import SiftCore
import SiftTestKit
import Testing

@Suite struct BoardProfileTests {
  @Test(arguments: BoardTree.known.indices) func eachBoardHasItsTotalAndItsTree(number: Int) throws {
    let board = BoardTree.known[number]
    try withSysfs(board.tree) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.total == board.total, "\(board.name)")
      #expect((catalog.note != nil) == board.hasNote, "\(board.name): \(catalog.note ?? "no note")")
      for (id, parent) in board.parts {
        let rail = try #require(catalog.rail(id), "\(board.name): \(id)")
        #expect(rail.isUsable && (rail.parent ?? "") == parent, "\(board.name): \(id)")
      }
      if let watts = board.watts {
        let sum = catalog.total.compactMap { catalog.rail($0)?.power?.watts }.reduce(0, +)
        #expect(abs(sum - watts) < 1e-9, "\(board.name): \(sum) W")
      }
    }
  }

  @Test(arguments: BoardTree.known.indices) func nothingIsCountedTwice(number: Int) throws {
    try withSysfs(BoardTree.known[number].tree) { root in
      let catalog = RailCatalog.discover(root)
      #expect(catalog.problems(RailRules(), totals: catalog.total).isEmpty)
      for id in catalog.total { #expect(!catalog.total.contains(catalog.rail(id)?.parent ?? "")) }
      #expect(catalog.total.allSatisfy { catalog.rail($0)?.kind != .estimate })
    }
  }

  @Test func aRaspberryPi5TellsTwelveRegulatorsThroughItsMailbox() throws {
    let catalog = RailCatalog.discover(
      MeterSources(
        sysfs: SysfsRoot(path: "/nowhere"), mailbox: FakeMailbox { BoardTree.raspberryPi5 }),
      rules: RailRules())
    #expect(catalog.rails.count == 12 && catalog.total.count == 12)
    #expect(catalog.rails.allSatisfy { $0.source == .mailbox && $0.standing == .derived && $0.kind == .part })
    let radio = try #require(catalog.rail("mailbox:pmic:3V7_WL_SW"))
    #expect(abs((radio.power?.watts ?? 0) - 0.37) < 1e-12)
    #expect(catalog.rail("mailbox:pmic:EXT5V") == nil)
    #expect(catalog.note?.contains("Raspberry Pi 5") == true)
  }

  @Test func aMailboxThatMayNotBeAskedSaysWhichGroupMay() throws {
    let mailbox = FakeMailbox { "!13" }
    let catalog = RailCatalog.discover(
      MeterSources(sysfs: SysfsRoot(path: "/nowhere"), mailbox: mailbox), rules: RailRules())
    #expect(catalog.rails.map(\.problem) == [.permission] && catalog.total.isEmpty)
    #expect(catalog.rails.first?.advice?.contains("group video") == true)
  }

  @Test func anOlderFirmwareThatKnowsNoRegulatorsIsNoRail() throws {
    let mailbox = FakeMailbox { "error=1 error_msg=\"Command not registered\"" }
    #expect(
      RailCatalog.discover(MeterSources(sysfs: SysfsRoot(path: "/nowhere"), mailbox: mailbox), rules: RailRules())
        .rails.isEmpty)
  }

  @Test func theBracketsOfTheFirmwareAreNoPairing() throws {
    // A current whose number belongs to another's voltage, and one without any voltage.
    let mailbox = FakeMailbox {
      "B_A current(1)=2A\nA_V volt(1)=9V\nB_V volt(7)=3V\nC_A current(2)=5A\nC_A volt(x)\n_V volt(1)=V\n"
    }
    let catalog = RailCatalog.discover(
      MeterSources(sysfs: SysfsRoot(path: "/nowhere"), mailbox: mailbox), rules: RailRules())
    #expect(catalog.rails.map(\.label) == ["B"] && catalog.rails.first?.power == .watts(6))
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
