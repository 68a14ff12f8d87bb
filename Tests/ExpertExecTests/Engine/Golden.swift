// The golden figures of the reference model, read from its folder.

import ExpertExec
import HostIO
import SiftTestKit
import Testing

/// One golden prompt: what the published implementation computes for it in f32.
struct Golden {
  static let count = 4
  let ids: [Int32]
  let greedy: [Int32]
  private let file: SafetensorsFile

  init(prompt: Int) throws {
    let path = ReferenceModel.file("golden/prompt_\(prompt).json")
    let json = try #require(try JSONParser.parse(try readSmallFile(path, limit: 1 << 20)).object)
    ids = try Self.tokens(json, "ids")
    greedy = try Self.tokens(json, "greedy_ids")
    file = try SafetensorsFile(path: ReferenceModel.file("golden/prompt_\(prompt).safetensors"))
  }

  private static func tokens(_ json: JSONObject, _ key: String) throws -> [Int32] {
    let list = try #require(json[key]?.array)
    return list.compactMap { $0.integer.map(Int32.init) }
  }

  func floats(_ name: String) throws -> [Float] {
    let entry = try #require(file.header.tensors.first { $0.name == name })
    #expect(entry.type == .f32)
    return Array(file.bytes(of: entry).bindMemory(to: Float.self))
  }

  func integers(_ name: String) throws -> [Int] {
    let entry = try #require(file.header.tensors.first { $0.name == name })
    let bytes = file.bytes(of: entry)
    if entry.type.name == "I32" { return bytes.bindMemory(to: Int32.self).map { Int($0) } }
    #expect(entry.type.name == "I64")
    return bytes.bindMemory(to: Int64.self).map { Int($0) }
  }
}

/// Keeps everything that a step shows, by layer.
final class Recorder: ForwardProbe {
  private(set) var values: [ProbePoint: [Int: [Float]]] = [:]
  private(set) var experts: [Int: [Int32]] = [:]
  private(set) var weights: [Int: [Float]] = [:]

  func see(_ point: ProbePoint, layer: Int, values: UnsafeBufferPointer<Float>, width: Int) {
    self.values[point, default: [:]][layer] = Array(values)
  }

  func see(layer: Int, experts: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>, perToken: Int) {
    self.experts[layer] = Array(experts)
    self.weights[layer] = Array(weights)
  }

  /// The last row of every layer, one after another.
  func lastRows(_ point: ProbePoint, layers: Int, width: Int) -> [Float] {
    (0..<layers).flatMap { Array((values[point]?[$0] ?? []).suffix(width)) }
  }
}

/// The reference model, opened once for all tests.
let referenceEngine = Result { try Engine(folder: ReferenceModel.folder) }

/// The reference model with one set of kernels.
func referenceEngine(_ kernels: KernelTable = .best, threads: Int = 1) throws -> Engine {
  Engine(try referenceEngine.get(), threads: threads, kernels: kernels)
}

/// The greatest difference of two lists; infinite when their lengths differ or a figure is NaN.
func distance(_ a: some Collection<Float>, _ b: some Collection<Float>) -> Float {
  guard a.count == b.count else { return .infinity }
  var greatest: Float = 0
  for (x, y) in zip(a, b) {
    if x.isNaN || y.isNaN { return .infinity }
    greatest = max(greatest, abs(x - y))
  }
  return greatest
}
