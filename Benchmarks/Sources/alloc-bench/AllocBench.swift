// alloc-bench MODEL [--threads N]: heap allocations a token while one stream is written, and resident memory against
// mapped weights + KV cache, as one line of JSON. Exit status 1 when a token allocates or memory is above the limit.

import BenchSupport
import CCountedMalloc
import ExpertExec
import Glibc

@main
struct AllocBench {
  static let tokens = 200
  static let allowance = 96 << 20

  static func main() throws {
    let arguments = Arguments()
    guard let folder = arguments.words.first else { fail("alloc-bench MODEL [--threads N]") }
    let engine = try Engine(folder: folder, threads: arguments.number("threads", or: processors()))
    let session = try InferenceSession(engine: engine)
    let id = try session.open(capacity: 16 + tokens)
    try session.forward([Chunk(sequence: id, tokens: (10..<26).map { Int32($0) }, wanted: .last)])
    var sampler = Sampler(.greedy, kernels: engine.kernels)
    var chunks = [Chunk(sequence: id, token: 10)]
    try session.forward(chunks)  // whatever is made on first use is made now
    let before = counted_allocations()
    guard before > 0 else { fail("the counter has not seen a single allocation: it is not in use") }
    for _ in 0..<tokens - 2 {
      chunks[0] = Chunk(sequence: id, token: sampler.pick(session.logits(row: 0)))
      try session.forward(chunks)
    }
    let made = counted_allocations() - before
    report(made, cache: (16 + tokens) * session.cacheBytesPerToken, weights: weightBytes(folder))
  }

  private static func report(_ made: UInt64, cache: Int, weights: Int) {
    let resident = processStatus("VmHWM")
    let limit = weights + cache + allowance
    print(
      """
      {"tokens": \(tokens - 2), "allocations": \(made), "allocations_per_token": \
      \(fixed(Double(made) / Double(tokens - 2), 2)), "resident_peak_mib": \(resident >> 20), \
      "weights_mib": \(weights >> 20), "kv_cache_mib": \(fixed(Double(cache) / 1_048_576, 2)), \
      "limit_mib": \(limit >> 20)}
      """)
    exit(made == 0 && resident <= limit ? 0 : 1)
  }

  /// Bytes of the model's safetensors files.
  private static func weightBytes(_ folder: String) -> Int {
    guard let directory = opendir(folder) else { return 0 }
    defer { closedir(directory) }
    var total = 0
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      var status = stat()
      if name.hasSuffix(".safetensors"), stat("\(folder)/\(name)", &status) == 0 { total += Int(status.st_size) }
    }
    return total
  }
}
