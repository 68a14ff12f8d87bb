// One token's matrix product over weights that do not fit the caches, against plain reading of the same memory.

import BenchSupport
import CBenchLoops
import CExpertKernels

/// Reading and GEMV in turn, on one thread and on all.
struct GemvBench {
  /// An expert's matrix of the larger benchmark model: gate and up are `[inner, width]`.
  static let rows = 768
  static let cols = 1024

  let memory: WeightMemory
  let rounds: Int

  func rows() -> [[String]] {
    var out = [["set", "threads", "read GB/s", "GEMV GB/s", "ratio", "least", "greatest"]]
    for threads in Set([1, processors()]).sorted() {
      for set in MeasuredSet.all { out.append(measure(set, threads)) }
    }
    return out
  }

  private func measure(_ set: MeasuredSet, _ threads: Int) -> [String] {
    guard let team = ek_team_make(threads) else { fail("no team of \(threads) threads") }
    defer { ek_team_destroy(team) }
    var reads: [Double] = []
    var products: [Double] = []
    for _ in 0..<rounds {
      reads.append(Pass.rate(memory: memory, kernels: nil, on: team))
      products.append(Pass.rate(memory: memory, kernels: set.kernels, on: team))
    }
    let ratios = zip(products, reads).map { $0 / $1 }
    return [
      set.name, "\(threads)", fixed(median(reads)), fixed(median(products)), fixed(median(ratios), 2),
      fixed(ratios.min() ?? .nan, 2), fixed(ratios.max() ?? .nan, 2),
    ]
  }
}

/// One pass over the memory, shared out by matrices.
private struct Pass {
  var claims = 0
  let memory: WeightMemory
  /// nil reads only.
  let kernels: ek_kernels?
  private let x = [Float](repeating: 0.5, count: GemvBench.cols)

  init(memory: WeightMemory, kernels: ek_kernels?) {
    self.memory = memory
    self.kernels = kernels
  }

  private static let matrixBytes = GemvBench.rows * GemvBench.cols * 2
  private var matrices: Int { memory.bytes / Self.matrixBytes }

  /// - Returns: GB/s.
  static func rate(memory: WeightMemory, kernels: ek_kernels?, on team: OpaquePointer) -> Double {
    var pass = Pass(memory: memory, kernels: kernels)
    let bytes = Double(pass.matrices * matrixBytes)
    let entry: ek_work = { context, _, _ in
      guard let pass = context?.assumingMemoryBound(to: Pass.self) else { return }
      pass.pointee.work(&pass.pointee.claims)
    }
    let time = withUnsafeMutablePointer(to: &pass) { pointer in seconds { ek_team_run(team, entry, pointer) } }
    return bytes / time / 1e9
  }

  private func work(_ claims: UnsafeMutablePointer<Int>) {
    var y = [Float](repeating: 0, count: GemvBench.rows)
    var scratch = [Float](repeating: 0, count: ek_matmul_scratch(GemvBench.cols))
    var sum: UInt64 = 0
    while true {
      let index = ek_claim(claims)
      guard index < matrices else { break }
      let at = memory.base + index * Self.matrixBytes
      if let kernels {
        kernels.matmul(
          EK_BF16, at, x, GemvBench.cols, &y, GemvBench.rows, GemvBench.rows, GemvBench.cols, 1, &scratch)
      } else {
        sum ^= bench_read(at, Self.matrixBytes)
      }
    }
    if sum == 1 { print("") }  // the sum is used, so the reading is not left out
  }
}
