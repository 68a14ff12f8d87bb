// Norms and distances of expert outputs: what calibration and the check of the bounds measure.

/// Plain loops over rows of floats, eight lanes at a time.
package enum ExpertDistances {
  /// ‖a − b‖ of two rows of `width` figures.
  package static func distance(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ width: Int) -> Float {
    var lanes = SIMD8<Float>.zero
    var at = 0
    while at + 8 <= width {
      let difference = load(a + at) - load(b + at)
      lanes.addProduct(difference, difference)
      at += 8
    }
    var sum = lanes.sum()
    while at < width {
      let difference = a[at] - b[at]
      sum += difference * difference
      at += 1
    }
    return sum.squareRoot()
  }

  /// ‖a‖ of a row of `width` figures.
  package static func norm(_ a: UnsafePointer<Float>, _ width: Int) -> Float {
    var sum: Float = 0
    for at in 0..<width { sum += a[at] * a[at] }
    return sum.squareRoot()
  }

  private static func load(_ at: UnsafePointer<Float>) -> SIMD8<Float> {
    UnsafeRawPointer(at).loadUnaligned(as: SIMD8<Float>.self)
  }
}
