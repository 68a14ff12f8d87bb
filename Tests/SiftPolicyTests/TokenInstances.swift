// Seeded random problems of every kind that the format allows, small enough for the exhaustive twin.

import SiftPolicy
import SiftTestKit

/// How the numbers of an instance are drawn.
enum NumberStyle: CaseIterable {
  /// Any real number.
  case real
  /// Small whole numbers: ties everywhere, limits met exactly.
  case whole
}

extension TokenProblem {
  /// A random problem with at most `routedMax` routed experts on at most `placesMax` remote places, with replicas, wake
  /// prices, forbidden operations, zero costs and limits from impossible to loose.
  static func random(
    using random: inout SeededGenerator, routedMax: Int, placesMax: Int, style: NumberStyle, assignmentsMax: Int
  ) -> TokenProblem {
    while true {
      let problem = draw(using: &random, routedMax: routedMax, placesMax: placesMax, style: style)
      if problem.assignments <= assignmentsMax { return problem }
    }
  }

  /// How many assignments the exhaustive twin would try.
  private var assignments: Int {
    let hosted = places.reduce(0) { $0 + $1.experts.count }
    return routed.reduce(1) { product, routed in
      let options = allowReplace ? hosted : places.count { $0.experts.contains(routed.expert) }
      return min(product * (options + (allowSkip ? 1 : 0)), 1 << 40)
    }
  }

  private static func draw(
    using random: inout SeededGenerator, routedMax: Int, placesMax: Int, style: NumberStyle
  ) -> TokenProblem {
    let experts = Int.random(in: 1...8, using: &random)
    let k = Int.random(in: 1...min(routedMax, experts), using: &random)
    func number(_ range: ClosedRange<Double>) -> Double {
      switch style {
      case .real: .random(in: range, using: &random)
      case .whole: Double(Int.random(in: Int(range.lowerBound)...Int(range.upperBound.rounded(.up)), using: &random))
      }
    }
    func sometimesZero(_ range: ClosedRange<Double>) -> Double {
      Int.random(in: 0..<4, using: &random) == 0 ? 0 : number(range)
    }
    var replacing = (0..<experts * experts).map { _ in sometimesZero(0...3) }
    for expert in 0..<experts { replacing[expert * experts + expert] = 0 }
    var ids = Array(0..<experts)
    ids.shuffle(using: &random)
    let routed = ids.prefix(k).map { RoutedExpert(expert: $0, weight: sometimesZero(0...2)) }
    let remote = Int.random(in: 0...placesMax, using: &random)
    var hosted = Array(repeating: Set<Int>(), count: remote + 1)
    for expert in 0..<experts {
      for _ in 0..<[0, 1, 1, 1, 1, 2, 3][Int.random(in: 0..<7, using: &random)] {
        hosted[Int.random(in: 0...remote, using: &random)].insert(expert)
      }
    }
    let places = hosted.enumerated().map { index, experts in
      ExpertPlace(
        experts: experts.sorted().shuffled(using: &random), radioEnergy: index == 0 ? 0 : sometimesZero(0...8),
        airtime: index == 0 ? 0 : sometimesZero(0...4), computeEnergy: sometimesZero(0...3),
        computeTime: sometimesZero(0...3), isReachable: index == 0 || Int.random(in: 0..<12, using: &random) > 0)
    }
    let budget = [0.0, 0.3, 0.8, 1.5, 3, 20][Int.random(in: 0..<6, using: &random)]
    let latency = [0.0, 2, 5, 9, 14, 1000][Int.random(in: 0..<6, using: &random)]
    return TokenProblem(
      routed: routed,
      distance: DistanceMatrix(
        experts: experts, replacing: replacing, skipping: (0..<experts).map { _ in sometimesZero(0...3) }),
      allowSkip: Int.random(in: 0..<4, using: &random) > 0, allowReplace: Int.random(in: 0..<4, using: &random) > 0,
      places: places, wakeEnergy: sometimesZero(0...5), wakeTime: sometimesZero(0...3),
      errorBudget: style == .whole ? budget.rounded() : budget * .random(in: 0...1, using: &random),
      latencyLimit: style == .whole ? latency : latency * .random(in: 0...1, using: &random))
  }
}
