// The scratch memory of `LinearServing`: allocated once, grown only beyond what was ever needed.

/// The scratch memory of `LinearServing`. Sizes: K routed experts, P places, C columns (a column is one hosted expert that
/// could serve somebody).
struct LinearWorkspace {
  /// `[rank]`: index into `TokenProblem.routed` of the rank-th expert in the order of the search.
  let origin: UnsafeMutablePointer<Int>
  /// `[rank]`: its weight, and where its row of distances begins; these, `skip` and `fallback` have room for rank K
  /// (`ColumnErrors`).
  let weight: UnsafeMutablePointer<Double>
  let row: UnsafeMutablePointer<Int>
  /// `[rank]`: error of a skip (infinite when forbidden), and of the fallback.
  let skip: UnsafeMutablePointer<Double>
  let fallback: UnsafeMutablePointer<Double>
  /// `[column, rank]`: expected error; infinite where the column is of no use.
  let value: UnsafeMutablePointer<Double>
  let target: UnsafeMutablePointer<Int>
  let place: UnsafeMutablePointer<Int>
  /// `[column]`: bit r tells whether rank r could use it.
  let useful: UnsafeMutablePointer<UInt64>
  /// `[place]`: its first column, the one after its last, joules of an expert, room left.
  let start: UnsafeMutablePointer<Int>
  let end: UnsafeMutablePointer<Int>
  let kappa: UnsafeMutablePointer<Double>
  let room: UnsafeMutablePointer<Int>
  /// `[place, rank]`: least error, and least λ·error + share of the computing.
  let nearest: UnsafeMutablePointer<Double>
  let cheapest: UnsafeMutablePointer<Double>
  /// `[rank]`: the same over the set at work.
  let setNearest: UnsafeMutablePointer<Double>
  let setCheapest: UnsafeMutablePointer<Double>
  /// `[depth, rank]`: error without opening another column.
  let free: UnsafeMutablePointer<Double>
  let assigned: UnsafeMutablePointer<Double>
  let pool: UnsafeMutablePointer<Int>
  let open: UnsafeMutablePointer<Int>
  let best: UnsafeMutablePointer<Int>

  private let numbers: UnsafeMutablePointer<Double>
  private let indices: UnsafeMutablePointer<Int>

  init(routed k: Int, places p: Int, columns c: Int) {
    let doubles = 6 * k + 3 + c * k + 1 + p + 2 * p * k + (k + 1) * k
    let integers = 4 * k + 1 + 3 * c + 3 * p
    let numbers = UnsafeMutablePointer<Double>.allocate(capacity: doubles)
    let indices = UnsafeMutablePointer<Int>.allocate(capacity: integers)
    numbers.initialize(repeating: 0, count: doubles)
    indices.initialize(repeating: 0, count: integers)
    useful = .allocate(capacity: c)
    useful.initialize(repeating: 0, count: c)
    var number = numbers
    var index = indices
    func take(_ count: Int) -> UnsafeMutablePointer<Double> {
      defer { number += count }
      return number
    }
    func takeIndices(_ count: Int) -> UnsafeMutablePointer<Int> {
      defer { index += count }
      return index
    }
    weight = take(k + 1)
    skip = take(k + 1)
    fallback = take(k + 1)
    value = take(c * k + 1)
    kappa = take(p)
    nearest = take(p * k)
    cheapest = take(p * k)
    setNearest = take(k)
    setCheapest = take(k)
    free = take((k + 1) * k)
    assigned = take(k)
    origin = takeIndices(k)
    row = takeIndices(k + 1)
    open = takeIndices(k)
    best = takeIndices(k)
    target = takeIndices(c)
    place = takeIndices(c)
    pool = takeIndices(c)
    start = takeIndices(p)
    end = takeIndices(p)
    room = takeIndices(p)
    precondition(number <= numbers + doubles && index <= indices + integers, "workspace is laid out too small")
    self.numbers = numbers
    self.indices = indices
  }

  func deallocate() {
    useful.deallocate()
    numbers.deallocate()
    indices.deallocate()
  }
}
