// The distances of one layer as they are met: sums over all tokens, and a bounded sample for the quantile.

import SiftCore

/// Distances from routed experts to all others and to nothing, for one layer; not yet divided by the scale.
struct DistanceSample {
  let experts: Int
  /// Most tokens kept for each routed expert; beyond it a random subset of that size stands for all.
  let capacity: Int
  /// `[routed]`: tokens met.
  var counts: [Int]
  /// `[routed, target or skip]`: sums and sums of squares over all tokens met. E + 1 columns, the last is the skip.
  var sums: [Double]
  var squares: [Double]
  /// The same squares weighted by the square of the router weight, `[routed, target or skip]`; Σ w² `[routed]`; and the
  /// squared norms of the targets so weighted, `[routed, target]`.
  var weightedSquares: [Double]
  var weights: [Double]
  var weightedNorms: [Double]
  /// `[routed]` → kept rows of E + 1 distances.
  var rows: [[Float]]
  /// Norms of the exact layer outputs.
  var outputNorms = 0.0
  var outputSquares = 0.0
  var tokens = 0
  var state: UInt64
  /// nil where its memory was not to be had.
  var gram: GramSample?

  private var columns: Int { experts + 1 }

  init(experts: Int, capacity: Int, seed: UInt64, hasGram: Bool) {
    self.experts = experts
    self.capacity = max(1, capacity)
    counts = Array(repeating: 0, count: experts)
    sums = Array(repeating: 0, count: experts * (experts + 1))
    squares = sums
    weightedSquares = sums
    weights = Array(repeating: 0, count: experts)
    weightedNorms = Array(repeating: 0, count: experts * experts)
    rows = Array(repeating: [], count: experts)
    state = seed
    gram = hasGram ? GramSample(experts: experts) : nil
  }

  /// A token's exact layer output has this norm.
  mutating func add(outputNorm: Double) {
    outputNorms += outputNorm
    outputSquares += outputNorm * outputNorm
    tokens += 1
  }

  /// A token was routed to `routed` with weight `weight`; `distances` are E + 1 figures, `norms` E.
  mutating func add(
    _ routed: Int, weight: Double, _ distances: UnsafeBufferPointer<Float>, norms: UnsafeBufferPointer<Float>
  ) {
    counts[routed] += 1
    let square = weight * weight
    weights[routed] += square
    for column in 0..<columns {
      let distance = Double(distances[column])
      sums[routed * columns + column] += distance
      squares[routed * columns + column] += distance * distance
      weightedSquares[routed * columns + column] += square * distance * distance
    }
    for target in 0..<experts {
      weightedNorms[routed * experts + target] += square * Double(norms[target]) * Double(norms[target])
    }
    if counts[routed] <= capacity {
      rows[routed].append(contentsOf: distances)
      return
    }
    // Reservoir sampling (Vitter's algorithm R): every token met is kept with the same chance.
    let slot = Int(truncatingIfNeeded: next() % UInt64(counts[routed]))
    guard slot < capacity else { return }
    for column in 0..<columns { rows[routed][slot * columns + column] = distances[column] }
  }

  /// The sample depends on the seed and the text alone.
  private mutating func next() -> UInt64 {
    var generator = SplitMix(seed: state)
    defer { state = generator.state }
    return generator.next() >> 1
  }

  /// The layer's calibration at miss rate `alpha`; nil before the first token, or when every output was zero.
  func layer(missRate alpha: Double) -> Calibration.Layer? {
    let scale = tokens > 0 ? outputNorms / Double(tokens) : 0
    guard scale > 0 else { return nil }
    var layer = Calibration.Layer(
      scale: Float(scale), counts: counts.map(Float.init), mean: [], rms: [], quantile: [], skipMean: [], skipRMS: [],
      skipQuantile: [])
    for routed in 0..<experts {
      let count = Double(counts[routed])
      for target in 0..<columns {
        let at = routed * columns + target
        let mean = counts[routed] > 0 ? Float(sums[at] / count / scale) : .infinity
        let rms = counts[routed] > 0 ? Float((squares[at] / count).squareRoot() / scale) : .infinity
        let quantile = Calibration.conformalQuantile(column(routed, target), missRate: alpha) / Float(scale)
        if target == experts {
          layer.skipMean.append(mean)
          layer.skipRMS.append(rms)
          layer.skipQuantile.append(quantile)
        } else {
          let isSelf = target == routed
          layer.mean.append(isSelf ? 0 : mean)
          layer.rms.append(isSelf ? 0 : rms)
          layer.quantile.append(isSelf ? 0 : quantile)
        }
      }
    }
    layer.squares = SquareDistances(
      weights: weights, squares: weightedSquares, norms: weightedNorms, output: outputSquares / Double(tokens))
    layer.gram = gram?.table(output: outputSquares / Double(tokens))
    return layer
  }

  /// The kept distances of one pair.
  private func column(_ routed: Int, _ target: Int) -> [Float] {
    stride(from: target, to: rows[routed].count, by: columns).map { rows[routed][$0] }
  }
}
