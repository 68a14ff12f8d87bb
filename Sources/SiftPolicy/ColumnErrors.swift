// What one expert could do for the routed experts of a token: the inner loop of reading a problem.

/// Errors of a column, which is one hosted expert, for ranks 0 … K − 1 of a token's routed experts.
///
/// All pointers are `[rank]`. What is read has room for rank K, which takes the second lane beside an odd last rank and
/// must have weight 0, a skip of error 0 and any row; what is written has room for it too.
package struct ColumnErrors {
  let ranks: Int
  /// Weight, and weighted error of a skip (infinite: forbidden).
  let weight: UnsafePointer<Double>
  let skip: UnsafePointer<Double>
  /// Where the rank's row of distances begins.
  let row: UnsafePointer<Int>
  /// Larger errors are of no use.
  let ceiling: Double
  /// Probability, below 1, that the place does not answer, and the error that then takes the place of its own. Not read
  /// where it always answers.
  var outage = 0.0
  var fallback: UnsafePointer<Double>?

  package init(
    ranks: Int, weight: UnsafePointer<Double>, skip: UnsafePointer<Double>, row: UnsafePointer<Int>, ceiling: Double,
    outage: Double = 0, fallback: UnsafePointer<Double>? = nil
  ) {
    self.ranks = ranks
    self.weight = weight
    self.skip = skip
    self.row = row
    self.ceiling = ceiling
    self.outage = outage
    self.fallback = fallback
  }

  /// Writes the expected errors of serving each rank by `target`; infinite where that is of no use.
  ///
  /// Whether it is of use is as good as random, so nothing branches on it: two ranks at a time are compared and chosen by
  /// mask.
  /// - Returns: bit r: rank r is served better than by a skip; and by how much all such ranks together, without those
  ///   that cannot be skipped.
  @inline(__always) package func write(
    _ distances: UnsafeBufferPointer<Double>, _ target: Int, into value: UnsafeMutablePointer<Double>
  ) -> (useful: UInt64, saved: Double) {
    var useful = SIMD2<UInt64>.zero
    var saved = SIMD2<Double>.zero
    var bits = SIMD2<UInt64>(1, 2)
    for rank in stride(from: 0, to: ranks, by: 2) {
      let distance = SIMD2(distances[row[rank] + target], distances[row[rank + 1] + target])
      let product = SIMD2(weight[rank], weight[rank + 1]) * distance
      // A weight of 0 makes any distance nothing, and 0 · ∞ is the one product that is no number.
      let error = expected(product.replacing(with: 0, where: product .!= product), rank)
      let skip = SIMD2(skip[rank], skip[rank + 1])
      let isUseful = (error .< skip) .& (error .<= ceiling)
      useful |= SIMD2<UInt64>.zero.replacing(with: bits, where: isUseful)
      saved += SIMD2<Double>.zero.replacing(with: skip - error, where: isUseful .& (skip .< .infinity))
      let shown = SIMD2(repeating: Double.infinity).replacing(with: error, where: isUseful)
      value[rank] = shown[0]
      value[rank + 1] = shown[1]
      bits &<<= 2
    }
    return (useful[0] | useful[1], saved.sum())
  }

  /// The same where nobody may be replaced: `target` serves only the rank whose expert it is.
  @inline(__always) package func writeOwn(
    _ distances: UnsafeBufferPointer<Double>, _ target: Int, experts: Int, into value: UnsafeMutablePointer<Double>
  ) -> (useful: UInt64, saved: Double) {
    var (useful, saved) = (UInt64(0), 0.0)
    for rank in 0..<ranks {
      value[rank] = .infinity
      guard row[rank] == target * experts else { continue }
      let own = weight[rank] == 0 ? 0 : weight[rank] * distances[row[rank] + target]
      let error = expected(SIMD2(repeating: own), rank)[0]
      guard error < skip[rank], error <= ceiling else { continue }
      value[rank] = error
      useful |= 1 << UInt64(rank)
      if skip[rank] < .infinity { saved += skip[rank] - error }
    }
    return (useful, saved)
  }

  @inline(__always) private func expected(_ error: SIMD2<Double>, _ rank: Int) -> SIMD2<Double> {
    guard outage > 0, let fallback else { return error }
    return (1 - outage) * error + outage * SIMD2(fallback[rank], fallback[rank + 1])
  }
}
