// What the user knows better: pairs, scales, limits, parents, kinds; and rules that fit no machine.

import EnergyMeter
import HostIO
import SiftCore
import SiftTestKit
import Testing

@Suite struct RailRulesTests {
  private func catalog(_ tree: [String: String], _ rules: RailRules) throws -> RailCatalog {
    try withSysfs(tree) { RailCatalog.discover(MeterSources(sysfs: $0), rules: rules) }
  }

  private let unknownChip = [
    "class/hwmon/hwmon0/name": "mychip", "class/hwmon/hwmon0/curr2_input": "500",
    "class/hwmon/hwmon0/in4_input": "12000",
  ]

  @Test func aPairOfTheUsersMakesARailOfAnUnknownChip() throws {
    #expect(try catalog(unknownChip, RailRules()).rails.isEmpty)
    let pair = try #require(RailRules.Pair("mychip curr2 in4"))
    let found = try catalog(unknownChip, RailRules(pairs: [pair]))
    #expect(found.rails.map(\.id) == ["hwmon:mychip:curr2"] && found.rails.first?.power == .watts(6))
  }

  @Test func aPairGoesBeforeWhatIsKnownOfAChip() throws {
    // The sum of an INA3221 as a rail of its own.
    let found = try catalog(
      Boards.orinNX, RailRules(pairs: [RailRules.Pair(chip: "ina3221", current: 4, voltage: 1)]))
    #expect(found.rail("hwmon:ina3221@1-0040:curr4")?.power == .watts(7.04))
  }

  @Test(arguments: [
    "", "mychip", "mychip curr2", "mychip in4 curr2", "mychip currX in4", "mychip curr2 in-4", "a b curr2 in4",
  ])
  func aPairThatIsNoneIsRefused(text: String) { #expect(RailRules.Pair(text) == nil) }

  @Test func aScaleMendsAShuntAThousandTimesTooSmall() throws {
    var tree = Boards.orinNX
    tree["class/hwmon/hwmon4/shunt3_resistor"] = "5"
    tree["class/hwmon/hwmon4/curr3_input"] = "296000"
    let id = "hwmon:ina3221@1-0040:VDD_SOC"
    #expect(try catalog(tree, RailRules()).rail(id)?.problem == .implausible)
    let mended = try #require(try catalog(tree, RailRules(scales: [id: 0.001])).rail(id))
    #expect(mended.isUsable && abs((mended.power?.watts ?? 0) - 0.296 * 4.992) < 1e-9)
    #expect(abs((mended.resolution?.watts ?? 0) - 0.008 * 4.992) < 1e-9)
  }

  @Test func aLimitOfTheUsersIsBelievedBeforeTheMeters() throws {
    let id = "hwmon:ina226@0-0040:power1"
    let strict = try catalog(Boards.ina226, RailRules(limits: [id: 20]))
    #expect(strict.rail(id)?.problem == .implausible)
    #expect(strict.rail(id)?.detail?.contains("30.0 W, more than the 20.0 W") == true)
  }

  @Test func parentsAndKindsOfTheUsersMakeATree() throws {
    var tree = Boards.ina226
    for (path, text) in Boards.ina226 {
      tree[path.replacing("hwmon0", with: "hwmon1")] = text.replacing("0-0040", with: "0-0041")
    }
    let (whole, part) = ("hwmon:ina226@0-0040:power1", "hwmon:ina226@0-0041:power1")
    let found = try catalog(tree, RailRules(parents: [part: whole], kinds: [whole: .total]))
    #expect(found.total == [whole] && found.rail(part)?.parent == whole)
    #expect(found.problems(RailRules(parents: [part: whole], kinds: [whole: .total]), totals: nil).isEmpty)
  }

  @Test func aRailThatDoesNotExistIsOneClearLine() throws {
    let found = try catalog(Boards.ina226, RailRules())
    let problems = found.problems(RailRules(scales: ["hwmon:ina226:power9": 2]), totals: ["nonsense"])
    #expect(problems.map(\.rule) == ["rails", "scale"])
    #expect(problems.first?.message.contains("there is no rail nonsense here") == true)
    #expect(problems.first?.message.contains("hwmon:ina226@0-0040:power1") == true)
    #expect(problems.allSatisfy { !$0.description.contains("\n") })
  }

  @Test func aCircleOfRailsIsOneClearLine() throws {
    let ids = ["hwmon:ina3221@1-0040:VDD_IN", "hwmon:ina3221@1-0040:VDD_SOC"]
    let rules = RailRules(parents: [ids[0]: ids[1]])
    let problems = try catalog(Boards.orinNX, rules).problems(rules, totals: nil)
    #expect(problems.count == 1 && problems.first?.rule == "parent")
    #expect(problems.first?.message.contains("\(ids[0]) in \(ids[1]) in \(ids[0])") == true)
  }

  @Test func aSumOfARailAndItsPartIsRefused() throws {
    let found = try catalog(Boards.orinNX, RailRules())
    let ids = ["hwmon:ina3221@1-0040:VDD_SOC", "hwmon:ina3221@1-0040:VDD_IN"]
    #expect(found.problems(RailRules(), totals: ids).first?.message.contains("would count it twice") == true)
    #expect(found.problems(RailRules(), totals: [ids[1], ids[1]]).first?.message.contains("named twice") == true)
  }

  @Test(arguments: [("a=b=2", "a=b", "2"), (" rail = 0.5 ", "rail", "0.5"), ("rail=", "rail", "")])
  func aLineIsSplitAtItsLastEqualsSign(text: String, rail: String, value: String) throws {
    let parts = try #require(RailRules.split(text))
    #expect(parts.rail == rail && parts.value == value)
  }

  @Test(arguments: ["-1", "0", "nan", "inf", "", "1 W"]) func aFactorThatIsNoneIsRefused(text: String) {
    #expect(RailRules.positive(text) == nil)
  }
}
