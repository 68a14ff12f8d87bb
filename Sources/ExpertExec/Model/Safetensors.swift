// The safetensors format, read with suspicion: https://huggingface.co/docs/safetensors — 8 bytes of little-endian header
// length, a JSON header, then one buffer that the tensors cover without overlap and without holes.

import HostIO

/// One tensor as a file's header describes it. The byte range was checked; the element type may still be unknown.
package struct TensorEntry: Sendable, Hashable {
  package let name: String
  package let type: ElementType
  package let shape: [Int]
  /// Bytes of the file, header included in the count.
  package let range: Range<Int>
}

/// The header of one safetensors file.
package struct SafetensorsHeader: Sendable {
  /// `__metadata__`, or empty.
  package let metadata: [String: String]
  /// In the order of their bytes in the file.
  package let tensors: [TensorEntry]

  /// The limit of the reference implementation: 100 MB of header.
  package static let headerLimit = 100_000_000
  package static let rankLimit = 16

  /// Checks and reads the header of a whole file.
  /// - Parameter path: only for errors.
  package init(_ file: UnsafeRawBufferPointer, path: String) throws(ModelError) {
    let length = try Self.headerLength(file, path: path)
    let bytes = UnsafeRawBufferPointer(rebasing: file[8..<8 + length])
    let object = try Self.object(bytes, path: path)
    let bufferStart = 8 + length
    let bufferSize = file.count - bufferStart
    var metadata: [String: String] = [:]
    var tensors: [TensorEntry] = []
    tensors.reserveCapacity(object.members.count)
    for member in object.members {
      if member.key == "__metadata__" {
        metadata = try Self.metadata(member.value, path: path)
      } else {
        tensors.append(
          try Self.entry(member.key, member.value, bufferStart: bufferStart, bufferSize: bufferSize, path: path))
      }
    }
    tensors.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    try Self.checkCover(tensors, of: bufferStart..<file.count, path: path)
    self.metadata = metadata
    self.tensors = tensors
  }

  private static func headerLength(_ file: UnsafeRawBufferPointer, path: String) throws(ModelError) -> Int {
    guard file.count >= 8 else {
      throw .safetensors(
        path: path, tensor: nil, problem: "\(file.count) bytes are too few for a safetensors header length of 8")
    }
    guard !ModelFolder.isPointer(file.prefix(ModelFolder.pointerMark.utf8.count)) else {
      throw .safetensors(path: path, tensor: nil, problem: ModelFolder.pointerProblem)
    }
    let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(headerLimit) else {
      throw .safetensors(
        path: path, tensor: nil, problem: "header length \(length) is more than the \(headerLimit) allowed")
    }
    guard Int(length) <= file.count - 8 else {
      throw .safetensors(
        path: path, tensor: nil, problem: "header length \(length) goes beyond the file's \(file.count) bytes")
    }
    return Int(length)
  }

  private static func object(_ bytes: UnsafeRawBufferPointer, path: String) throws(ModelError) -> JSONObject {
    guard bytes.first == UInt8(ascii: "{") else {
      throw .safetensors(path: path, tensor: nil, problem: "the header does not begin with '{'")
    }
    do throws(JSONSyntaxError) {
      guard case .object(let object) = try JSONParser.parse(bytes, depthLimit: 4) else {
        throw JSONSyntaxError(offset: 0, problem: "the header is not an object")
      }
      return object
    } catch { throw .json(path: path, offset: 8 + error.offset, problem: error.problem) }
  }

  private static func metadata(_ value: JSONValue, path: String) throws(ModelError) -> [String: String] {
    guard let object = value.object else {
      throw .safetensors(path: path, tensor: nil, problem: "__metadata__ is \(value.kind), not an object")
    }
    var metadata: [String: String] = [:]
    for member in object.members {
      guard let text = member.value.string else {
        throw .safetensors(
          path: path, tensor: nil, problem: "__metadata__.\(member.key) is \(member.value.kind), not a string")
      }
      metadata[member.key] = text
    }
    return metadata
  }

  private static func entry(_ name: String, _ value: JSONValue, bufferStart: Int, bufferSize: Int, path: String)
    throws(ModelError) -> TensorEntry
  {
    func refuse(_ problem: String) -> ModelError { .safetensors(path: path, tensor: name, problem: problem) }
    guard let object = value.object else { throw refuse("described by \(value.kind), not an object") }
    guard let type = object["dtype"]?.string else { throw refuse("dtype is missing or not a string") }
    guard let sizes = object["shape"]?.array else { throw refuse("shape is missing or not an array") }
    guard let offsets = object["data_offsets"]?.array, offsets.count == 2, let from = offsets[0].integer,
      let to = offsets[1].integer
    else { throw refuse("data_offsets is not a pair of integers") }
    guard 0 <= from, from <= to, to <= bufferSize else {
      throw refuse("data_offsets [\(from), \(to)] are not within the buffer's \(bufferSize) bytes (file cut short?)")
    }
    guard sizes.count <= rankLimit else { throw refuse("\(sizes.count) dimensions are more than \(rankLimit)") }
    var shape: [Int] = []
    for size in sizes {
      guard let size = size.integer, size >= 0 else { throw refuse("shape holds something else than sizes") }
      shape.append(size)
    }
    let element = ElementType(name: type)
    if let size = element.size {
      guard let bytes = byteCount(shape, elementSize: size) else { throw refuse("shape \(shape) overflows") }
      guard bytes == to - from else {
        throw refuse("\(type) of shape \(shape) has \(bytes) bytes, but data_offsets give it \(to - from)")
      }
    }
    return TensorEntry(name: name, type: element, shape: shape, range: bufferStart + from..<bufferStart + to)
  }

  /// Elements × size; nil on overflow.
  package static func byteCount(_ shape: [Int], elementSize: Int) -> Int? {
    var total = elementSize
    for size in shape {
      let (product, overflow) = total.multipliedReportingOverflow(by: size)
      if overflow { return nil }
      total = product
    }
    return total
  }

  /// Every byte of the buffer belongs to one tensor and no more. - Parameter tensors: sorted by range.
  private static func checkCover(_ tensors: [TensorEntry], of buffer: Range<Int>, path: String) throws(ModelError) {
    var end = buffer.lowerBound
    var previous = "the header"
    for tensor in tensors {
      if tensor.range.lowerBound < end {
        throw .safetensors(path: path, tensor: tensor.name, problem: "overlaps tensor \(previous)")
      }
      if tensor.range.lowerBound > end {
        let hole = tensor.range.lowerBound - end
        throw .safetensors(path: path, tensor: tensor.name, problem: "a hole of \(hole) bytes after \(previous)")
      }
      end = tensor.range.upperBound
      previous = tensor.name
    }
    guard end == buffer.upperBound else {
      throw .safetensors(path: path, tensor: nil, problem: "\(buffer.upperBound - end) bytes follow the last tensor")
    }
  }
}

/// A safetensors file, mapped, its header checked.
package final class SafetensorsFile: Sendable {
  package let mapping: MappedFile
  package let header: SafetensorsHeader

  package init(path: String) throws(ModelError) {
    do throws(FileError) { mapping = try MappedFile(path: path) } catch { throw .file(error) }
    header = try SafetensorsHeader(mapping.bytes, path: path)
  }

  package var path: String { mapping.path }

  /// The bytes of a tensor of this file; valid as long as this object lives.
  package func bytes(of tensor: TensorEntry) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: mapping.bytes[tensor.range])
  }
}
