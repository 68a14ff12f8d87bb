// The calibrated distances between the experts of one layer (docs/theory, §2).

/// Relative distances of one layer: how much is lost when expert j stands in for routed expert i, or nothing does.
public struct DistanceTable: Sendable, Hashable {
  /// Experts of the layer (E).
  public let experts: Int
  /// `[i, j]`, row-major, E × E, diagonal 0, ≥ 0, may be infinite (never replace). Not symmetric.
  public let replacing: [Float]
  /// `[i]`: distance when i is skipped, ≥ 0, may be infinite.
  public let skipping: [Float]

  /// - Returns: nil when a table has the wrong length, a NaN or a negative figure, or a diagonal that is not 0.
  public init?(experts: Int, replacing: [Float], skipping: [Float]) {
    guard experts > 0, replacing.count == experts * experts, skipping.count == experts,
      replacing.allSatisfy({ $0 >= 0 }), skipping.allSatisfy({ $0 >= 0 }),
      (0..<experts).allSatisfy({ replacing[$0 * experts + $0] == 0 })
    else { return nil }
    self.experts = experts
    self.replacing = replacing
    self.skipping = skipping
  }

  @inlinable public func replacing(_ routed: Int, by target: Int) -> Float { replacing[routed * experts + target] }
}
