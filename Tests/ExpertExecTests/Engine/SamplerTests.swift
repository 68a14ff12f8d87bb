// How tokens are chosen.

import ExpertExec
import SiftTestKit
import Testing

struct SamplerTests {
  private func picks(_ logits: [Float], _ parameters: SamplingParameters, _ count: Int) -> [Int32] {
    var sampler = Sampler(parameters)
    return logits.withUnsafeBufferPointer { buffer in (0..<count).map { _ in sampler.pick(buffer) } }
  }

  @Test func `temperature 0 takes the greatest logit and ties go to the lower id`() {
    #expect(picks([1, 3, 2, 3], .greedy, 3) == [1, 1, 1])
    #expect(picks([.nan, -2, .nan, -3], .greedy, 1) == [1])
    #expect(picks([-.infinity, -.infinity], .greedy, 1) == [0])
  }

  @Test func `frequencies follow the softmax at the temperature`() {
    // Probabilities 0.2, 0.5, 0.3 at temperature 2.
    let logits: [Float] = [-3.218876, -1.386294, -2.407946]
    let drawn = picks(logits, SamplingParameters(temperature: 2, seed: 7), 20_000)
    let shares = (0..<3).map { token in Double(drawn.count { $0 == token }) / 20_000 }
    // Four standard errors are 0.014.
    for (share, expected) in zip(shares, [0.2, 0.5, 0.3]) { #expect(abs(share - expected) < 0.015) }
  }

  @Test func `top-p keeps the fewest tokens that hold the share`() {
    // 0.4, 0.3, 0.2, 0.1.
    let logits: [Float] = [-0.9162907, -1.2039728, -1.609438, -2.302585]
    func kept(_ share: Double) -> Set<Int32> {
      Set(picks(logits, SamplingParameters(temperature: 1, topP: share, seed: 3), 2000))
    }
    #expect(kept(0.05) == [0])
    #expect(kept(0.39) == [0])
    #expect(kept(0.65) == [0, 1])
    #expect(kept(0.85) == [0, 1, 2])
    #expect(kept(1) == [0, 1, 2, 3])
  }

  @Test func `top-k keeps the most probable and top-p acts on what it kept`() {
    let logits: [Float] = [-2.302585, -0.9162907, -1.609438, -1.2039728]
    func kept(_ parameters: SamplingParameters) -> Set<Int32> { Set(picks(logits, parameters, 2000)) }
    #expect(kept(SamplingParameters(temperature: 1, topK: 1, seed: 1)) == [1])
    #expect(kept(SamplingParameters(temperature: 1, topK: 2, seed: 1)) == [1, 3])
    #expect(kept(SamplingParameters(temperature: 1, topK: 99, seed: 1)) == [0, 1, 2, 3])
    // Of the two kept, the first alone holds 4/7 of the probability.
    #expect(kept(SamplingParameters(temperature: 1, topP: 0.55, topK: 2, seed: 1)) == [1])
    #expect(kept(SamplingParameters(temperature: 1, topP: 0.6, topK: 2, seed: 1)) == [1, 3])
  }

  @Test func `the same seed draws the same tokens and another seed others`() {
    var generator = SeededGenerator(seed: 5)
    let logits = (0..<500).map { _ in generator.float(within: 3) }
    for parameters in [
      SamplingParameters(temperature: 1, seed: 11), SamplingParameters(temperature: 0.8, topP: 0.9, seed: 11),
    ] {
      let first = picks(logits, parameters, 200)
      #expect(picks(logits, parameters, 200) == first)
      var other = parameters
      other.seed = 12
      #expect(picks(logits, other, 200) != first)
    }
  }

  @Test func `the generator gives the numbers of its definition`() {
    // SplitMix64 from 0 begins with these (its authors' test values); xoshiro256** follows from them by hand.
    var words: [UInt64] = [
      0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F, 0xF88B_B8A8_724C_81EC,
    ]
    func rotated(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
    var random = Xoshiro(seed: 0)
    for _ in 0..<100 {
      #expect(random.next() == rotated(words[1] &* 5, 7) &* 9)
      let shifted = words[1] << 17
      words[2] ^= words[0]
      words[3] ^= words[1]
      words[1] ^= words[2]
      words[0] ^= words[3]
      words[2] ^= shifted
      words[3] = rotated(words[3], 45)
    }
  }

  @Test func `logits that are not numbers never crash and are never chosen`() {
    let logits: [Float] = [.nan, 2, .nan, 1, -.infinity]
    for parameters in [
      SamplingParameters(temperature: 1, seed: 1), SamplingParameters(temperature: 1, topP: 0.9, topK: 3, seed: 1),
      SamplingParameters(temperature: 1e-30, topP: 0.5, seed: 1), SamplingParameters(temperature: 1e30, seed: 1),
    ] { #expect(Set(picks(logits, parameters, 200)).isSubset(of: [1, 3])) }
    #expect(picks([.nan, .nan], SamplingParameters(temperature: 1), 1) == [0])
    #expect(picks([], SamplingParameters(temperature: 1), 1) == [0])
    #expect(picks([1, .infinity], SamplingParameters(temperature: 1), 1) == [1])
  }

  @Test func `figures out of range are named`() {
    #expect(SamplingParameters.greedy.problem == nil)
    #expect(SamplingParameters(temperature: -1).problem?.hasPrefix("temperature") == true)
    #expect(SamplingParameters(temperature: .nan).problem?.hasPrefix("temperature") == true)
    #expect(SamplingParameters(topP: 0).problem?.hasPrefix("top_p") == true)
    #expect(SamplingParameters(topP: .nan).problem?.hasPrefix("top_p") == true)
    #expect(SamplingParameters(topK: 0).problem?.hasPrefix("top_k") == true)
  }
}
