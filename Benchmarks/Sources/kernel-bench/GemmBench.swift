// Matrix products of several tokens, against the multiply-add peak of the same instruction set.

import BenchSupport
import CBenchLoops
import CExpertKernels
import Glibc

/// A shape as it occurs: rows and columns of the matrix, type, tokens.
struct GemmShape {
  let name: String
  let type: ek_dtype
  let rows: Int
  let cols: Int
  let tokens: Int

  static let all = [
    GemmShape(name: "expert, 4 tokens", type: EK_BF16, rows: 768, cols: 1024, tokens: 4),
    GemmShape(name: "expert, 64 tokens", type: EK_BF16, rows: 768, cols: 1024, tokens: 64),
    GemmShape(name: "projection, 512 tokens", type: EK_BF16, rows: 1024, cols: 1024, tokens: 512),
    GemmShape(name: "small expert, 128 tokens", type: EK_BF16, rows: 128, cols: 256, tokens: 128),
    GemmShape(name: "attention scores, 16 tokens", type: EK_F32, rows: 512, cols: 64, tokens: 16),
  ]
  var operations: Double { 2 * Double(rows * cols * tokens) }
}

/// Products on weights near the processor (one matrix, again and again) and the peak in turn, on one thread, in
/// processor time: a peak is lost at once when another program runs for a moment.
struct GemmBench {
  let memory: WeightMemory
  let rounds: Int

  func rows() -> [[String]] {
    var out = [["set", "shape", "peak GFLOP/s", "GFLOP/s", "ratio"]]
    for set in MeasuredSet.all { for shape in GemmShape.all { out.append(measure(set, shape)) } }
    return out
  }

  private func measure(_ set: MeasuredSet, _ shape: GemmShape) -> [String] {
    var peaks: [Double] = []
    var rates: [Double] = []
    let buffers = Buffers(shape)
    let repeats = max(Int(2e8 / shape.operations), 1)
    for _ in 0..<rounds {
      peaks.append(set.peak.map(peak) ?? .nan)
      let time = processorSeconds { for _ in 0..<repeats { product(set, shape, buffers) } }
      rates.append(shape.operations * Double(repeats) / time / 1e9)
    }
    let ratios = zip(rates, peaks).map { $0 / $1 }
    return [set.name, shape.name, fixed(median(peaks), 0), fixed(median(rates), 0), fixed(median(ratios), 2)]
  }

  private func peak(_ set: bench_peak) -> Double {
    var operations = 0.0
    let time = processorSeconds { operations = bench_multiply_add(set, 100_000) }
    return operations / time / 1e9
  }

  private func product(_ set: MeasuredSet, _ shape: GemmShape, _ buffers: Buffers) {
    set.kernels.matmul(
      shape.type, memory.base, buffers.x, shape.cols, buffers.y, shape.rows, shape.rows, shape.cols, shape.tokens,
      buffers.scratch)
  }
}

/// Aligned as the engine's buffers are.
private final class Buffers {
  let x: UnsafeMutablePointer<Float>
  let y: UnsafeMutablePointer<Float>
  let scratch: UnsafeMutablePointer<Float>

  init(_ shape: GemmShape) {
    x = Self.floats(shape.cols * shape.tokens)
    y = Self.floats(shape.rows * shape.tokens)
    scratch = Self.floats(ek_matmul_scratch(shape.cols))
  }

  deinit { for pointer in [x, y, scratch] { free(pointer) } }

  private static func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
    guard let memory = aligned_alloc(64, (count * 4 + 63) / 64 * 64) else { fail("no memory") }
    let floats = memory.bindMemory(to: Float.self, capacity: count)
    floats.initialize(repeating: 0.25, count: count)
    return floats
  }
}
