// One tree for each kind of board that is known, with what must come of it. Labels and places as the boards' device trees
// and field reports give them.

/// A board: its tree, and the labels (or ids) that make its total.
struct BoardTree: Sendable {
  let name: String
  let tree: [String: String]
  /// Ids of the total, in order.
  var total: [String] = []
  /// Ids of other usable rails, with the id of the rail they lie in; empty: in none.
  var parts: [String: String] = [:]
  /// Whether the board says that it has no rail for the whole.
  var hasNote = false
  /// Total power at discovery, in watts.
  var watts: Double?

  /// A hwmon chip on an I²C bus: files below `class/hwmon/hwmonN`.
  static func chip(_ number: Int, _ name: String, at device: String, _ files: [String: String]) -> [String: String] {
    let base = "class/hwmon/hwmon\(number)"
    var tree = ["\(base)/name": name, "\(base)/device": "-> ../../../devices/platform/i2c/\(device)"]
    for (file, text) in files { tree["\(base)/\(file)"] = text }
    return tree
  }

  /// Three channels of an INA3221: label, millivolts, milliamperes; nil label: none is given.
  static func ina3221(_ number: Int, at device: String, shunt: Int = 5000, _ channels: [(String?, Int, Int)])
    -> [String: String]
  {
    var files = ["update_interval": "7", "samples": "1", "in7_input": "0", "curr4_input": "9999"]
    for (at, channel) in channels.enumerated() {
      let number = at + 1
      if let label = channel.0 { files["in\(number)_label"] = label }
      files["in\(number)_input"] = "\(channel.1)"
      files["curr\(number)_input"] = "\(channel.2)"
      files["in\(number + 3)_input"] = "\(channel.2 * 5)"
      files["shunt\(number)_resistor"] = "\(shunt)"
      files["in\(number)_enable"] = "1"
    }
    return chip(number, "ina3221", at: device, files)
  }

  /// The older Jetson driver: power in mW through industrial I/O.
  static func ina3221x(_ number: Int, at device: String, _ rails: [(String, Int)]) -> [String: String] {
    let place = "devices/3160000.i2c/i2c-0/\(device)/iio:device\(number)"
    var tree = ["bus/iio/devices/iio:device\(number)": "-> ../../../\(place)", "\(place)/name": "ina3221x"]
    for (at, rail) in rails.enumerated() {
      tree["\(place)/rail_name_\(at)"] = rail.0
      tree["\(place)/in_power\(at)_input"] = "\(rail.1)"
      tree["\(place)/in_voltage\(at)_input"] = "5000"
      tree["\(place)/in_current\(at)_input"] = "\(rail.1 / 5)"
    }
    return tree
  }

  static let known: [BoardTree] = [
    BoardTree(
      name: "Jetson AGX Orin",
      tree: ina3221(
        3, at: "1-0040", [("VDD_GPU_SOC", 5000, 800), ("VDD_CPU_CV", 5000, 300), ("VIN_SYS_5V0", 5000, 600)]
      )
      .merging(ina3221(4, at: "1-0041", [("NC", 0, 0), ("VDDQ_VDD2_1V8AO", 5000, 100), ("NC", 0, 0)])) { $1 },
      total: [
        "hwmon:ina3221@1-0040:VDD_GPU_SOC", "hwmon:ina3221@1-0040:VDD_CPU_CV", "hwmon:ina3221@1-0040:VIN_SYS_5V0",
        "hwmon:ina3221@1-0041:VDDQ_VDD2_1V8AO",
      ], hasNote: true, watts: 9),
    BoardTree(
      name: "Jetson Orin NX and Nano",
      tree: ina3221(4, at: "1-0040", [("VDD_IN", 5000, 1000), ("VDD_CPU_GPU_CV", 5000, 100), ("VDD_SOC", 5000, 300)]),
      total: ["hwmon:ina3221@1-0040:VDD_IN"],
      parts: [
        "hwmon:ina3221@1-0040:VDD_CPU_GPU_CV": "hwmon:ina3221@1-0040:VDD_IN",
        "hwmon:ina3221@1-0040:VDD_SOC": "hwmon:ina3221@1-0040:VDD_IN",
      ], watts: 5),
    BoardTree(
      name: "Jetson Xavier NX",
      tree: ina3221x(0, at: "7-0040", [("VDD_IN", 4000), ("VDD_CPU_GPU_CV", 600), ("VDD_SOC", 1000)]),
      total: ["iio:ina3221x@7-0040:VDD_IN"],
      parts: [
        "iio:ina3221x@7-0040:VDD_CPU_GPU_CV": "iio:ina3221x@7-0040:VDD_IN",
        "iio:ina3221x@7-0040:VDD_SOC": "iio:ina3221x@7-0040:VDD_IN",
      ], watts: 4),
    BoardTree(
      name: "Jetson AGX Xavier",
      tree: ina3221x(0, at: "1-0040", [("GPU", 500), ("CPU", 700), ("SOC", 900)])
        .merging(ina3221x(1, at: "1-0041", [("CV", 100), ("VDDRQ", 300), ("SYS5V", 1500)])) { $1 },
      total: ["GPU", "CPU", "SOC"].map { "iio:ina3221x@1-0040:\($0)" }
        + ["CV", "VDDRQ", "SYS5V"].map { "iio:ina3221x@1-0041:\($0)" }, hasNote: true, watts: 4),
    BoardTree(
      name: "Jetson Nano and TX1",
      tree: ina3221x(0, at: "6-0040", [("POM_5V_IN", 2100), ("POM_5V_GPU", 80), ("POM_5V_CPU", 400)]),
      total: ["iio:ina3221x@6-0040:POM_5V_IN"],
      parts: [
        "iio:ina3221x@6-0040:POM_5V_GPU": "iio:ina3221x@6-0040:POM_5V_IN",
        "iio:ina3221x@6-0040:POM_5V_CPU": "iio:ina3221x@6-0040:POM_5V_IN",
      ], watts: 2.1),
    BoardTree(
      name: "Jetson TX2, the kernel's own driver",
      tree: ina3221(
        0, at: "0-0040", shunt: 10000,
        [("VDD_SYS_GPU", 19000, 20), ("VDD_SYS_SOC", 19000, 30), ("VDD_3V8_WIFI", 3800, 100)]
      )
      .merging(
        ina3221(1, at: "0-0041", [("VDD_IN", 19000, 200), ("VDD_SYS_CPU", 19000, 40), ("VDD_5V0_DDR", 5000, 100)])
      ) { $1 },
      total: ["hwmon:ina3221@0-0041:VDD_IN"],
      parts: [
        "hwmon:ina3221@0-0040:VDD_3V8_WIFI": "hwmon:ina3221@0-0041:VDD_IN",
        "hwmon:ina3221@0-0040:VDD_SYS_GPU": "hwmon:ina3221@0-0041:VDD_IN",
        "hwmon:ina3221@0-0040:VDD_SYS_SOC": "hwmon:ina3221@0-0041:VDD_IN",
        "hwmon:ina3221@0-0041:VDD_SYS_CPU": "hwmon:ina3221@0-0041:VDD_IN",
        "hwmon:ina3221@0-0041:VDD_5V0_DDR": "hwmon:ina3221@0-0041:VDD_IN",
      ], watts: 3.8),
    BoardTree(
      name: "Jetson AGX Thor",
      tree: chip(
        2, "ina238", at: "2-0044",
        [
          "in0_input": "10", "in1_input": "20000", "curr1_input": "1500", "power1_input": "30000000",
          "power1_label": "VIN",
        ]
      )
      .merging(
        ina3221(3, at: "2-0040", [("VDD_GPU", 5000, 200), ("VDD_CPU_SOC_MSS", 5000, 400), ("VIN_SYS_5V0", 5000, 100)])
      ) { $1 },
      total: ["hwmon:ina238@2-0044:VIN"],
      parts: ["hwmon:ina3221@2-0040:VDD_GPU": "hwmon:ina238@2-0044:VIN"], watts: 30),
    BoardTree(
      name: "Raspberry Pi 4: an alarm for low voltage and no meter",
      tree: ["class/hwmon/hwmon0/name": "rpi_volt", "class/hwmon/hwmon0/in0_lcrit_alarm": "0"]),
    BoardTree(
      name: "Raspberry Pi 5 without its mailbox: voltages alone",
      tree: [
        "class/hwmon/hwmon0/name": "rp1_adc", "class/hwmon/hwmon0/in1_input": "1445",
        "class/hwmon/hwmon0/in2_input": "2531", "class/hwmon/hwmon0/temp1_input": "51000",
        "class/hwmon/hwmon1/name": "rpi_volt", "class/hwmon/hwmon1/in0_lcrit_alarm": "0",
      ]),
    BoardTree(
      name: "NXP Layerscape LS1046A-RDB",
      tree: chip(
        0, "ina220", at: "0-0040",
        [
          "in0_input": "20", "in1_input": "12000", "curr1_input": "1200", "power1_input": "14400000",
          "shunt_resistor": "1000",
        ]),
      total: ["hwmon:ina220@0-0040:power1"], watts: 14.4),
    BoardTree(
      name: "Verdin i.MX8M Plus",
      tree: chip(
        1, "ina219", at: "3-0040",
        [
          "in0_input": "9", "in1_input": "12000", "curr1_input": "500", "power1_input": "6000000",
          "shunt_resistor": "10000",
        ]),
      total: ["hwmon:ina219@3-0040:power1"], watts: 6),
    BoardTree(
      name: "i.MX93 EVK with a PAC1934",
      tree: [
        "bus/iio/devices/iio:device0/name": "pac1934", "bus/iio/devices/iio:device0/in_power_scale": "0.5",
        "bus/iio/devices/iio:device0/in_power1_raw": "2400", "bus/iio/devices/iio:device0/in_power1_label": "VDD_SOC",
        "bus/iio/devices/iio:device0/in_power2_raw": "600",
        "bus/iio/devices/iio:device0/in_power2_label": "LPDDR4_VDD2",
      ], parts: ["iio:pac1934:VDD_SOC": "", "iio:pac1934:LPDDR4_VDD2": ""]),
    BoardTree(
      name: "Xilinx ZCU102: two of its eighteen, named by their place on the board",
      tree: chip(
        0, "ina226_u76", at: "ina226-u76",
        ["in1_input": "2", "in2_input": "850", "power1_input": "1700000", "curr1_input": "2000"]
      )
      .merging(
        chip(
          1, "ina226_u77", at: "ina226-u77",
          ["in1_input": "1", "in2_input": "850", "power1_input": "850000", "curr1_input": "1000"])
      ) { $1 },
      parts: [
        "hwmon:ina226_u76@ina226-u76:power1": "", "hwmon:ina226_u77@ina226-u77:power1": "",
      ]),
    BoardTree(
      name: "Rockchip with a USB-C supply that tells what was negotiated",
      tree: [
        "class/power_supply/tcpm-source-psy-4-0022/type": "USB",
        "class/power_supply/tcpm-source-psy-4-0022/online": "1",
        "class/power_supply/tcpm-source-psy-4-0022/voltage_now": "12000000",
        "class/power_supply/tcpm-source-psy-4-0022/current_now": "3000000",
      ]),
    BoardTree(
      name: "BeagleBone Black with a meter on a cape",
      tree: chip(
        0, "ina219", at: "2-0040",
        [
          "in0_input": "20", "in1_input": "4992", "curr1_input": "400", "power1_input": "2000000",
          "shunt_resistor": "100000",
        ]),
      total: ["hwmon:ina219@2-0040:power1"], watts: 2),
    BoardTree(
      name: "Odroid XU3",
      tree: ["VDD_ARM", "VDD_KFC", "VDD_G3D", "VDD_MEM"].enumerated().reduce(into: [:]) { tree, rail in
        tree.merge(
          chip(
            rail.offset, "ina231", at: "4-004\(rail.offset)",
            ["in1_input": "1000", "curr1_input": "500", "power1_input": "500000", "power1_label": rail.element])
        ) { $1 }
      },
      total: ["VDD_ARM", "VDD_KFC", "VDD_G3D", "VDD_MEM"].enumerated().map { "hwmon:ina231@4-004\($0):\($1)" },
      hasNote: true, watts: 2),
    BoardTree(
      name: "X-Gene: power of processor and of the rest of the chip, no counter",
      tree: chip(
        0, "apm_xgene", at: "APMC0D29:00",
        [
          "power1_input": "22000000", "power1_label": "CPU power", "power2_input": "8000000",
          "power2_label": "IO power",
          "temp1_input": "51000",
        ]),
      total: ["hwmon:apm_xgene@APMC0D29:00:CPU power", "hwmon:apm_xgene@APMC0D29:00:IO power"], hasNote: true, watts: 30
    ),
    BoardTree(
      name: "Juno: firmware sensors with energy, taken before power",
      tree: chip(
        0, "scmi_sensors", at: "firmware:scmi",
        [
          "power1_input": "1500000", "power1_label": "A57_POWER", "energy1_input": "123456789",
          "energy1_label": "A57_ENERGY",
        ]),
      total: ["hwmon:scmi_sensors@firmware:scmi:A57_ENERGY"]),
    BoardTree(
      name: "A server with power capping in its firmware, and the kernel's own model beside it",
      tree: [
        "class/powercap/arm-scmi:0/name": "SoC", "class/powercap/arm-scmi:0/power_uw": "9000000",
        "class/powercap/arm-scmi:0:0/name": "cluster0", "class/powercap/arm-scmi:0:0/power_uw": "4000000",
        "class/powercap/dtpm:0/name": "soc", "class/powercap/dtpm:0/power_uw": "3000000",
      ], total: ["powercap:arm-scmi:SoC"], parts: ["powercap:arm-scmi:SoC/cluster0": "powercap:arm-scmi:SoC"], watts: 9),
  ]

  /// What `pmic_read_adc` answers on a Raspberry Pi 5: twelve regulators with both figures, two with a voltage alone.
  static let raspberryPi5 = """
     3V7_WL_SW_A current(0)=0.10000000A
       3V3_SYS_A current(1)=0.10000000A
       1V8_SYS_A current(2)=0.20000000A
      DDR_VDD2_A current(3)=0.20000000A
      DDR_VDDQ_A current(4)=0.05000000A
       1V1_SYS_A current(5)=0.20000000A
        0V8_SW_A current(6)=0.40000000A
      VDD_CORE_A current(7)=2.00000000A
       3V3_DAC_A current(17)=0.00010000A
       3V3_ADC_A current(18)=0.00040000A
       0V8_AON_A current(16)=0.00300000A
          HDMI_A current(22)=0.02000000A
     3V7_WL_SW_V volt(8)=3.70000000V
       3V3_SYS_V volt(9)=3.30000000V
       1V8_SYS_V volt(10)=1.80000000V
      DDR_VDD2_V volt(11)=1.10000000V
      DDR_VDDQ_V volt(12)=0.60000000V
       1V1_SYS_V volt(13)=1.10000000V
        0V8_SW_V volt(14)=0.80000000V
      VDD_CORE_V volt(15)=0.86000000V
       3V3_DAC_V volt(20)=3.30000000V
       3V3_ADC_V volt(21)=3.30000000V
       0V8_AON_V volt(19)=0.80000000V
          HDMI_V volt(23)=5.10000000V
         EXT5V_V volt(24)=5.09000000V
          BATT_V volt(25)=0.00000000V

    """
}
