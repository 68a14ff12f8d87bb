// A daemon whose joules are a script with noise: what comparisons of blocks are tried on.

import SiftTestKit
import SiftTools
import Synchronization

/// Joules of an answer = tokens × mean × drift × noise × the policy's factor. Time is told, never spent.
final class SimulatedDaemon: ComparedDaemon {
  struct World: Sendable {
    /// True ratio of joules per token, second ÷ first.
    var ratio = 1.0
    /// Relative standard deviation of one answer.
    var noise = 0.06
    /// Relative standard deviation of what a block's answers share.
    var blockNoise = 0.0
    /// Growth of joules per request, whoever is asked: a machine that warms up.
    var drift = 0.0
    /// Correlation of a slow influence from one request to the next, and its size.
    var memory = 0.0
    var wander = 0.0
    /// Seconds of an answer.
    var seconds = 0.5
    /// Blocks (by number) in which the machine throttles and takes twice the energy.
    var throttled: Set<Int> = []
    /// Requests (by number) that fail.
    var failing: Set<Int> = []
    /// From this request on nobody answers.
    var goneFrom = Int.max
    /// Loss of a token under the first policy and under the second.
    var losses = [2.0, 2.0]
    var rails = ["hwmon:ina3221@1-0040:VDD_IN"]
    var standing = "measured"
  }
  private struct State {
    var generator: SeededGenerator
    var requests = 0
    var looks = 0
    var slow = 0.0
    var shared = 0.0
    var asked: [(policy: String, prompt: String)] = []
  }
  private let world: World
  private let state: Mutex<State>

  init(_ world: World = World(), seed: UInt64 = 1) {
    self.world = world
    state = Mutex(State(generator: SeededGenerator(seed: seed &* 7919)))
  }

  var asked: [(policy: String, prompt: String)] { state.withLock { $0.asked } }

  func node() async throws -> ComparedNode {
    ComparedNode(node: "attic", model: "tiny", modelHash: "0123456789abcdef", rails: world.rails)
  }

  func ask(_ prompt: String, under policy: PolicySetting, maxTokens: Int) async throws -> BlockAnswer {
    try state.withLock { state in
      state.requests += 1
      let number = state.requests
      guard number < world.goneFrom else {
        throw ToolFailure(.unavailable, "siftd at /x: no answer; is siftd running?")
      }
      guard !world.failing.contains(number) else { throw ToolFailure(.failure, "the queue is full (429)") }
      state.asked.append((policy.description, prompt))
      state.slow = world.memory * state.slow + world.wander * Self.normal(&state.generator)
      var joules = 0.1 * Double(maxTokens) * (policy.policy == "B" ? world.ratio : 1)
      joules *= (1 + world.noise * Self.normal(&state.generator)) * (1 + state.slow + state.shared)
      joules *= 1 + world.drift * Double(number)
      if world.throttled.contains((state.looks - 1) / 2) { joules *= 2 }
      var answer = BlockAnswer(
        tokensIn: 5, tokensOut: maxTokens, seconds: world.seconds, joules: joules, dynamicJoules: joules / 3,
        standing: world.standing)
      answer.errorMean = 0.01
      return answer
    }
  }

  /// Asked before and after each block.
  func conditions() async throws -> BlockConditions? {
    state.withLock { state in
      if state.looks % 2 == 0 { state.shared = world.blockNoise * Self.normal(&state.generator) }
      let block = state.looks / 2
      let isAfter = state.looks % 2 == 1
      state.looks += 1
      let events = world.throttled.count { $0 < block || ($0 == block && isAfter) }
      return BlockConditions(temperature: 50, throttleEvents: events, governors: ["schedutil"])
    }
  }

  func score(_ text: String, under policy: PolicySetting) async throws -> (predicted: Int, loss: Double) {
    (text.utf8.count, Double(text.utf8.count) * world.losses[policy.policy == "B" ? 1 : 0])
  }

  /// Box and Muller's.
  private static func normal(_ generator: inout SeededGenerator) -> Double {
    let radius = Double.random(in: Double.leastNonzeroMagnitude...1, using: &generator)
    let angle = Double.random(in: 0..<2 * .pi, using: &generator)
    return (-2 * logarithm(radius)).squareRoot() * cosine(angle)
  }
}
