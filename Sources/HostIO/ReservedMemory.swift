// Memory that is reserved whole and committed page by page as it is written.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A private anonymous map: zeros, page-aligned, committed by the kernel when a page is first written. Freed with the
/// value. Reserving is cheap, so that a buffer can be made for the worst case and cost what is used of it.
public struct ReservedMemory: ~Copyable {
  /// The first byte.
  public let base: UnsafeMutableRawPointer
  /// Bytes reserved, ≥ 1.
  public let count: Int

  /// - Returns: nil when the system refuses the address space, or `count` is not positive.
  public init?(count: Int) {
    guard count > 0 else { return nil }
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let map = mmap(nil, count, PROT_READ | PROT_WRITE, flags, -1, 0), map != MAP_FAILED else { return nil }
    self.base = map
    self.count = count
  }

  deinit { munmap(base, count) }

  /// Gives the pages in `range` back to the system; they read as zeros afterwards. Rounds inwards to whole pages.
  public func discard(_ range: Range<Int>) {
    let page = Int(getpagesize())
    let start = (max(range.lowerBound, 0) + page - 1) / page * page
    let end = min(range.upperBound, count) / page * page
    guard start < end else { return }
    madvise(base + start, end - start, MADV_DONTNEED)
  }
}
