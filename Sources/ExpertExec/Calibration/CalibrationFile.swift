// The file form of a calibration: safetensors, bound to its model by content hash.

import HostIO
import SiftCore

/// Why a calibration file cannot be used.
public enum CalibrationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// It cannot be read, or is no safetensors file.
  case unreadable(String)
  /// It is not a calibration of this version, or one of its parts is malformed.
  case malformed(path: String, String)
  /// It was made for other weights.
  case otherModel(path: String, made: ContentHash, wanted: ContentHash)
  /// It fits no layer of the model although the hash is right: it was tampered with.
  case shape(path: String, String)

  public var description: String {
    switch self {
    case .unreadable(let what): what
    case .malformed(let path, let what): "\(path): \(what)"
    case .otherModel(let path, let made, let wanted):
      "\(path): was made for the model \(made.short), this one is \(wanted.short); run `siftctl calibrate` for it"
    case .shape(let path, let what): "\(path): \(what)"
    }
  }
}

extension Calibration {
  /// The value of `format` in the metadata; grows when the meaning of a tensor changes.
  static let format = "sift-calibration-1"

  /// The file as bytes.
  public func encoded() -> [UInt8] {
    var writer = SafetensorsWriter(metadata: [
      "format": Self.format, "model": modelHash.description, "quantile": "\(missRate)", "tokens": "\(tokens)",
      "layers": "\(layers.count)",
    ])
    for (index, layer) in layers.enumerated() {
      guard let layer else { continue }
      let e = layer.experts
      let name = "layer.\(index)."
      writer.add(name + "scale", shape: [1], [layer.scale])
      writer.add(name + "count", shape: [e], layer.counts)
      writer.add(name + "mean", shape: [e, e], layer.mean)
      writer.add(name + "rms", shape: [e, e], layer.rms)
      writer.add(name + "quantile", shape: [e, e], layer.quantile)
      writer.add(name + "skip_mean", shape: [e], layer.skipMean)
      writer.add(name + "skip_rms", shape: [e], layer.skipRMS)
      writer.add(name + "skip_quantile", shape: [e], layer.skipQuantile)
    }
    if !curve.isEmpty {
      writer.add("curve.square", shape: [curve.count], curve.map(\.meanSquare))
      writer.add("curve.loss", shape: [curve.count], curve.map(\.lossIncrease))
    }
    return writer.encoded()
  }

  /// Writes the file, replacing what stands at `path` in one step.
  public func save(_ path: String) throws(FileError) { try replaceFile(path, with: encoded()) }

  /// Reads the calibration at `path` of the model with content hash `modelHash`.
  /// - Parameter experts: `[layer]` → experts of the layer, 0 for a dense one.
  /// - Throws: `CalibrationError`; nothing of a wrong file is used.
  public init(path: String, modelHash: ContentHash, experts: [Int]) throws(CalibrationError) {
    let file: SafetensorsFile
    do { file = try SafetensorsFile(path: path) } catch { throw .unreadable("\(error)") }
    let reader = CalibrationReader(file: file, path: path)
    guard try reader.text("format") == Self.format else {
      throw .malformed(path: path, "is not a calibration of this version (\(Self.format))")
    }
    guard let made = ContentHash(hex: try reader.text("model")) else {
      throw .malformed(path: path, "metadata `model` is not 64 hexadecimal digits")
    }
    guard made == modelHash else { throw .otherModel(path: path, made: made, wanted: modelHash) }
    guard let missRate = Double(try reader.text("quantile")), missRate > 0, missRate < 1 else {
      throw .malformed(path: path, "metadata `quantile` must be a number between 0 and 1")
    }
    guard let tokens = Int(try reader.text("tokens")), tokens > 0 else {
      throw .malformed(path: path, "metadata `tokens` must be a positive number")
    }
    guard Int(try reader.text("layers")) == experts.count else {
      throw .shape(path: path, "is for another number of layers than the model's \(experts.count)")
    }
    var layers: [Layer?] = []
    for (index, count) in experts.enumerated() {
      layers.append(count > 0 ? try reader.layer(index, experts: count) : nil)
    }
    self.init(modelHash: modelHash, missRate: missRate, tokens: tokens, layers: layers)
    curve = try reader.curve()
  }
}

/// Takes checked tensors out of a calibration file.
private struct CalibrationReader {
  let file: SafetensorsFile
  let path: String

  func text(_ key: String) throws(CalibrationError) -> String {
    guard let value = file.header.metadata[key] else { throw .malformed(path: path, "metadata `\(key)` is missing") }
    return value
  }

  func layer(_ index: Int, experts e: Int) throws(CalibrationError) -> Calibration.Layer {
    let name = "layer.\(index)."
    let layer = Calibration.Layer(
      scale: try tensor(name + "scale", [1])[0], counts: try tensor(name + "count", [e]),
      mean: try distances(name + "mean", e), rms: try distances(name + "rms", e),
      quantile: try distances(name + "quantile", e), skipMean: try tensor(name + "skip_mean", [e]),
      skipRMS: try tensor(name + "skip_rms", [e]), skipQuantile: try tensor(name + "skip_quantile", [e]))
    guard layer.scale > 0, layer.scale.isFinite else {
      throw .malformed(path: path, "\(name)scale is \(layer.scale), must be above 0")
    }
    return layer
  }

  /// Two rising rows of figures that begin at 0, or none.
  func curve() throws(CalibrationError) -> [Calibration.CurvePoint] {
    guard let entry = file.header.tensors.first(where: { $0.name == "curve.square" }) else { return [] }
    let squares = try tensor("curve.square", entry.shape)
    let losses = try tensor("curve.loss", entry.shape)
    guard entry.shape.count == 1, squares.first == 0, losses.first == 0,
      zip(squares, squares.dropFirst()).allSatisfy({ $0 < $1 && $1.isFinite }),
      zip(losses, losses.dropFirst()).allSatisfy({ $0 <= $1 && $1.isFinite })
    else { throw .malformed(path: path, "`curve.square` and `curve.loss` must begin at 0 and rise") }
    return zip(squares, losses).map { Calibration.CurvePoint(meanSquare: $0, lossIncrease: $1) }
  }

  /// A square table with a diagonal of zeros.
  private func distances(_ name: String, _ e: Int) throws(CalibrationError) -> [Float] {
    let figures = try tensor(name, [e, e])
    for expert in 0..<e where figures[expert * e + expert] != 0 {
      throw .malformed(path: path, "\(name)[\(expert), \(expert)] is \(figures[expert * e + expert]), must be 0")
    }
    return figures
  }

  /// Figures that are ≥ 0 and may be infinite.
  private func tensor(_ name: String, _ shape: [Int]) throws(CalibrationError) -> [Float] {
    guard let entry = file.header.tensors.first(where: { $0.name == name }) else {
      throw .malformed(path: path, "tensor `\(name)` is missing")
    }
    guard entry.type == .f32, entry.shape == shape else {
      throw .shape(path: path, "tensor `\(name)` is \(entry.type) \(entry.shape), must be F32 \(shape)")
    }
    let bytes = file.bytes(of: entry)
    let count = shape.reduce(1, *)
    let figures = (0..<count).map { at in
      Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at * 4, as: UInt32.self)))
    }
    if let at = figures.firstIndex(where: { !($0 >= 0) }) {
      throw .malformed(path: path, "`\(name)` holds \(figures[at]) at \(at), must be at least 0")
    }
    return figures
  }
}
