// The buffers of a session: reserved once for the largest step, committed as steps use them.

import HostIO

/// Elements of a plain type in memory of their own, zero at first. Reading and writing is by pointer: the token path
/// needs neither bounds nor uniqueness checks, its sizes are checked once a step.
final class Scratch<Element: BitwiseCopyable> {
  private let memory: ReservedMemory
  let base: UnsafeMutablePointer<Element>
  let count: Int

  /// - Throws: `SessionError.outOfMemory` when the address space cannot be had.
  init(_ count: Int, hugePages: Bool = false) throws(SessionError) {
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    guard let memory = ReservedMemory(count: bytes, hugePages: hugePages) else { throw .outOfMemory(bytes: bytes) }
    self.base = memory.base.bindMemory(to: Element.self, capacity: max(count, 1))
    self.memory = memory
    self.count = count
  }

  @inline(__always)
  subscript(_ index: Int) -> Element {
    get { base[index] }
    set { base[index] = newValue }
  }
}
