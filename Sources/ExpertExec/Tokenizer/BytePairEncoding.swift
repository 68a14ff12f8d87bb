// Byte-pair merging of one word: the pair with the lowest rank first, the leftmost of equals, until none is left.

/// The merges of a vocabulary.
package struct BytePairEncoding: Sendable {
  /// `[byte]`: the id of the piece that is this byte.
  let byteIDs: [Int32]
  /// What becomes of two neighbours: (left id << 32 | right id) to (rank << 32 | merged id).
  let merges: [UInt64: UInt64]

  static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  /// Appends the ids of `word` to `ids`. O(n log n) in its length: neighbours are a linked list, candidates a heap.
  func encode(_ word: some Collection<UInt8>, into ids: inout [Int32], scratch: inout MergeScratch) {
    scratch.load(word.lazy.map { byteIDs[Int($0)] })
    for at in 0..<max(0, scratch.symbols.count - 1) { offer(at, at + 1, to: &scratch) }
    while let candidate = scratch.heap.pop() {
      let left = Int(candidate.position)
      let right = scratch.next[left]
      // The neighbourhood may have changed since the candidate was found.
      guard right < scratch.symbols.count, scratch.symbols[left] >= 0,
        let merge = merges[Self.key(scratch.symbols[left], scratch.symbols[right])],
        merge >> 32 == UInt64(candidate.rank)
      else { continue }
      scratch.symbols[left] = Int32(truncatingIfNeeded: merge)
      scratch.symbols[right] = -1
      let after = scratch.next[right]
      scratch.next[left] = after
      if after < scratch.symbols.count {
        scratch.previous[after] = left
        offer(left, after, to: &scratch)
      }
      if scratch.previous[left] >= 0 { offer(scratch.previous[left], left, to: &scratch) }
    }
    for symbol in scratch.symbols where symbol >= 0 { ids.append(symbol) }
  }

  private func offer(_ left: Int, _ right: Int, to scratch: inout MergeScratch) {
    guard let merge = merges[Self.key(scratch.symbols[left], scratch.symbols[right])] else { return }
    scratch.heap.push(MergeCandidate(rank: UInt32(merge >> 32), position: UInt32(left)))
  }

  /// The ids of one word.
  package func encode(_ word: some Collection<UInt8>) -> [Int32] {
    var ids: [Int32] = []
    var scratch = MergeScratch()
    encode(word, into: &ids, scratch: &scratch)
    return ids
  }

  /// The slow, obvious twin of `encode`: looks through the whole word for the best pair, merges it, and looks again.
  package func encodeObviously(_ word: some Collection<UInt8>) -> [Int32] {
    var symbols = word.map { byteIDs[Int($0)] }
    while true {
      let pairs = zip(symbols, symbols.dropFirst()).map { merges[Self.key($0, $1)] }
      guard let best = pairs.compactMap({ $0 }).min(), let at = pairs.firstIndex(of: best) else { return symbols }
      symbols[at] = Int32(truncatingIfNeeded: best)
      symbols.remove(at: at + 1)
    }
  }
}

/// A pair that could be merged: the lower rank first, then the one further left.
struct MergeCandidate: Comparable {
  let rank: UInt32
  /// Index of the left symbol in the word.
  let position: UInt32

  static func < (a: MergeCandidate, b: MergeCandidate) -> Bool { (a.rank, a.position) < (b.rank, b.position) }
}

/// Buffers that keep their capacity from word to word.
struct MergeScratch {
  /// Ids of the symbols; -1 for one that was merged into its left neighbour.
  fileprivate(set) var symbols: [Int32] = []
  fileprivate var next: [Int] = []
  fileprivate var previous: [Int] = []
  fileprivate var heap = MergeHeap()

  init() {}

  fileprivate mutating func load(_ ids: some Collection<Int32>) {
    symbols.removeAll(keepingCapacity: true)
    symbols.append(contentsOf: ids)
    next.removeAll(keepingCapacity: true)
    next.append(contentsOf: symbols.indices.lazy.map { $0 + 1 })
    previous.removeAll(keepingCapacity: true)
    previous.append(contentsOf: symbols.indices.lazy.map { $0 - 1 })
    heap.removeAll()
  }
}

/// A binary heap, the least element first.
struct MergeHeap {
  private var elements: [MergeCandidate] = []

  mutating func removeAll() { elements.removeAll(keepingCapacity: true) }

  mutating func push(_ element: MergeCandidate) {
    elements.append(element)
    var at = elements.count - 1
    while at > 0, elements[at] < elements[(at - 1) / 2] {
      elements.swapAt(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }

  mutating func pop() -> MergeCandidate? {
    guard let least = elements.first, let last = elements.popLast() else { return nil }
    if elements.isEmpty { return least }
    elements[0] = last
    var at = 0
    while true {
      var child = 2 * at + 1
      if child >= elements.count { return least }
      if child + 1 < elements.count, elements[child + 1] < elements[child] { child += 1 }
      if elements[at] < elements[child] { return least }
      elements.swapAt(at, child)
      at = child
    }
  }
}
