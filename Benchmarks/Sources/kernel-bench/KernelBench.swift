// kernel-bench: how near the kernels come to what the machine can do. Every figure is a ratio of two measurements that
// stand beside each other in time; the table shows medians of the ratios.

import BenchSupport
import CBenchLoops
import CExpertKernels
import Glibc

@main
struct KernelBench {
  static func main() {
    let arguments = Arguments()
    let rounds = arguments.number("rounds", or: 9)
    let cache = lastLevelCacheBytes()
    // Two and a half times the last-level cache, at least 64 MiB: nothing of a pass is left in it for the next.
    let bytes = arguments.number("mib", or: max(cache * 5 / 2, 64 << 20) >> 20) << 20
    print(
      "last-level cache \(cache >> 20) MiB, weights \(bytes >> 20) MiB, \(rounds) rounds, \(processors()) processors")
    guard let memory = WeightMemory(bytes: bytes) else { fail("no memory for \(bytes >> 20) MiB of weights") }
    print("\nExpert GEMV over bf16 weights, share of the read bandwidth measured beside it\n")
    print(table(GemvBench(memory: memory, rounds: rounds).rows()))
    print("\nGEMM, share of the multiply-add peak measured beside it\n")
    print(table(GemmBench(memory: memory, rounds: rounds).rows()))
  }
}

/// The sets of kernels of this machine with their names and peaks.
struct MeasuredSet {
  let name: String
  let kernels: ek_kernels
  let peak: bench_peak?

  static let all: [MeasuredSet] = [
    (EK_BASELINE, BENCH_SSE as bench_peak?), (EK_AVX2, BENCH_AVX2), (EK_AVX512, BENCH_AVX512), (EK_NEON, nil),
  ].compactMap { isa, peak in
    ek_for(isa).map { MeasuredSet(name: String(cString: ek_isa_name(isa)), kernels: $0.pointee, peak: peak) }
  }
}

/// bf16 weights with values around ±1, all pages touched.
struct WeightMemory {
  let base: UnsafeMutableRawPointer
  let bytes: Int

  init?(bytes: Int) {
    guard let base = aligned_alloc(4096, bytes) else { return nil }
    let words = base.bindMemory(to: UInt16.self, capacity: bytes / 2)
    for index in 0..<bytes / 2 { words[index] = UInt16(truncatingIfNeeded: 0x3f00 + (index & 0x80ff)) }
    self.base = base
    self.bytes = bytes
  }
}
