// In which order a comparison makes its requests.

import SiftCore

/// A comparison of two policies: every prompt under both, several times, in pairs whose order is drawn.
public struct ComparisonPlan: Hashable, Sendable {
  /// One request of it.
  public struct Step: Hashable, Sendable {
    /// Index of the prompt.
    public var prompt: Int
    /// Which time the prompt is asked, from 0.
    public var round: Int
    /// 0 for the first policy, 1 for the second.
    public var policy: Int

    public init(prompt: Int, round: Int, policy: Int) {
      self.prompt = prompt
      self.round = round
      self.policy = policy
    }
  }
  /// All requests in order. The two of a pair follow one another, so what changes slowly (heat, load, the channel)
  /// meets both alike; which of them comes first is drawn, so what the first does to the second cancels.
  public let steps: [Step]

  /// - Parameters:
  ///   - prompts: number of prompts.
  ///   - rounds: how often each pair is made.
  ///   - seed: fixes the order.
  public init(prompts: Int, rounds: Int, seed: UInt64) {
    var generator = SplitMix(seed: seed)
    var steps: [Step] = []
    for round in 0..<rounds {
      for prompt in (0..<prompts).shuffled(using: &generator) {
        let first = Int.random(in: 0...1, using: &generator)
        steps.append(Step(prompt: prompt, round: round, policy: first))
        steps.append(Step(prompt: prompt, round: round, policy: 1 - first))
      }
    }
    self.steps = steps
  }
}
