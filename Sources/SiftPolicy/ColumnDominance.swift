// Which experts of a place another expert of the place makes superfluous.

/// Compares the columns of a search: hosted experts with the error that each would have for every rank.
struct ColumnDominance {
  let ranks: Int
  /// `[column, rank]`: error; infinite where the column is of no use.
  let value: UnsafeMutablePointer<Double>
  /// `[column]`: bit r tells whether rank r could use it.
  let useful: UnsafeMutablePointer<UInt64>

  /// Whether column `a` is at least as near as `b` for everybody who could use `b`.
  @inline(__always) func isNoFarther(_ a: Int, than b: Int) -> Bool {
    if useful[b] & ~useful[a] != 0 { return false }
    let own = value + a * ranks
    let other = value + b * ranks
    for rank in 0..<ranks where own[rank] > other[rank] { return false }
    return true
  }

  /// Keeps column `new`, which stands behind the others of its place, unless one of them is at least as near for
  /// everybody; removes those that it makes superfluous, keeping the order of the rest. Whoever beats the new one
  /// leaves it nobody to remove.
  /// - Parameters:
  ///   - start: the place's first column.
  ///   - copy: copies everything that is known of a column `from` one index `to` another, but for `value` and `useful`.
  /// - Returns: the index behind the place's last column.
  @inline(__always) func settle(_ new: Int, from start: Int, copy: (_ from: Int, _ to: Int) -> Void) -> Int {
    var kept = start
    for old in start..<new {
      if isNoFarther(old, than: new) { return new }
      if isNoFarther(new, than: old) { continue }
      if kept != old { move(old, to: kept, copy) }
      kept += 1
    }
    if kept != new { move(new, to: kept, copy) }
    return kept + 1
  }

  /// Copies column `from` over column `to`.
  @inline(__always) func move(_ from: Int, to: Int, _ copy: (_ from: Int, _ to: Int) -> Void) {
    for rank in 0..<ranks { value[to * ranks + rank] = value[from * ranks + rank] }
    useful[to] = useful[from]
    copy(from, to)
  }
}
