// bf16 to and from f32 and f64. Rounding is to nearest, ties to even, in one step from either width.

package enum Bfloat16 {
  /// NaN stays NaN.
  package static func round(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }

  /// By way of an f32 rounded to odd, which keeps the second rounding from meeting a tie that was none.
  package static func round(_ value: Double) -> UInt16 {
    var nearest = Float(value)
    if nearest.isInfinite || nearest.isNaN { return round(nearest) }
    let back = Double(nearest)
    if back != value {
      let truncated = back.magnitude > value.magnitude ? nearest.bitPattern - 1 : nearest.bitPattern
      nearest = Float(bitPattern: truncated | 1)
    }
    return round(nearest)
  }

  package static func float(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  package static func write(_ from: UnsafePointer<Float>, count: Int, to out: UnsafeMutableRawPointer) {
    for at in 0..<count { out.storeBytes(of: round(from[at]), toByteOffset: at * 2, as: UInt16.self) }
  }

  package static func write(_ from: UnsafePointer<Double>, count: Int, to out: UnsafeMutableRawPointer) {
    for at in 0..<count { out.storeBytes(of: round(from[at]), toByteOffset: at * 2, as: UInt16.self) }
  }

  package static func read(_ from: UnsafeRawPointer, count: Int, to out: UnsafeMutablePointer<Float>) {
    for at in 0..<count { out[at] = float(from.loadUnaligned(fromByteOffset: at * 2, as: UInt16.self)) }
  }

  package static func read(_ from: UnsafeRawPointer, count: Int, to out: UnsafeMutablePointer<Double>) {
    for at in 0..<count { out[at] = Double(float(from.loadUnaligned(fromByteOffset: at * 2, as: UInt16.self))) }
  }
}

/// The grid on which partial sums are added without rounding (docs/adr/0002-exact-sums.md).
package enum SumGrid {
  /// Sums stay below this.
  package static let bound = 0x1p20
  /// 1.5 · 2²⁰: added to a number below 2¹⁹, it leaves a last place of 2⁻³², so that the sum is rounded to the grid.
  private static let magic = 0x1.8p20

  /// Whether all of `sums` are finite, below 2²⁰ and multiples of 2⁻³². One pass without branches, then a slow one for
  /// the rare sums beyond 2¹⁹.
  package static func holds(_ sums: UnsafePointer<Double>, count: Int) -> Bool {
    var wrong = 0
    for at in 0..<count {
      let sum = sums[at]
      wrong &+= (sum + magic) - magic == sum && sum.magnitude < 0x1p19 ? 0 : 1
    }
    if wrong == 0 { return true }
    return (0..<count).allSatisfy { at in
      let sum = sums[at]
      return sum.magnitude < bound && (sum * 0x1p32).rounded() == sum * 0x1p32
    }
  }

  /// Rounds sums that came as bf16 to the grid. - Returns: false when one is not finite or not below 2²⁰.
  package static func snap(_ sums: UnsafeMutablePointer<Double>, count: Int) -> Bool {
    var wrong = 0
    for at in 0..<count {
      let sum = sums[at]
      wrong &+= sum.magnitude < bound ? 0 : 1
      // From 2¹⁹ on a bf16 has no bits below 1.
      sums[at] = sum.magnitude < 0x1p19 ? (sum + magic) - magic : sum
    }
    return wrong == 0
  }
}
