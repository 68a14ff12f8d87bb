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

  private let map: UnsafeMutableRawPointer
  private let mapped: Int

  /// Bytes of a huge page where there are any (x86-64, and arm64 with pages of 4 KiB).
  private static let hugePage = 1 << 21

  /// - Parameter hugePages: asks for huge pages, for memory that will be used whole: fewer misses of the TLB, and the
  ///   processor reads ahead across what would be page boundaries. Only advice.
  /// - Returns: nil when the system refuses the address space, or `count` is not positive.
  public init?(count: Int, hugePages: Bool = false) {
    guard count > 0, count < Int.max / 2 else { return nil }
    let slack = hugePages ? Self.hugePage : 0
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let map = mmap(nil, count + slack, PROT_READ | PROT_WRITE, flags, -1, 0), map != MAP_FAILED else {
      return nil
    }
    let start = Int(bitPattern: map)
    self.map = map
    self.mapped = count + slack
    self.base = hugePages ? map + (slack - start % slack) % slack : map
    self.count = count
    if hugePages { madvise(base, count, Self.adviceHugePages) }
  }

  /// MADV_HUGEPAGE of linux/mman.h, which Swift does not import everywhere.
  private static let adviceHugePages: Int32 = 14

  deinit { munmap(map, mapped) }

  /// Gives the pages in `range` back to the system; they read as zeros afterwards. Rounds inwards to whole pages.
  public func discard(_ range: Range<Int>) {
    let page = Int(getpagesize())
    let start = (max(range.lowerBound, 0) + page - 1) / page * page
    let end = min(range.upperBound, count) / page * page
    guard start < end else { return }
    madvise(base + start, end - start, MADV_DONTNEED)
  }
}
