// What the error of one layer alone does to the logits: the amplification A_ℓ (docs/theory, B4).

import ExpertExec

/// Measures the error of the layer that errs alone, and what it does to the logits.
final class AloneProbe: ForwardProbe {
  weak var reader: PairedReader?
  private let layers: [Int]
  private let scales: [Float]
  /// Exact expert outputs of the layers in the step under way.
  private var exact: [[Float]]
  /// `[variant]`: relative errors of the rows of the step under way, squared; rows already answered for; and over the
  /// window so far their sum and number.
  private var squares: [[Double]]
  private var next: [Int]
  private var sums: [Double]
  private var counts: [Double]
  /// `[variant]`: ranges of the change of logits over the root mean square error.
  private var ratios: [[Float]]

  init(layers: [Int], scales: [Float]) {
    self.layers = layers
    self.scales = scales
    exact = layers.map { _ in [] }
    squares = layers.map { _ in [] }
    next = layers.map { _ in 0 }
    sums = layers.map { _ in 0 }
    counts = sums
    ratios = layers.map { _ in [] }
  }

  func save(to part: inout CalibrationPart) {
    for (index, ratios) in ratios.enumerated() { part.add("ratios.\(index)", ratios) }
  }

  func restore(from part: CalibrationPart) -> Bool {
    let earlier = layers.indices.compactMap { part.floats("ratios.\($0)") }
    guard earlier.count == layers.count else { return false }
    ratios = earlier
    return true
  }

  func beginWindow() {
    for variant in layers.indices {
      sums[variant] = 0
      counts[variant] = 0
    }
  }

  func see(_ point: ProbePoint, layer: Int, values: UnsafeBufferPointer<Float>, width: Int) {
    guard point == .expertOutput, let index = layers.firstIndex(of: layer) else { return }
    guard let variant = reader?.variant else {
      exact[index] = Array(values)
      return
    }
    guard variant == index else { return }
    let scale = Double(scales[index])
    squares[index] = stride(from: 0, to: values.count, by: width).map { start in
      var sum = 0.0
      for at in start..<start + width {
        let apart = Double(values[at] - exact[index][at]) / scale
        sum += apart * apart
      }
      return sum
    }
    next[index] = 0
  }

  /// A token depends on the errors of all tokens before it: its range is set against their root mean square.
  func add(_ variant: Int, range: Double) {
    sums[variant] += squares[variant][next[variant]]
    counts[variant] += 1
    next[variant] += 1
    let error = (sums[variant] / counts[variant]).squareRoot()
    if error > 0 { ratios[variant].append(Float(range / error)) }
  }

  /// A_ℓ; 0 for a layer that never erred.
  func amplification(_ variant: Int, missRate: Double) -> Float {
    let quantile = Calibration.conformalQuantile(ratios[variant], missRate: missRate)
    return quantile.isFinite ? quantile : ratios[variant].max() ?? 0
  }
}
