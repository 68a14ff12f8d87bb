// Trees of boards, cut to the attributes that matter, in the kernel's own text.

enum Boards {
  /// Jetson Orin NX: an INA3221 whose first channel is the whole module.
  static let orinNX: [String: String] = [
    "class/hwmon/hwmon4/device": "-> ../../../devices/platform/bus@0/c240000.i2c/i2c-1/1-0040",
    "class/hwmon/hwmon4/name": "ina3221",
    "class/hwmon/hwmon4/update_interval": "7", "class/hwmon/hwmon4/samples": "1",
    "class/hwmon/hwmon4/in1_label": "VDD_IN", "class/hwmon/hwmon4/in1_input": "5000",
    "class/hwmon/hwmon4/curr1_input": "1008", "class/hwmon/hwmon4/shunt1_resistor": "5000",
    "class/hwmon/hwmon4/in2_label": "VDD_CPU_GPU_CV", "class/hwmon/hwmon4/in2_input": "5000",
    "class/hwmon/hwmon4/curr2_input": "104", "class/hwmon/hwmon4/shunt2_resistor": "5000",
    "class/hwmon/hwmon4/in3_label": "VDD_SOC", "class/hwmon/hwmon4/in3_input": "4992",
    "class/hwmon/hwmon4/curr3_input": "296", "class/hwmon/hwmon4/shunt3_resistor": "5000",
    // Shunt voltages in µV, in files that look like rails.
    "class/hwmon/hwmon4/in4_input": "5040", "class/hwmon/hwmon4/in5_input": "520",
    "class/hwmon/hwmon4/in6_input": "1480", "class/hwmon/hwmon4/in7_input": "7040",
    "class/hwmon/hwmon4/curr4_input": "1408",
  ]

  /// Jetson AGX Orin: two INA3221, no rail for the whole, channels that are not connected.
  static let agxOrin: [String: String] = {
    var tree: [String: String] = [:]
    let chips = [
      ("hwmon3", "1-0040", ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"]),
      ("hwmon4", "1-0041", ["NC", "VDDQ_VDD2_1V8AO", "NC"]),
    ]
    for (chip, device, labels) in chips {
      let base = "class/hwmon/\(chip)"
      tree["\(base)/device"] = "-> ../../../devices/platform/c240000.i2c/i2c-1/\(device)"
      tree["\(base)/name"] = "ina3221"
      for (at, label) in labels.enumerated() {
        tree["\(base)/in\(at + 1)_label"] = label
        tree["\(base)/in\(at + 1)_input"] = "5000"
        tree["\(base)/curr\(at + 1)_input"] = "1000"
        tree["\(base)/in\(at + 4)_input"] = "5000"
      }
    }
    return tree
  }()

  /// An x86 machine: package with core and dram below it, and the same package seen through the memory-mapped door.
  static let rapl: [String: String] = [
    "class/powercap/intel-rapl/enabled": "1",
    "class/powercap/intel-rapl:0/name": "package-0", "class/powercap/intel-rapl:0/energy_uj": "1000000",
    "class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850",
    "class/powercap/intel-rapl:0:0/name": "core", "class/powercap/intel-rapl:0:0/energy_uj": "600000",
    "class/powercap/intel-rapl:0:0/max_energy_range_uj": "262143328850",
    "class/powercap/intel-rapl:0:1/name": "dram", "class/powercap/intel-rapl:0:1/energy_uj": "100000",
    "class/powercap/intel-rapl:0:1/max_energy_range_uj": "65712999613",
    "class/powercap/intel-rapl-mmio:0/name": "package-0", "class/powercap/intel-rapl-mmio:0/energy_uj": "1000100",
    "class/powercap/intel-rapl-mmio:0/max_energy_range_uj": "262143328850",
  ]

  /// A board on a battery whose driver gives magnitudes, with a charger that only tells what was negotiated.
  static func battery(status: String) -> [String: String] {
    [
      "class/power_supply/BAT0/type": "Battery", "class/power_supply/BAT0/status": status,
      "class/power_supply/BAT0/voltage_now": "11400000", "class/power_supply/BAT0/current_now": "1000000",
      "class/power_supply/ucsi-source-psy-1/type": "USB", "class/power_supply/ucsi-source-psy-1/online": "1",
      "class/power_supply/ucsi-source-psy-1/voltage_now": "20000000",
      "class/power_supply/ucsi-source-psy-1/current_now": "3000000",
      "class/power_supply/mouse/type": "Battery", "class/power_supply/mouse/scope": "Device",
      "class/power_supply/mouse/status": "Discharging", "class/power_supply/mouse/power_now": "100",
    ]
  }

  /// One INA226 and nothing else.
  static let ina226: [String: String] = [
    "class/hwmon/hwmon0/device": "-> ../../../devices/platform/i2c-0/0-0040", "class/hwmon/hwmon0/name": "ina226",
    "class/hwmon/hwmon0/in0_input": "25", "class/hwmon/hwmon0/in1_input": "12000",
    "class/hwmon/hwmon0/curr1_input": "2500", "class/hwmon/hwmon0/power1_input": "30000000",
    "class/hwmon/hwmon0/shunt_resistor": "10000", "class/hwmon/hwmon0/update_interval": "35",
  ]

  /// The same INA226 as snapshots: nothing is known of its averaging, so a reading is the power of its moment.
  static let snapshots = ina226.filter { !$0.key.hasSuffix("update_interval") }
}
