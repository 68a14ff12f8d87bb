// The vocabulary: pieces of bytes by id, and ids by piece. One pool of bytes and one open-addressed table, because a
// dictionary of 150,000 small arrays takes ten times as long to build.

/// Pieces by id and ids by piece. Ids are 0 ..< count, without gaps.
struct PieceTable: Sendable {
  private let pool: [UInt8]
  /// `[id]`: where its bytes begin; one element more than there are ids.
  private let starts: [Int]
  /// Ids in open addressing by the hash of their bytes, -1 where empty.
  private var slots: [Int32]

  /// - Parameter pieces: `[id]`.
  init(_ pieces: [ArraySlice<UInt8>]) {
    var pool: [UInt8] = []
    var starts = [0]
    pool.reserveCapacity(pieces.reduce(0) { $0 + $1.count })
    starts.reserveCapacity(pieces.count + 1)
    for piece in pieces {
      pool.append(contentsOf: piece)
      starts.append(pool.count)
    }
    self.pool = pool
    self.starts = starts
    var capacity = 16
    while capacity < pieces.count * 2 { capacity *= 2 }
    slots = [Int32](repeating: -1, count: capacity)
    for id in pieces.indices {
      let slot = slot(for: pieces[id])
      if slots[slot] < 0 { slots[slot] = Int32(id) }
    }
  }

  var count: Int { starts.count - 1 }

  /// The bytes of a piece; empty for ids that do not exist.
  func bytes(of id: Int32) -> ArraySlice<UInt8> {
    guard id >= 0, Int(id) < count else { return [] }
    return pool[starts[Int(id)]..<starts[Int(id) + 1]]
  }

  /// The id of a piece; the lowest when several ids have the same bytes; nil when there is none.
  func id(of piece: ArraySlice<UInt8>) -> Int32? {
    let id = slots[slot(for: piece)]
    return id < 0 ? nil : id
  }

  /// The slot that holds `piece`, or the empty one where it would go. The table is never full.
  private func slot(for piece: ArraySlice<UInt8>) -> Int {
    var hasher = Hasher()
    piece.withUnsafeBytes { hasher.combine(bytes: $0) }
    var slot = hasher.finalize() & (slots.count - 1)
    while slots[slot] >= 0, !bytes(of: slots[slot]).elementsEqual(piece) { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }
}
