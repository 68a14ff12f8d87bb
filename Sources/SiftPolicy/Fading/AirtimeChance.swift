// The chance that several visits over one medium are all back in time.

/// Laws of sums of airtimes on a grid: allocated once, for sets of places that grow by one place at a time.
///
/// The time there is for visits is cut into `ticks` equal parts and airtimes are rounded up to whole ones, so a chance is
/// never overstated. Where even the longest airtimes of all places together leave room for the longest computing, time
/// does not matter and only outages do; the grid is not used then.
struct AirtimeChance {
  static let ticks = 128

  private let places: Int
  /// `[depth, tick]`: probability that the visits so far took exactly that long.
  private let mass: UnsafeMutablePointer<Double>
  /// Seconds a tick.
  private var tick = 0.0
  /// Whether time never matters.
  private(set) var isAmple = true

  init(places: Int) {
    self.places = places
    mass = .allocate(capacity: (places + 1) * (Self.ticks + 1))
    mass.initialize(repeating: 0, count: (places + 1) * (Self.ticks + 1))
  }

  func deallocate() { mass.deallocate() }

  /// - Parameter executed: the most experts that one place could execute.
  mutating func read(_ problem: FadingProblem, executed: Int) {
    let token = problem.token
    var longest = token.wakeTime
    var slowest = 0.0
    for place in token.places.indices where token.places[place].isReachable {
      slowest = max(slowest, token.places[place].computeTime * Double(executed))
      if place == 0 { continue }
      var most = problem.laws[place].steps.isEmpty ? token.places[place].airtime : 0
      for step in problem.laws[place].steps { most = max(most, step.airtime) }
      longest += most
    }
    isAmple = longest + slowest <= Tolerance.ceiling(token.latencyLimit) || problem.lateness >= 1
    tick = max(0, Tolerance.ceiling(token.latencyLimit) - token.wakeTime) / Double(Self.ticks)
    mass[0] = 1
    for at in 1...Self.ticks { mass[at] = 0 }
  }

  /// Adds the visits to `place` to the law at `depth`, into the law at `depth + 1`.
  func extend(depth: Int, by place: Int, _ problem: FadingProblem) {
    if isAmple { return }
    let from = mass + depth * (Self.ticks + 1)
    let to = from + Self.ticks + 1
    for at in 0...Self.ticks { to[at] = 0 }
    if problem.laws[place].steps.isEmpty {
      add(problem.token.places[place].airtime, 1 - problem.outage(place), from, to)
    }
    for step in problem.laws[place].steps { add(step.airtime, step.probability, from, to) }
  }

  private func add(
    _ airtime: Double, _ probability: Double, _ from: UnsafeMutablePointer<Double>, _ to: UnsafeMutablePointer<Double>
  ) {
    let shift = Self.ticks(of: airtime, tick)
    if shift > Self.ticks { return }
    for at in shift...Self.ticks { to[at] += probability * from[at - shift] }
  }

  /// Whole ticks that `airtime` takes, rounded up; more than there are when it cannot fit.
  static func ticks(of airtime: Double, _ tick: Double) -> Int {
    if airtime <= 0 { return 0 }
    guard tick > 0, airtime < tick * Double(ticks + 1) else { return ticks + 1 }
    return Int((airtime / tick * (1 - Tolerance.relative)).rounded(.up))
  }

  /// Seconds that remain for computing when the visits of the law at `depth` are waited for with probability
  /// `1 − lateness`; nil when that probability cannot be had. Infinite where time does not matter.
  /// - Parameter success: Π (1 − p) over its places.
  func spare(depth: Int, success: Double, _ problem: FadingProblem) -> Double? {
    if problem.lateness >= 1 { return .infinity }
    let wanted = (1 - problem.lateness) * (1 - Tolerance.relative)
    if success < wanted { return nil }
    let limit = Tolerance.ceiling(problem.token.latencyLimit)
    if depth == 0 { return limit >= 0 ? limit : nil }
    if isAmple { return .infinity }
    let wake = problem.token.wakeTime
    if wake > limit { return nil }
    let law = mass + depth * (Self.ticks + 1)
    var sum = 0.0
    for at in 0...Self.ticks {
      sum += law[at]
      if sum >= wanted { return max(0, limit - wake - Double(at) * tick) }
    }
    return nil
  }
}
