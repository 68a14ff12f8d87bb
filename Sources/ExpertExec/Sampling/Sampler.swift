// Chooses the next token from logits.

import CExpertKernels

/// The choice of tokens of one sequence. Keeps its buffers: after the first pick nothing is allocated.
public struct Sampler: Sendable {
  public let parameters: SamplingParameters
  private var random: Xoshiro
  private let kernels: KernelTable
  private var shares: [Float] = []
  /// Candidates as a heap, the most probable first.
  private var heap: [Int32] = []

  /// - Parameters:
  ///   - kernels: those of the engine, so that probabilities, too, are the same wherever its arithmetic is.
  public init(_ parameters: SamplingParameters, kernels: KernelTable = .best) {
    self.parameters = parameters
    self.kernels = kernels
    random = Xoshiro(seed: parameters.seed)
  }

  /// The next token; 0 for no logits. A NaN is never chosen unless there is nothing else.
  public mutating func pick(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    let best = Self.greatest(logits)
    guard parameters.temperature > 0, logits.count > 1, logits[Int(best)].isFinite else { return best }
    spread(logits, greatest: logits[Int(best)])
    let keepsAll = parameters.topP >= 1 && parameters.topK == nil
    return keepsAll ? drawFromAll(best) : drawFromBest(best)
  }

  /// The index of the greatest logit, ties to the lower.
  public static func greatest(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
    var best = 0
    var value = -Float.infinity
    for index in 0..<logits.count where logits[index] > value {
      best = index
      value = logits[index]
    }
    return Int32(best)
  }

  /// Logits to probabilities at the temperature.
  private mutating func spread(_ logits: UnsafeBufferPointer<Float>, greatest: Float) {
    if shares.count != logits.count {
      shares = Array(repeating: 0, count: logits.count)
      heap = Array(repeating: 0, count: logits.count)
    }
    let scale = Float(1 / parameters.temperature)
    for index in shares.indices {
      // The greatest is taken off before scaling: a small temperature would overflow otherwise.
      let scaled = (logits[index] - greatest) * scale
      shares[index] = scaled.isNaN ? -.infinity : scaled
    }
    let table = kernels.table
    shares.withUnsafeMutableBufferPointer { buffer in
      if let base = buffer.baseAddress { table.pointee.softmax(base, buffer.count) }
    }
  }

  /// One draw over all tokens in the order of their ids.
  private mutating func drawFromAll(_ best: Int32) -> Int32 {
    var total = 0.0
    for share in shares { total += Double(share) }
    let mark = random.fraction() * total
    var reached = 0.0
    for index in shares.indices {
      reached += Double(shares[index])
      if mark < reached { return Int32(index) }
    }
    return best
  }

  /// One draw over the most probable tokens: these are taken off the heap until there are enough, then walked.
  private mutating func drawFromBest(_ best: Int32) -> Int32 {
    let limit = min(parameters.topK ?? shares.count, shares.count)
    var left = makeHeap()
    var kept = 0
    var total = 0.0
    let all = limit < shares.count ? massOfBest(limit, &left) : shares.reduce(0.0) { $0 + Double($1) }
    if limit < shares.count { left = makeHeap() }
    while kept < limit, left > 0, total < parameters.topP * all || kept == 0 {
      let token = takeBest(&left)
      total += Double(shares[Int(token)])
      kept += 1
    }
    return walk(from: left, kept: kept, mark: random.fraction() * total, best)
  }

  /// Probability that the `limit` best tokens hold together.
  private mutating func massOfBest(_ limit: Int, _ left: inout Int) -> Double {
    var total = 0.0
    for _ in 0..<limit { total += Double(shares[Int(takeBest(&left))]) }
    return total
  }

  /// Taken tokens lie behind the heap, the first taken last.
  private func walk(from left: Int, kept: Int, mark: Double, _ best: Int32) -> Int32 {
    var reached = 0.0
    for index in stride(from: left + kept - 1, through: left, by: -1) {
      reached += Double(shares[Int(heap[index])])
      if mark < reached { return heap[index] }
    }
    return best
  }

  // MARK: Heap

  /// Fills the heap with all tokens. - Returns: how many it holds.
  private mutating func makeHeap() -> Int {
    for index in heap.indices { heap[index] = Int32(index) }
    for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(index, heap.count) }
    return heap.count
  }

  /// Moves the most probable token behind the heap and returns it.
  private mutating func takeBest(_ left: inout Int) -> Int32 {
    left -= 1
    heap.swapAt(0, left)
    sink(0, left)
    return heap[left]
  }

  private mutating func sink(_ start: Int, _ count: Int) {
    var at = start
    while true {
      var greatest = at
      let child = 2 * at + 1
      if child < count, precedes(heap[child], heap[greatest]) { greatest = child }
      if child + 1 < count, precedes(heap[child + 1], heap[greatest]) { greatest = child + 1 }
      if greatest == at { return }
      heap.swapAt(at, greatest)
      at = greatest
    }
  }

  /// More probable, or as probable with a lower id.
  @inline(__always)
  private func precedes(_ a: Int32, _ b: Int32) -> Bool {
    let (x, y) = (shares[Int(a)], shares[Int(b)])
    return x > y || (x == y && a < b)
  }
}
