// The scratch memory of `TokenSelector`: allocated once, grown only beyond what was ever needed.

/// Raw columns of numbers, so that a decision allocates nothing and checks no bounds it has checked before.
/// Sizes: K routed experts, P places, C columns (a column is one hosted expert that could serve somebody).
struct TokenWorkspace {
  let routed: Int
  let places: Int
  let columns: Int

  /// `[rank]`: index into `TokenProblem.routed` of the rank-th expert in the order of the search.
  let origin: UnsafeMutablePointer<Int>
  /// `[rank]`: its weight, and where its row of distances begins; these and `skip` have room for rank K.
  let weight: UnsafeMutablePointer<Double>
  let row: UnsafeMutablePointer<Int>
  /// `[rank]`: weighted error of a skip; infinite when forbidden.
  let skip: UnsafeMutablePointer<Double>
  /// `[rank]`: the most that the expert can cost in error, finite.
  let worst: UnsafeMutablePointer<Double>
  /// `[column, rank]`: weighted error; infinite where the column is of no use.
  let value: UnsafeMutablePointer<Double>
  let target: UnsafeMutablePointer<Int>
  let place: UnsafeMutablePointer<Int>
  /// `[column]`: bit r tells whether rank r could use it.
  let useful: UnsafeMutablePointer<UInt64>
  /// `[column]`: error that it takes away from ranks that can be skipped, each as if it served them alone.
  let score: UnsafeMutablePointer<Double>
  /// `[place]`: its first column; element P is the end.
  let start: UnsafeMutablePointer<Int>
  let end: UnsafeMutablePointer<Int>
  /// `[place]` costs.
  let radio: UnsafeMutablePointer<Double>
  let airtime: UnsafeMutablePointer<Double>
  let kappa: UnsafeMutablePointer<Double>
  let seconds: UnsafeMutablePointer<Double>
  /// `[place, rank]`: the least error there and its column (−1: none).
  let nearest: UnsafeMutablePointer<Double>
  let nearestColumn: UnsafeMutablePointer<Int>
  /// Remote places worth looking at.
  let remote: UnsafeMutablePointer<Int>
  /// `[position in remote, rank]`: least error over that place and all later ones.
  let suffix: UnsafeMutablePointer<Double>
  /// `[q]`: the most error that q columns can take away together.
  let gain: UnsafeMutablePointer<Double>
  /// `[position, rank]`: least error over the gateway and the places chosen so far, and its column.
  let chosen: UnsafeMutablePointer<Double>
  let chosenColumn: UnsafeMutablePointer<Int>
  let members: UnsafeMutablePointer<Int>
  /// Sets of columns as bits, `words` words each: those of the set of places that is being solved, and `[rank]` those
  /// that could serve a rank.
  let pool: UnsafeMutablePointer<UInt64>
  let users: UnsafeMutablePointer<UInt64>
  let words: Int
  /// `[place]`: how many experts the latency leaves room for, and how many are open.
  let room: UnsafeMutablePointer<Int>
  let opened: UnsafeMutablePointer<Int>
  /// `[depth, rank]`: error without opening another column.
  let free: UnsafeMutablePointer<Double>
  let assigned: UnsafeMutablePointer<Double>
  let lone: UnsafeMutablePointer<Int>
  let open: UnsafeMutablePointer<Int>
  let best: UnsafeMutablePointer<Int>

  private let numbers: UnsafeMutablePointer<Double>
  private let indices: UnsafeMutablePointer<Int>

  init(routed k: Int, places p: Int, columns c: Int) {
    routed = k
    places = p
    columns = c
    let doubles = 5 * k + 2 + c * k + 1 + c + 4 * p + p * k + 2 * (p + 1) * k + (k + 1) * (k + 1) + k + 1
    let integers = 2 * k + 1 + 2 * c + 2 * (p + 1) + p * k + (p + 1) * k + 5 * p + (k + 1) * p + 2 * k
    let numbers = UnsafeMutablePointer<Double>.allocate(capacity: doubles)
    let indices = UnsafeMutablePointer<Int>.allocate(capacity: integers)
    numbers.initialize(repeating: 0, count: doubles)
    indices.initialize(repeating: 0, count: integers)
    useful = .allocate(capacity: c)
    useful.initialize(repeating: 0, count: c)
    words = (c + 63) / 64
    pool = .allocate(capacity: words)
    pool.initialize(repeating: 0, count: words)
    users = .allocate(capacity: k * words)
    users.initialize(repeating: 0, count: k * words)
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
    worst = take(k)
    value = take(c * k + 1)
    score = take(c)
    radio = take(p)
    airtime = take(p)
    kappa = take(p)
    seconds = take(p)
    nearest = take(p * k)
    suffix = take((p + 1) * k)
    gain = take(k + 1)
    chosen = take((p + 1) * k)
    free = take((k + 1) * k)
    assigned = take(k)
    origin = takeIndices(k)
    row = takeIndices(k + 1)
    target = takeIndices(c)
    place = takeIndices(c)
    start = takeIndices(p + 1)
    end = takeIndices(p + 1)
    nearestColumn = takeIndices(p * k)
    chosenColumn = takeIndices((p + 1) * k)
    remote = takeIndices(p)
    members = takeIndices(p)
    room = takeIndices(p)
    opened = takeIndices(p)
    lone = takeIndices((k + 1) * p)
    open = takeIndices(k)
    best = takeIndices(k)
    precondition(number <= numbers + doubles && index <= indices + integers, "workspace is laid out too small")
    self.numbers = numbers
    self.indices = indices
  }

  func deallocate() {
    numbers.deallocate()
    indices.deallocate()
    useful.deallocate()
    pool.deallocate()
    users.deallocate()
  }
}
