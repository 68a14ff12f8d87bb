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
  package static func norm(_ a: UnsafePointer<Float>, _ width: Int) -> Float { product(a, a, width).squareRoot() }

  /// ⟨a, b⟩ of two rows of `width` figures.
  package static func product(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ width: Int) -> Float {
    var lanes = SIMD8<Float>.zero
    var at = 0
    while at + 8 <= width {
      lanes.addProduct(load(a + at), load(b + at))
      at += 8
    }
    var sum = lanes.sum()
    while at < width {
      sum += a[at] * b[at]
      at += 1
    }
    return sum
  }

  private static func load(_ at: UnsafePointer<Float>) -> SIMD8<Float> {
    UnsafeRawPointer(at).loadUnaligned(as: SIMD8<Float>.self)
  }
}
