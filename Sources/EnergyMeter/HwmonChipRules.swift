// How the channels of known sensor chips belong together. Same-index pairing is only a convention, so each exception
// has a row and its reason.

/// What is known of one kind of hwmon chip.
struct HwmonChipRule: Sendable {
  /// The `in` channel that belongs to a `curr` channel, where it is not the one of the same number.
  var voltageOfCurrent: [Int: Int] = [:]
  /// `in` channels that are no rail voltage.
  var notRailVoltages: Set<Int> = []
  /// `curr` channels that are sums of others.
  var sumCurrents: Set<Int> = []
  /// Smallest step of the shunt voltage, in volts: resolution of the current = this ÷ shunt.
  var shuntStep: Double?
  /// Largest offset of the shunt voltage that the data sheet allows, in volts.
  var shuntOffset: Double?
  /// Step of the bus voltage, in volts.
  var busStep: Double?
  /// Step of the power register ÷ step of the current register, in volts (the chip multiplies by its own bus step).
  var powerStepVolts: Double?

  /// - Parameters:
  ///   - chip: the text of `name`. Where industrial I/O channels come through `iio-hwmon` the name is the device tree
  ///     node's, with the chip in front: `ina226_u76`.
  ///   - pairs: the user's, which go before what is known.
  static func of(_ chip: String, pairs: [RailRules.Pair] = []) -> HwmonChipRule {
    var rule = known[chip] ?? known[String(chip.prefix { $0 != "_" })] ?? HwmonChipRule()
    for pair in pairs where pair.chip == chip {
      rule.voltageOfCurrent[pair.current] = pair.voltage
      rule.notRailVoltages.remove(pair.voltage)
      rule.sumCurrents.remove(pair.current)
    }
    return rule
  }

  private static let known: [String: HwmonChipRule] = {
    // ina2xx: in0 is the SHUNT voltage in mV, in1 the bus; power is unsigned although current is signed.
    // Steps: current 10 µV/R (219) and 2.5 µV/R (226), power 20 and 25 current steps per volt-of-one (drivers/hwmon/ina2xx.c).
    let ina219 = HwmonChipRule(
      voltageOfCurrent: [1: 1], notRailVoltages: [0], shuntStep: 10e-6, shuntOffset: 100e-6, busStep: 4e-3,
      powerStepVolts: 20)
    let ina226 = HwmonChipRule(
      voltageOfCurrent: [1: 1], notRailVoltages: [0], shuntStep: 2.5e-6, shuntOffset: 10e-6, busStep: 1.25e-3,
      powerStepVolts: 25)
    let plain = HwmonChipRule(voltageOfCurrent: [1: 1], notRailVoltages: [0])
    // ina3221: in1…in3 buses, in4…in6 shunts in µV (not mV!), in7 and curr4 sums; no power file; shunt step 40 µV.
    let ina3221 = HwmonChipRule(
      notRailVoltages: [0, 4, 5, 6, 7], sumCurrents: [4], shuntStep: 40e-6, shuntOffset: 80e-6, busStep: 8e-3)
    // A supply in in1 and free inputs behind it; the current is the supply's.
    let supplyAndFreeInput = HwmonChipRule(voltageOfCurrent: [1: 1], notRailVoltages: [2])
    return [
      "ina219": ina219, "ina220": ina219, "ina226": ina226, "ina230": ina226, "ina231": ina226,
      "ina209": plain, "ina237": plain, "ina238": plain, "ina260": plain, "sq52206": plain,
      "ina3221": ina3221, "ina3221x": ina3221,
      "ltc4151": supplyAndFreeInput, "ltc2945": supplyAndFreeInput,
    ]
  }()
}
