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
  let total: String?
  /// Without a total: the labels whose sum comes nearest to it (the carrier board stays outside).
  let sum: [String]

  /// - Returns: the profile for the labels that were found; the more demanding wins.
  static func matching(_ labels: Set<String>) -> BoardProfile? {
    known.filter { $0.signature.isSubset(of: labels) }.max { $0.signature.count < $1.signature.count }
  }

  static let known: [BoardProfile] = [
    BoardProfile(
      name: "Jetson Orin NX/Nano, Xavier NX", signature: ["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"], total: "VDD_IN",
      sum: []),
    // No input rail: VIN_SYS_5V0 is the 5 V part for input/output and was mistaken for the whole.
    BoardProfile(
      name: "Jetson AGX Orin", signature: ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"], total: nil,
      sum: ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO"]),
    BoardProfile(
      name: "Jetson AGX Xavier", signature: ["GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"], total: nil,
      sum: ["GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"]),
    BoardProfile(
      name: "Jetson Nano, TX1", signature: ["POM_5V_IN", "POM_5V_GPU", "POM_5V_CPU"], total: "POM_5V_IN", sum: []),
    BoardProfile(
      name: "Jetson TX2", signature: ["VDD_IN", "VDD_SYS_CPU", "VDD_SYS_GPU"], total: "VDD_IN", sum: []),
    BoardProfile(name: "Jetson AGX Thor", signature: ["VIN"], total: "VIN", sum: []),
    BoardProfile(name: "a board with VDD_IN", signature: ["VDD_IN"], total: "VDD_IN", sum: []),
  ]
}
