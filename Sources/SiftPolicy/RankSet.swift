// A set of ranks as the bits of a word.

extension UInt64 {
  /// Calls `body` with the number of every bit that is set, the smallest first.
  @inline(__always) func forEachRank(_ body: (Int) -> Void) {
    var rest = self
    while rest != 0 {
      body(rest.trailingZeroBitCount)
      rest &= rest - 1
    }
  }
}
