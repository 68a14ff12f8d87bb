// The keys and values of one sequence: reserved for its capacity, committed as it grows.

import HostIO
import SiftCore

/// Where the keys and values of a sequence lie: plain pointers for the threads of a team.
struct CacheView {
  var keys: UnsafeMutablePointer<Float>
  var values: UnsafeMutablePointer<Float>
  /// Floats between one (layer, head) and the next: capacity × headDim.
  var stride: Int
}

/// Keys and values of one sequence, f32. Each (layer, kv head) is a matrix `[position, headDim]` of its own, so that
/// attention reads keys as the rows of a matrix and values as the rows of a sum, both from end to end.
final class SequenceCache {
  let id: SequenceID
  /// Positions that fit.
  let capacity: Int
  /// Positions in use.
  var length = 0
  let view: CacheView
  private let keys: ReservedMemory
  private let values: ReservedMemory

  /// - Throws: `SessionError.outOfMemory` when the address space cannot be had.
  init(id: SequenceID, capacity: Int, shape: ModelShape) throws(SessionError) {
    let bytes = capacity * shape.cacheBytesPerToken / 2
    guard let keys = ReservedMemory(count: bytes), let values = ReservedMemory(count: bytes) else {
      throw .outOfMemory(bytes: 2 * bytes)
    }
    self.id = id
    self.capacity = capacity
    self.view = CacheView(
      keys: keys.base.assumingMemoryBound(to: Float.self), values: values.base.assumingMemoryBound(to: Float.self),
      stride: capacity * shape.headDim)
    self.keys = keys
    self.values = values
  }
}
