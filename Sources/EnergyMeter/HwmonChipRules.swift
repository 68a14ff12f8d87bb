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
  /// Step of the power register ÷ step of the current register, in volts (the chip multiplies by its own bus step).
  var powerStepVolts: Double?

  /// - Parameter chip: the text of `name`.
  static func of(_ chip: String) -> HwmonChipRule { known[chip] ?? HwmonChipRule() }

  private static let known: [String: HwmonChipRule] = {
    // ina2xx: in0 is the SHUNT voltage in mV, in1 the bus; power is unsigned although current is signed.
    // Steps: current 10 µV/R (219) and 2.5 µV/R (226), power 20 and 25 current steps per volt-of-one (drivers/hwmon/ina2xx.c).
    let ina219 = HwmonChipRule(
      voltageOfCurrent: [1: 1], notRailVoltages: [0], shuntStep: 10e-6, powerStepVolts: 20)
    let ina226 = HwmonChipRule(
      voltageOfCurrent: [1: 1], notRailVoltages: [0], shuntStep: 2.5e-6, powerStepVolts: 25)
    let plain = HwmonChipRule(voltageOfCurrent: [1: 1], notRailVoltages: [0])
    // ina3221: in1…in3 buses, in4…in6 shunts in µV (not mV!), in7 and curr4 sums; no power file; shunt step 40 µV.
    let ina3221 = HwmonChipRule(notRailVoltages: [0, 4, 5, 6, 7], sumCurrents: [4], shuntStep: 40e-6)
    return [
      "ina219": ina219, "ina220": ina219, "ina226": ina226, "ina230": ina226, "ina231": ina226,
      "ina209": plain, "ina237": plain, "ina238": plain, "ina260": plain, "sq52206": plain,
      "ina3221": ina3221, "ina3221x": ina3221,
      // ltc4151: in1 is the supply, in2 a free input; the current is the supply's.
      "ltc4151": HwmonChipRule(voltageOfCurrent: [1: 1], notRailVoltages: [2]),
      // ltc2945: in1 supply, in2 a free input.
      "ltc2945": HwmonChipRule(voltageOfCurrent: [1: 1], notRailVoltages: [2]),
    ]
  }()
}
