// How far a figure can be trusted.

/// The standing of a figure. Joules never appear without one. Order: the weaker is the greater, so the standing of a
/// sum is the maximum of its parts'.
public enum Standing: String, Sendable, Hashable, Codable, Comparable, CaseIterable {
  /// The device gives power or energy itself.
  case measured
  /// Computed from measured figures of another kind (volt × ampere, airtime × measured radio power).
  case derived
  /// Computed from a declared model; nothing was measured.
  case modelled

  private var rank: Int {
    switch self {
    case .measured: 0
    case .derived: 1
    case .modelled: 2
    }
  }
  public static func < (a: Standing, b: Standing) -> Bool { a.rank < b.rank }
}
