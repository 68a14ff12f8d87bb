// Writes safetensors files: header sorted and padded as the reference implementation does, then the tensors' bytes.

import HostIO

/// Collects tensors and writes them as one safetensors file. Everything is held in memory: for files of megabytes.
public struct SafetensorsWriter: Sendable {
  private struct Tensor: Sendable {
    let name: String
    let type: ElementType
    let shape: [Int]
    let bytes: [UInt8]
  }
  private var tensors: [Tensor] = []
  /// Becomes `__metadata__`.
  public var metadata: [String: String]

  public init(metadata: [String: String] = [:]) { self.metadata = metadata }

  /// Adds a tensor from its bytes (little-endian, row-major).
  /// - Precondition: `bytes` has as many bytes as type and shape ask for, and the name is new.
  public mutating func add(_ name: String, type: ElementType, shape: [Int], bytes: [UInt8]) {
    let expected = type.size.flatMap { SafetensorsHeader.byteCount(shape, elementSize: $0) }
    precondition(expected == bytes.count, "\(name): \(type) \(shape) is not \(bytes.count) bytes")
    precondition(!tensors.contains { $0.name == name }, "\(name) is added twice")
    tensors.append(Tensor(name: name, type: type, shape: shape, bytes: bytes))
  }

  /// Adds an f32 tensor.
  public mutating func add(_ name: String, shape: [Int], _ values: [Float]) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 4)
    for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
    add(name, type: .f32, shape: shape, bytes: bytes)
  }

  /// Adds a tensor of 64-bit integers.
  public mutating func add(_ name: String, shape: [Int], _ values: [Int64]) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * 8)
    for value in values { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    add(name, type: ElementType(name: "I64"), shape: shape, bytes: bytes)
  }

  /// The whole file.
  public func encoded() -> [UInt8] {
    var header = "{"
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      header += "\"__metadata__\":{\(pairs.joined(separator: ","))}"
    }
    var offset = 0
    // Wide elements first, then by name, so that every tensor is aligned to its element.
    let ordered = tensors.sorted { ($1.type.size ?? 0, $0.name) < ($0.type.size ?? 0, $1.name) }
    for tensor in ordered {
      if header.utf8.count > 1 { header += "," }
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      header += "\(Self.quoted(tensor.name)):{\"dtype\":\"\(tensor.type)\",\"shape\":[\(shape)],"
      header += "\"data_offsets\":[\(offset),\(offset + tensor.bytes.count)]}"
      offset += tensor.bytes.count
    }
    header += "}"
    while header.utf8.count % 8 != 0 { header += " " }
    var file: [UInt8] = []
    file.reserveCapacity(8 + header.utf8.count + offset)
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { file.append(contentsOf: $0) }
    file.append(contentsOf: header.utf8)
    for tensor in ordered { file.append(contentsOf: tensor.bytes) }
    return file
  }

  /// Writes the file, replacing what stands at `path` in one step.
  public func write(to path: String) throws(FileError) { try replaceFile(path, with: encoded()) }

  /// A JSON string.
  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted.unicodeScalars.append(contentsOf: ["\\", scalar])
      case "\u{0}"..."\u{1F}":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
