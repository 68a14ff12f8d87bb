// Takes checked tensors out of a calibration file.

import SiftCore

struct CalibrationReader {
  let file: SafetensorsFile
  let path: String

  func text(_ key: String) throws(CalibrationError) -> String {
    guard let value = file.header.metadata[key] else { throw .malformed(path: path, "metadata `\(key)` is missing") }
    return value
  }

  func layer(_ index: Int, experts e: Int) throws(CalibrationError) -> Calibration.Layer {
    let name = "layer.\(index)."
    var layer = Calibration.Layer(
      scale: try scale(name + "scale"), counts: try tensor(name + "count", [e]),
      mean: try distances(name + "mean", e), rms: try distances(name + "rms", e),
      quantile: try distances(name + "quantile", e), skipMean: try tensor(name + "skip_mean", [e]),
      skipRMS: try tensor(name + "skip_rms", [e]), skipQuantile: try tensor(name + "skip_quantile", [e]),
      squares: try squares(name, e), effect: try effect(name))
    layer.gram = try gram(name + "gram", e)
    return layer
  }

  private func gram(_ name: String, _ e: Int) throws(CalibrationError) -> GramTable? {
    guard has(name) else { return nil }
    let products = try figures(name, [GramTable.pairs(e), GramTable.pairs(e)])
    if let at = products.firstIndex(where: { !$0.isFinite }) {
      throw .malformed(path: path, "`\(name)` holds \(products[at]) at \(at), must be finite")
    }
    return GramTable(experts: e, products: products)
  }

  private func squares(_ name: String, _ e: Int) throws(CalibrationError) -> SquareDistances {
    SquareDistances(
      scale: try scale(name + "square.scale"), replacing: try distances(name + "square.replace", e),
      skipping: try tensor(name + "square.skip", [e]),
      factors: try table(name + "square.factor", e, diagonal: 1, mayBeInfinite: false),
      scaled: try distances(name + "square.scaled", e))
  }

  private func effect(_ name: String) throws(CalibrationError) -> LayerEffect? {
    guard has(name + "effect") else { return nil }
    let figures = try tensor(name + "effect", [3], mayBeInfinite: false)
    return LayerEffect(sensitivity: figures[0], sensitivityError: figures[1], amplification: figures[2])
  }

  /// The fitted curve with its points, or none.
  func curve() throws(CalibrationError) -> LossCurve? {
    guard let entry = file.header.tensors.first(where: { $0.name == "curve.points" }) else { return nil }
    let fit = try figures("curve.fit", [3])
    let rows = entry.shape.first ?? 0
    let points = try figures("curve.points", [rows, 3])
    for (name, row) in [("curve.fit", fit), ("curve.points", points)] {
      if let at = row.firstIndex(where: { !$0.isFinite }) {
        throw .malformed(path: path, "`\(name)` holds \(row[at]) at \(at), must be finite")
      }
    }
    guard fit[0] > 0, fit[2] >= 0 else {
      throw .malformed(
        path: path, "`curve.fit` begins with \(fit[0]) and ends with \(fit[2]): a loss that does not rise")
    }
    let curve = LossCurve(
      linear: Double(fit[0]), quadratic: Double(fit[1]), relativeError: Double(fit[2]),
      points: (0..<rows).map {
        LossCurve.Point(
          error: points[3 * $0], lossIncrease: points[3 * $0 + 1], standardError: points[3 * $0 + 2])
      })
    let errors = [0] + curve.points.map(\.error)
    guard rows > 0, zip(errors, errors.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw .malformed(path: path, "the errors in `curve.points` must rise from above 0")
    }
    return curve
  }

  // MARK: Tensors

  private func scale(_ name: String) throws(CalibrationError) -> Float {
    let scale = try tensor(name, [1])[0]
    guard scale > 0, scale.isFinite else { throw .malformed(path: path, "`\(name)` is \(scale), must be above 0") }
    return scale
  }

  /// A square table with a diagonal of zeros.
  private func distances(_ name: String, _ e: Int) throws(CalibrationError) -> [Float] {
    try table(name, e, diagonal: 0, mayBeInfinite: true)
  }

  private func table(
    _ name: String, _ e: Int, diagonal: Float, mayBeInfinite: Bool
  ) throws(CalibrationError) -> [Float] {
    let figures = try tensor(name, [e, e], mayBeInfinite: mayBeInfinite)
    for expert in 0..<e where figures[expert * e + expert] != diagonal {
      throw .malformed(
        path: path, "`\(name)`[\(expert), \(expert)] is \(figures[expert * e + expert]), must be \(diagonal)")
    }
    return figures
  }

  /// Figures that are ≥ 0.
  private func tensor(
    _ name: String, _ shape: [Int], mayBeInfinite: Bool = true
  ) throws(CalibrationError) -> [Float] {
    let figures = try figures(name, shape)
    if let at = figures.firstIndex(where: { !($0 >= 0) || !mayBeInfinite && $0 == .infinity }) {
      throw .malformed(
        path: path,
        "`\(name)` holds \(figures[at]) at \(at), must be \(mayBeInfinite ? "" : "finite and ")at least 0")
    }
    return figures
  }

  private func has(_ name: String) -> Bool { file.header.tensors.contains { $0.name == name } }

  private func figures(_ name: String, _ shape: [Int]) throws(CalibrationError) -> [Float] {
    guard let entry = file.header.tensors.first(where: { $0.name == name }) else {
      throw .malformed(path: path, "tensor `\(name)` is missing")
    }
    guard entry.type == .f32, entry.shape == shape else {
      throw .shape(path: path, "tensor `\(name)` is \(entry.type) \(entry.shape), must be F32 \(shape)")
    }
    let bytes = file.bytes(of: entry)
    return (0..<shape.reduce(1, *)).map { at in
      Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at * 4, as: UInt32.self)))
    }
  }
}
