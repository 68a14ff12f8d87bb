// A calibration under way, as a file beside the one that it will become: what a run that was interrupted goes on from.

import Crypto
import HostIO
import SiftCore

/// Named arrays of figures and a few words, in a safetensors file.
package struct CalibrationPart {
  /// The value of `format` in the metadata; grows when the meaning of an array changes.
  static let format = "sift-calibration-part-1"

  private var writer: SafetensorsWriter
  private let file: SafetensorsFile?

  /// A new, empty one. - Parameter identity: what the run is about (`identity(…)`).
  package init(identity: ContentHash) {
    writer = SafetensorsWriter(metadata: ["format": Self.format, "identity": identity.description])
    file = nil
  }

  /// The one at `path`; nil when there is none, or when it is not whole, of another version, or about another run.
  package init?(path: String, identity: ContentHash) {
    guard fileExists(path), let file = try? SafetensorsFile(path: path),
      file.header.metadata["format"] == Self.format, file.header.metadata["identity"] == identity.description
    else { return nil }
    writer = SafetensorsWriter()
    self.file = file
  }

  /// Writes it, replacing what stands at `path` in one step.
  package func save(_ path: String) throws(FileError) { try writer.write(to: path) }

  package mutating func add(_ name: String, _ figures: [Float]) { writer.add(name, shape: [figures.count], figures) }
  package mutating func add(_ name: String, _ figures: [Int]) {
    writer.add(name, shape: [figures.count], figures.map(Int64.init))
  }
  package mutating func add(_ name: String, _ figures: [Double]) {
    writer.add(name, shape: [figures.count], figures.map { Int64(bitPattern: $0.bitPattern) })
  }

  package func floats(_ name: String) -> [Float]? {
    words(name, .f32, UInt32.self)?.map { Float(bitPattern: $0) }
  }
  package func integers(_ name: String) -> [Int]? {
    words(name, ElementType(name: "I64"), UInt64.self)?.map { Int(Int64(bitPattern: $0)) }
  }
  package func doubles(_ name: String) -> [Double]? {
    words(name, ElementType(name: "I64"), UInt64.self)?.map { Double(bitPattern: $0) }
  }

  private func words<Word: FixedWidthInteger & BitwiseCopyable>(
    _ name: String, _ type: ElementType, _: Word.Type
  ) -> [Word]? {
    guard let file, let entry = file.header.tensors.first(where: { $0.name == name }), entry.type == type,
      entry.shape.count == 1
    else { return nil }
    let bytes = file.bytes(of: entry)
    let width = MemoryLayout<Word>.size
    return (0..<entry.shape[0]).map {
      Word(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * width, as: Word.self))
    }
  }

  /// What a run is about: the model, the sample and every option that changes a figure.
  package static func identity(model: ContentHash, samples: [[Int32]], options: [String]) -> ContentHash {
    var hasher = SHA256()
    hasher.update(data: Array(([model.description, "\(samples.count)"] + options).joined(separator: "\n").utf8))
    for sample in samples {
      hasher.update(data: Array("\n\(sample.count)\n".utf8))
      sample.withUnsafeBytes { hasher.update(bufferPointer: $0) }
    }
    guard let hash = ContentHash(bytes: Array(hasher.finalize())) else { preconditionFailure("SHA-256 has 32 bytes") }
    return hash
  }
}

extension DistanceSample {
  /// Puts all of it into `part` under names that begin with `name`.
  func save(_ name: String, to part: inout CalibrationPart) {
    part.add(name + "counts", counts + [tokens, Int(truncatingIfNeeded: state)])
    part.add(name + "outputs", [outputNorms, outputSquares])
    part.add(name + "sums", sums)
    part.add(name + "squares", squares)
    part.add(name + "weights", weights)
    part.add(name + "weighted", weightedSquares)
    part.add(name + "norms", weightedNorms)
    for routed in rows.indices { part.add(name + "rows.\(routed)", rows[routed]) }
    if let gram {
      part.add(name + "gram.weights", gram.weights)
      part.add(name + "gram.sums", gram.sums)
    }
  }

  /// Takes all of it from `part`. - Returns: false, and nothing is changed, when something is missing or misshapen.
  mutating func restore(_ name: String, from part: CalibrationPart) -> Bool {
    guard let whole = part.integers(name + "counts"), whole.count == experts + 2,
      let outputs = part.doubles(name + "outputs"), outputs.count == 2,
      let sums = part.doubles(name + "sums"), sums.count == self.sums.count,
      let squares = part.doubles(name + "squares"), squares.count == self.squares.count,
      let weights = part.doubles(name + "weights"), weights.count == experts,
      let weighted = part.doubles(name + "weighted"), weighted.count == weightedSquares.count,
      let norms = part.doubles(name + "norms"), norms.count == weightedNorms.count
    else { return false }
    var rows: [[Float]] = []
    for routed in 0..<experts {
      guard let row = part.floats(name + "rows.\(routed)"), whole[routed] >= 0,
        row.count == min(whole[routed], capacity) * (experts + 1)
      else { return false }
      rows.append(row)
    }
    if var gram {
      guard let shares = part.doubles(name + "gram.weights"), shares.count == gram.weights.count,
        let products = part.doubles(name + "gram.sums"), products.count == gram.sums.count
      else { return false }
      (gram.weights, gram.sums) = (shares, products)
      self.gram = gram
    }
    self.rows = rows
    counts = Array(whole[..<experts])
    tokens = whole[experts]
    state = UInt64(bitPattern: Int64(whole[experts + 1]))
    (outputNorms, outputSquares) = (outputs[0], outputs[1])
    (self.sums, self.squares, self.weights) = (sums, squares, weights)
    (weightedSquares, weightedNorms) = (weighted, norms)
    return true
  }
}
