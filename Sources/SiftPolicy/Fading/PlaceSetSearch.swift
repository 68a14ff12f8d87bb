// The outer search of the fading decision: which places are visited.

/// Depth first over the sets of remote places, small sets before the larger ones that contain them. A set is extended only
/// while what all later places could save pays for its radios, and while the chance of having all visits back in time
/// is large enough: both only get worse with more places.
///
/// - Complexity: 2^N sets at worst for N reachable remote places, each with one call of the inner step.
struct PlaceSetSearch<Step: ServingStep> {
  private(set) var step: Step
  private let places: Int
  private var chance: AirtimeChance
  /// Remote places that can be used, the cheapest first.
  private let order: UnsafeMutablePointer<Int>
  private var orderCount = 0
  private let room: UnsafeMutablePointer<Int>
  private var incumbent = FadingIncumbent(stepsLeft: 0)
  private var radioCounts = 1.0

  init(places: Int, step: Step) {
    self.step = step
    self.places = places
    chance = AirtimeChance(places: places)
    order = .allocate(capacity: places)
    room = .allocate(capacity: places)
    order.initialize(repeating: 0, count: places)
    room.initialize(repeating: 0, count: places)
  }

  func deallocate() {
    step.deallocate()
    chance.deallocate()
    order.deallocate()
    room.deallocate()
  }

  /// Searches and leaves the answer in `step`.
  mutating func run(_ problem: FadingProblem, _ rules: FadingRules, stepsMax: Int) -> FadingIncumbent {
    incumbent = FadingIncumbent(stepsLeft: stepsMax)
    radioCounts = rules.ignoresEnergy ? 0 : 1
    chance.read(problem, executed: problem.token.routed.count)
    step.read(problem, rules, isRoomy: chance.isAmple)
    orderPlaces(problem)
    visit(0, depth: 0, set: 1, radio: 0, success: 1, problem)
    return incumbent
  }

  private mutating func orderPlaces(_ problem: FadingProblem) {
    orderCount = 0
    for place in 1..<max(1, problem.token.places.count) where problem.token.places[place].isReachable {
      if problem.token.places[place].experts.isEmpty || problem.outage(place) >= 1 { continue }
      var at = orderCount
      while at > 0, problem.token.places[order[at - 1]].radioEnergy > problem.token.places[place].radioEnergy {
        order[at] = order[at - 1]
        at -= 1
      }
      order[at] = place
      orderCount += 1
    }
  }

  /// Looks at `set` and at all its extensions by places from `position` on.
  private mutating func visit(
    _ position: Int, depth: Int, set: UInt64, radio: Double, success: Double, _ problem: FadingProblem
  ) {
    if incumbent.isExhausted() { return }
    var later = set
    for at in position..<max(position, orderCount) { later |= 1 << UInt64(order[at]) }
    let reach = step.floor(within: later)
    if !incumbent.permits(cost: radio + reach.cost, error: reach.error) { return }
    guard let spare = chance.spare(depth: depth, success: success, problem) else { return }
    serve(set, radio, spare, problem)
    for at in position..<max(position, orderCount) {
      let place = order[at]
      chance.extend(depth: depth, by: place, problem)
      let wake = depth == 0 ? problem.token.wakeEnergy : 0
      visit(
        at + 1, depth: depth + 1, set: set | 1 << UInt64(place),
        radio: radio + radioCounts * (problem.token.places[place].radioEnergy + wake),
        success: success * (1 - problem.outage(place)), problem)
    }
  }

  private mutating func serve(_ set: UInt64, _ radio: Double, _ spare: Double, _ problem: FadingProblem) {
    let floor = step.floor(within: set)
    if !incumbent.permits(cost: radio + floor.cost, error: floor.error) { return }
    let most = problem.token.routed.count
    for place in problem.token.places.indices {
      let seconds = problem.token.places[place].computeTime
      room[place] = seconds > 0 && spare < seconds * Double(most) ? Int(spare / seconds) : most
    }
    step.serve(within: set, room: room, base: radio, &incumbent)
  }
}
