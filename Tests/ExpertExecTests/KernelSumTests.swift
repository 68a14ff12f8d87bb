// The sums of the expert layer: the same bits in any order and grouping.
import CExpertKernels
import Testing

@Suite("Sums over experts")
struct KernelSumTests {
  private let width = 37
  private let experts = 8

  /// Outputs of the experts and their weights.
  private func terms(seed: UInt64) -> ([[Float]], [Float]) {
    var seeded = SeededValues(seed: seed)
    let outputs = (0..<experts).map { _ in seeded.floats(width) }
    return (outputs, (0..<experts).map { _ in abs(seeded.float()) })
  }

  /// Adds the experts of each group to a sum of its own and merges the sums.
  private func total(_ set: KernelSet, groups: [[Int]], _ outputs: [[Float]], _ weights: [Float]) -> [UInt64] {
    var whole = [Double](repeating: 0, count: width)
    for group in groups {
      var part = [Double](repeating: 0, count: width)
      for expert in group { set.run.accumulate(&part, weights[expert], outputs[expert], width) }
      set.run.merge(&whole, part, width)
    }
    return whole.map(\.bitPattern)
  }

  @Test(
    "do not depend on order or grouping", arguments: exactSets + [KernelSet.reference, .baseline].compactMap { $0 })
  func orderDoesNotMatter(set: KernelSet) {
    for seed in 1...20 as ClosedRange<UInt64> {
      let (outputs, weights) = terms(seed: seed)
      let expected = total(set, groups: [Array(0..<experts)], outputs, weights)
      var seeded = SeededValues(seed: seed)
      for _ in 0..<50 {
        var groups = [[Int]](repeating: [], count: 3)
        for expert in (0..<experts).shuffled(using: &seeded) {
          groups[Int(seeded.next() % 3)].append(expert)
        }
        #expect(total(set, groups: groups, outputs, weights) == expected, "\(groups)")
      }
    }
  }

  @Test("are multiples of 2^-32, nearest to the exact product")
  func termsLieOnTheGrid() throws {
    let reference = try #require(KernelSet.reference)
    for value: Float in [0.1, -3.7, 1e-9, 12345.678, -400_000.3] {
      var sum = [0.0]
      reference.run.accumulate(&sum, 0.731, [value], 1)
      #expect((sum[0] * 0x1p32).rounded() == sum[0] * 0x1p32)
      #expect(abs(sum[0] - Double(Float(0.731)) * Double(value)) <= 0x1p-33)
    }
  }
}
