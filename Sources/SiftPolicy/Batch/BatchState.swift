// A whole decision for a batch, with its sums kept up to date as single tokens change their plans.

struct BatchState {
  let problem: BatchProblem
  let tables: [BatchTable]
  private(set) var plans: [BatchPlan]
  /// `[place]`: tokens served, (token, expert) pairs executed, distinct experts.
  private(set) var served: [Int]
  private(set) var executed: [Int]
  private(set) var loaded: [Int]
  /// `[place, expert]`: tokens that execute it there.
  private var users: [Int]

  init(_ problem: BatchProblem, _ tables: [BatchTable], plans: [BatchPlan]) {
    self.problem = problem
    self.tables = tables
    self.plans = plans
    let places = problem.places.count
    served = Array(repeating: 0, count: places)
    executed = Array(repeating: 0, count: places)
    loaded = Array(repeating: 0, count: places)
    users = Array(repeating: 0, count: places * problem.distance.experts)
    for token in plans.indices { add(plans[token], token) }
  }

  private mutating func add(_ plan: BatchPlan, _ token: Int) {
    for column in plan.executed {
      let (place, target) = (tables[token].columns[column].place, tables[token].columns[column].target)
      executed[place] += 1
      let at = place * problem.distance.experts + target
      users[at] += 1
      if users[at] == 1 { loaded[place] += 1 }
    }
    forPlaces(plan) { served[$0] += 1 }
  }

  private mutating func remove(_ plan: BatchPlan, _ token: Int) {
    for column in plan.executed {
      let (place, target) = (tables[token].columns[column].place, tables[token].columns[column].target)
      executed[place] -= 1
      let at = place * problem.distance.experts + target
      users[at] -= 1
      if users[at] == 0 { loaded[place] -= 1 }
    }
    forPlaces(plan) { served[$0] -= 1 }
  }

  private func forPlaces(_ plan: BatchPlan, _ body: (Int) -> Void) {
    var rest = plan.places
    while rest != 0 {
      body(rest.trailingZeroBitCount)
      rest &= rest - 1
    }
  }

  mutating func set(_ token: Int, to plan: BatchPlan) {
    remove(plans[token], token)
    plans[token] = plan
    add(plan, token)
  }

  var isRemote: Bool { served.dropFirst().contains { $0 > 0 } }

  var energy: Double {
    var sum = isRemote ? problem.wakeEnergy : 0
    for (at, place) in problem.places.enumerated() {
      sum += Double(executed[at]) * place.computeEnergy + Double(loaded[at]) * place.loadEnergy
      if at > 0, served[at] > 0 { sum += place.radioEnergy[served[at]] }
    }
    return sum
  }

  var latency: Double {
    var sum = isRemote ? problem.wakeTime : 0
    var slowest = 0.0
    for (at, place) in problem.places.enumerated() {
      slowest = max(slowest, Double(executed[at]) * place.computeTime + Double(loaded[at]) * place.loadTime)
      if at > 0, served[at] > 0 { sum += place.airtime[served[at]] }
    }
    return sum + slowest
  }

  /// Added up anew each time: a running sum would leave a trace of every move, and a budget of 0 permits no trace.
  var errorSum: Double {
    var sum = 0.0
    for plan in plans { sum += plan.error }
    return sum
  }
  var errorMean: Double { plans.isEmpty ? 0 : errorSum / Double(plans.count) }
  var errorWorst: Double { plans.reduce(0) { max($0, $1.error) } }

  /// By how much the limits are broken, each as a share of itself; 0 when all are kept.
  var excess: Double {
    let mean = errorSum / Double(max(1, plans.count))
    var sum = 0.0
    if !Tolerance.permits(mean, limit: problem.errorBudget) {
      sum += (mean - problem.errorBudget) / max(problem.errorBudget, 1e-3)
    }
    for plan in plans where !Tolerance.permits(plan.error, limit: problem.errorMax) {
      sum += (plan.error - problem.errorMax) / max(problem.errorMax, 1e-3)
    }
    let latency = latency
    if !Tolerance.permits(latency, limit: problem.latencyLimit) {
      sum += (latency - problem.latencyLimit) / max(problem.latencyLimit, 1e-9)
    }
    return sum
  }
}
