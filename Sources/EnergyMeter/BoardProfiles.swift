// What the labels on known boards mean: which rail holds which, and which of them make up the machine.
// Sources: NVIDIA's design guides and forum (Orin NX: "VDD_IN is the total power of module"), the boards' device trees in
// the kernel, and the field reports that took a part for the whole.

import SiftCore

/// The meaning of the labels of one kind of board.
struct BoardProfile: Sendable {
  let name: String
  /// All of these labels must be there.
  let signature: Set<String>
  /// The rail that everything else lies in; nil: the board has none.
  var total: String?
  /// Without a total: the labels whose sum comes nearest to it.
  var sum: [String] = []
  /// What the sum leaves out, for people; nil where there is a total.
  var note: String?

  /// - Returns: the profile for the labels that were found; the more demanding wins.
  static func matching(_ rails: [Rail]) -> BoardProfile? {
    let labels = Set(rails.compactMap(\.label))
    return known.filter { $0.signature.isSubset(of: labels) }.max { $0.signature.count < $1.signature.count }
  }

  static let known: [BoardProfile] = [
    BoardProfile(
      name: "Jetson Orin NX/Nano, Xavier NX", signature: ["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"], total: "VDD_IN"),
    // No input rail: VIN_SYS_5V0 is the 5 V part for input/output and was mistaken for the whole.
    BoardProfile(
      name: "Jetson AGX Orin", signature: ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"],
      sum: ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"],
      note: "the sum is the module's; the carrier board is not in it"),
    BoardProfile(
      name: "Jetson AGX Xavier", signature: ["GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"],
      sum: ["GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"],
      note: "the sum is the module's; the carrier board is not in it"),
    BoardProfile(
      name: "Jetson Nano, TX1", signature: ["POM_5V_IN", "POM_5V_GPU", "POM_5V_CPU"], total: "POM_5V_IN"),
    BoardProfile(name: "Jetson TX2", signature: ["VDD_IN", "VDD_SYS_CPU", "VDD_SYS_GPU"], total: "VDD_IN"),
    BoardProfile(name: "Jetson AGX Thor", signature: ["VIN"], total: "VIN"),
    BoardProfile(name: "a board with VDD_IN", signature: ["VDD_IN"], total: "VDD_IN"),
    // Regulators behind the power management chip. Against a wall meter one board drew 1.1451 × sum + 0.5879 W.
    BoardProfile(
      name: "Raspberry Pi 5", signature: ["3V7_WL_SW", "VDD_CORE", "DDR_VDD2", "3V3_SYS"],
      sum: [
        "3V7_WL_SW", "3V3_SYS", "1V8_SYS", "DDR_VDD2", "DDR_VDDQ", "1V1_SYS", "0V8_SW", "VDD_CORE", "3V3_DAC",
        "3V3_ADC",
        "0V8_AON", "HDMI",
      ], note: "the sum is of the regulators; their losses, USB and fans are not in it"),
    // Four rails of the processor; the rest of the board has no meter.
    BoardProfile(
      name: "Odroid XU3", signature: ["VDD_ARM", "VDD_KFC", "VDD_G3D", "VDD_MEM"],
      sum: ["VDD_ARM", "VDD_KFC", "VDD_G3D", "VDD_MEM"],
      note: "the sum is of processor, graphics and memory; the rest of the board is not in it"),
    // xgene_hwmon: the processor and the rest of the chip.
    BoardProfile(
      name: "X-Gene", signature: ["CPU power", "IO power"], sum: ["CPU power", "IO power"],
      note: "the sum is the chip's; memory and board are not in it"),
  ]
}
