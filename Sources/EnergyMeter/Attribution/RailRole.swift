// What a rail feeds, as far as its label tells.

/// The part of a machine that a rail feeds.
public enum RailRole: String, Sendable, Hashable, CaseIterable {
  /// Processor, graphics, accelerators and their memory.
  case compute
  /// The wireless interface.
  case radio
  /// Everything, or what nobody can tell.
  case whole

  private static let radioWords = ["WIFI", "WLAN", "WL", "RADIO", "RF"]
  private static let computeWords = [
    "CPU", "GPU", "CV", "SOC", "CORE", "DDR", "DDRQ", "VDDRQ", "DRAM", "PACKAGE", "VDDQ",
  ]

  /// - Parameter label: what board or driver call the rail, such as `VDD_3V8_WIFI`, `3V7_WL_SW_A` or `VDD_CPU_GPU_CV`.
  public init(label: String?) {
    let words = (label ?? "").uppercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
    let isOneOf = { (known: [String]) in words.contains { known.contains($0) } }
    self = isOneOf(Self.radioWords) ? .radio : isOneOf(Self.computeWords) ? .compute : .whole
  }
}
