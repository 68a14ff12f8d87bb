// bf16 to and from f32 and f64, and the grid of partial sums. Rounding is to nearest, ties to even, in one step from
// either width. The scalar functions are the definitions; the loops in CPeer are compared with them for equality.

import CPeer

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
    pp_bf16_from_f32(from, out, count)
  }

  package static func write(_ from: UnsafePointer<Double>, count: Int, to out: UnsafeMutableRawPointer) {
    if pp_bf16_from_f64(from, out, count) != 0 { return }
    for at in 0..<count { out.storeBytes(of: round(from[at]), toByteOffset: at * 2, as: UInt16.self) }
  }

  package static func read(_ from: UnsafeRawPointer, count: Int, to out: UnsafeMutablePointer<Float>) {
    pp_f32_from_bf16(from, out, count)
  }
}

/// The grid on which partial sums are added without rounding (docs/adr/0002-exact-sums.md).
package enum SumGrid {
  /// Sums stay below this.
  package static let bound = 0x1p20

  /// Whether `sum` is finite, below 2²⁰ and a multiple of 2⁻³².
  package static func holds(_ sum: Double) -> Bool {
    sum.magnitude < bound && (sum * 0x1p32).rounded() == sum * 0x1p32
  }

  /// Whether all of `sums` are. One pass without branches, then a slow one for the rare sums from 2¹⁹ on.
  package static func holds(_ sums: UnsafePointer<Double>, count: Int) -> Bool {
    pp_sums_hold(sums, count) != 0 || (0..<count).allSatisfy { holds(sums[$0]) }
  }

  /// Reads sums that come as bf16, each rounded to the grid.
  /// - Returns: false when one is not finite or not below 2²⁰.
  package static func read(bf16 from: UnsafeRawPointer, count: Int, to out: UnsafeMutablePointer<Double>) -> Bool {
    pp_sums_from_bf16(from, out, count) != 0
  }
}
