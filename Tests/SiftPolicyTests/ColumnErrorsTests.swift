// The errors of a column beside what the definition gives, rank by rank.

import SiftPolicy
import SiftTestKit
import Testing

@Suite struct ColumnErrorsTests {
  /// A token's ranks, with a place for the rank beside an odd last one.
  private struct Ranks {
    var weight: [Double]
    var skip: [Double]
    var fallback: [Double]
    var experts: [Int]
    var distances: [Double]
    var ceiling: Double
    var outage: Double

    init(_ count: Int, of experts: Int, _ random: inout SeededGenerator) {
      func unit() -> Double { .random(in: 0..<1, using: &random) }
      func some(_ share: Double, _ value: Double, _ other: () -> Double) -> Double { unit() < share ? value : other() }
      weight = (0..<count).map { _ in some(0.1, 0, unit) } + [0]
      let ownWeight = weight
      skip = (0..<count).map { rank in some(0.2, .infinity) { ownWeight[rank] * (0.5 + unit()) } } + [0]
      fallback = (0..<count).map { _ in some(0.2, .infinity, unit) } + [0]
      distances = (0..<experts * experts).map { $0 / experts == $0 % experts ? 0 : some(0.2, .infinity, unit) }
      self.experts = Array((0..<experts).shuffled(using: &random).prefix(count))
      ceiling = some(0.3, .greatestFiniteMagnitude) { 0.5 * unit() }
      outage = some(0.5, 0) { 0.9 * unit() }
    }

    var row: [Int] { experts.map { $0 * side } + [0] }
    private var side: Int { Int(Double(distances.count).squareRoot()) }

    /// The expected error of rank `rank` by `target`; nil where that is of no use.
    func error(_ rank: Int, by target: Int) -> Double? {
      let distance = distances[experts[rank] * side + target]
      var error = weight[rank] == 0 ? 0 : weight[rank] * distance
      if outage > 0 { error = (1 - outage) * error + outage * fallback[rank] }
      return error < skip[rank] && error <= ceiling ? error : nil
    }
  }

  @Test(arguments: 1...9) func theyAreWhatTheDefinitionGives(count: Int) {
    var random = SeededGenerator(seed: UInt64(count))
    let side = 12
    for _ in 0..<200 {
      let ranks = Ranks(count, of: side, &random)
      let memory = Memory(ranks)
      let errors = ColumnErrors(
        ranks: count, weight: memory.weight, skip: memory.skip, row: memory.row, ceiling: ranks.ceiling,
        outage: ranks.outage, fallback: memory.fallback)
      ranks.distances.withUnsafeBufferPointer { distances in
        for target in 0..<side {
          let all = errors.write(distances, target, into: memory.value)
          check(ranks, memory, target, all, isOwn: false)
          let own = errors.writeOwn(distances, target, experts: side, into: memory.value)
          check(ranks, memory, target, own, isOwn: true)
        }
      }
    }
  }

  private func check(
    _ ranks: Ranks, _ memory: Memory, _ target: Int, _ told: (useful: UInt64, saved: Double), isOwn: Bool
  ) {
    var useful: UInt64 = 0
    var saved = 0.0
    for rank in ranks.experts.indices {
      let error = isOwn && ranks.experts[rank] != target ? nil : ranks.error(rank, by: target)
      #expect(memory.value[rank] == error ?? .infinity)
      guard let error else { continue }
      useful |= 1 << UInt64(rank)
      if ranks.skip[rank] < .infinity { saved += ranks.skip[rank] - error }
    }
    #expect(told.useful == useful)
    #expect(abs(told.saved - saved) <= 1e-12 * max(1, saved))
  }

  /// The ranks where pointers can go.
  private final class Memory {
    let weight, skip, fallback, value: UnsafeMutablePointer<Double>
    let row: UnsafeMutablePointer<Int>

    init(_ ranks: Ranks) {
      func copy<Element>(_ array: [Element]) -> UnsafeMutablePointer<Element> {
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: array.count)
        memory.initialize(from: array, count: array.count)
        return memory
      }
      weight = copy(ranks.weight)
      skip = copy(ranks.skip)
      fallback = copy(ranks.fallback)
      value = copy(ranks.weight.map { _ in -1 })
      row = copy(ranks.row)
    }

    deinit {
      for numbers in [weight, skip, fallback, value] { numbers.deallocate() }
      row.deallocate()
    }
  }
}
