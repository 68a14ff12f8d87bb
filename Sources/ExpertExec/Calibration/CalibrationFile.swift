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
  static let format = "sift-calibration-2"

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
      if let squares = layer.squares {
        writer.add(name + "square.scale", shape: [1], [squares.scale])
        writer.add(name + "square.replace", shape: [e, e], squares.replacing)
        writer.add(name + "square.skip", shape: [e], squares.skipping)
        writer.add(name + "square.factor", shape: [e, e], squares.factors)
        writer.add(name + "square.scaled", shape: [e, e], squares.scaled)
      }
      if let gram = layer.gram {
        let pairs = GramTable.pairs(e)
        writer.add(name + "gram", shape: [pairs, pairs], gram.products)
      }
      if let effect = layer.effect {
        writer.add(
          name + "effect", shape: [3], [effect.sensitivity, effect.sensitivityError, effect.amplification])
      }
    }
    if let curve {
      writer.add(
        "curve.fit", shape: [3], [Float(curve.linear), Float(curve.quadratic), Float(curve.relativeError)])
      writer.add(
        "curve.points", shape: [curve.points.count, 3],
        curve.points.flatMap { [$0.error, $0.lossIncrease, $0.standardError] })
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
    let format = try reader.text("format")
    guard format == Self.format else {
      throw .malformed(
        path: path, "is \(format), this version reads \(Self.format); run `siftctl calibrate` again")
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
