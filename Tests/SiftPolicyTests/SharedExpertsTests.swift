// XShare's set of experts for a batch.

import SiftPolicy
import SiftTestKit
import Testing

@Suite struct SharedExpertsTests {
  private static func batch(_ random: inout SeededGenerator) -> [[RoutedExpert]] {
    let (experts, tokens) = (Int.random(in: 4...8, using: &random), Int.random(in: 1...5, using: &random))
    return (0..<tokens).map { _ in
      (0..<experts).shuffled(using: &random).prefix(3).map {
        RoutedExpert(expert: $0, weight: Double(Int.random(in: 1...20, using: &random)) / 20)
      }
    }
  }

  private static func heaviest(_ routed: [RoutedExpert]) -> Int {
    var best = 0
    for rank in routed.indices where routed[rank].weight > routed[best].weight { best = rank }
    return routed[best].expert
  }

  /// Every set by brute force.
  @Test func `no set of the size that holds every token's heaviest has more weight`() {
    var random = SeededGenerator(seed: 51)
    var compared = 0
    for round in 0..<600 {
      let tokens = Self.batch(&random)
      let share = Double(round % 5) / 5
      var shared = SharedExperts()
      shared.begin(experts: 8)
      for routed in tokens { shared.add(routed) }
      shared.choose(withoutShare: share)
      var weight = Array(repeating: 0.0, count: 8)
      for own in tokens.joined() { weight[own.expert] += own.weight }
      let distinct = Set(tokens.joined().map(\.expert))
      let top = Set(tokens.map(Self.heaviest))
      let size = max(top.count, Int((Double(distinct.count) * (1 - share) - 1e-9).rounded(.up)))
      var best = 0.0
      for bits in 0..<256 {
        let set = Set((0..<8).filter { bits >> $0 & 1 == 1 })
        guard set.count == size, top.isSubset(of: set), set.isSubset(of: distinct) else { continue }
        best = max(best, set.reduce(0) { $0 + weight[$1] })
      }
      let kept = (0..<8).filter { shared.contains($0) }
      #expect(kept.count == size && top.isSubset(of: Set(kept)))
      #expect(abs(kept.reduce(0) { $0 + weight[$1] } - best) < 1e-12)
      if size > top.count && size < distinct.count { compared += 1 }
    }
    #expect(compared > 100)
  }

  private static func problem(_ routed: [RoutedExpert], knob: Double) -> TokenProblem {
    TokenProblem(
      routed: routed,
      distance: DistanceMatrix(
        experts: 6, replacing: (0..<36).map { $0 / 6 == $0 % 6 ? 0 : 1 }, skipping: Array(repeating: 1, count: 6)),
      places: [ExpertPlace(experts: [0, 1]), ExpertPlace(experts: [2, 3, 4], radioEnergy: 1)], errorBudget: knob)
  }

  @Test func `a batch decides within one set, and a token alone within its own`() {
    let tokens = [
      [RoutedExpert(expert: 0, weight: 0.5), RoutedExpert(expert: 2, weight: 0.3)],
      [RoutedExpert(expert: 1, weight: 0.6), RoutedExpert(expert: 2, weight: 0.3)],
      [RoutedExpert(expert: 1, weight: 0.6), RoutedExpert(expert: 3, weight: 0.4)],
    ].map { Self.problem($0, knob: 0.25) }
    let policy = ExpertPolicy(.xshare)
    policy.beginBatch(experts: 6)
    for token in tokens { policy.addToken(token) }
    policy.endBatch(knob: 0.25)
    // Weights 0.5, 1.2, 0.6 and 0.4: three of the four distinct experts stay, and expert 3 goes.
    #expect(
      tokens.map { policy.decide($0).choices.map(\.isSkip) } == [[false, false], [false, false], [false, true]])
    policy.leaveBatch()
    #expect(policy.decide(tokens[2]).choices.map(\.isSkip) == [false, false])
    var strict = tokens[2]
    strict.errorBudget = 0.5
    #expect(policy.decide(strict).choices.map(\.isSkip) == [false, true])
  }

  @Test func `experts that nobody hosts take no room in the set`() {
    let token = Self.problem(
      [
        RoutedExpert(expert: 5, weight: 0.9), RoutedExpert(expert: 2, weight: 0.2),
        RoutedExpert(expert: 0, weight: 0.1),
      ],
      knob: 0.5)
    #expect(ExpertPolicy(.xshare).decide(token).choices.map(\.isSkip) == [true, false, true])
  }
}
