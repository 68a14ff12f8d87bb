// Rounding on the wire: the vector loops against the scalar definitions, and these against exact arithmetic.

import SiftCluster
import SiftTestKit
import Testing

@Suite struct Bfloat16Tests {
  static let corners: [Double] = [
    0, -0.0, 1, -1, 0.5, 1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-40, 1 + 3 * 0x1p-8, 1 + 0x1p-7, 0x1p19, 0x1p19 - 1,
    0x1p20 - 0x1p-32,
    0x1p-32, -0x1p-32, 0x1p-126, 0x1p-127, 0x1p-140, 0x1p-1000, 0x1p127, 0x1.fep127, 0x1.ffp127, 0x1p200, .nan,
    .infinity,
    -.infinity, 1 + 3 * 0x1p-8 - 0x1p-40, -1 - 3 * 0x1p-8 + 0x1p-40, 0x1.01p0, 0x1.03p0, 0x1.0100001p0, 0x1.00ffffffp0,
  ]

  @Test func roundingIsToTheNearestWithTiesToEven() {
    // Between 1 and 1 + 2⁻⁷ lies the tie 1 + 2⁻⁸: to even is down, the next one goes up.
    #expect(Bfloat16.round(1 + 0x1p-8) == 0x3F80)
    #expect(Bfloat16.round(1 + 0x1p-8 + 0x1p-40) == 0x3F81)
    #expect(Bfloat16.round(1 + 3 * 0x1p-8) == 0x3F82)
    // Just below a tie that an f32 in between would make a tie of.
    #expect(Bfloat16.round(1 + 3 * 0x1p-8 - 0x1p-40) == 0x3F81)
    #expect(Bfloat16.round(-1 - 3 * 0x1p-8 + 0x1p-40) == 0xBF81)
    #expect(Bfloat16.round(Float(1 + 0x1p-8)) == 0x3F80)
    #expect(Bfloat16.round(Float(1 + 0x1p-8 + 0x1p-20)) == 0x3F81)
    #expect(Bfloat16.float(Bfloat16.round(Double.nan)).isNaN)
    #expect(Bfloat16.float(Bfloat16.round(0x1p200)) == .infinity)
  }

  @Test func theNearestOfTheNeighboursIsTaken() {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<20_000 {
      let value = Double.random(in: -300...300, using: &generator)
      let bits = Bfloat16.round(value)
      let distance = abs(Double(Bfloat16.float(bits)) - value)
      for neighbour in [bits &- 1, bits &+ 1] {
        #expect(distance <= abs(Double(Bfloat16.float(neighbour)) - value))
      }
    }
  }

  @Test func theLoopsRoundLikeTheDefinition() {
    var generator = SeededGenerator(seed: 12)
    for length in [1, 7, 16, 33, 500] {
      for special in [false, true] {
        var values = (0..<length).map { _ in Double.random(in: -4000...4000, using: &generator) }
        if special { for at in values.indices { values[at] = Self.corners.randomElement(using: &generator) ?? 0 } }
        var out = [UInt16](repeating: 0, count: length)
        out.withUnsafeMutableBytes { room in
          guard let base = room.baseAddress else { return }
          values.withUnsafeBufferPointer {
            if let from = $0.baseAddress { Bfloat16.write(from, count: length, to: base) }
          }
        }
        #expect(out == values.map { Bfloat16.round($0) })
        let singles = values.map { Float($0) }
        out.withUnsafeMutableBytes { room in
          guard let base = room.baseAddress else { return }
          singles.withUnsafeBufferPointer {
            if let from = $0.baseAddress { Bfloat16.write(from, count: length, to: base) }
          }
        }
        #expect(out == singles.map { Bfloat16.round($0) })
      }
    }
  }

  @Test func sumsFromBf16AreOnTheGridAndTheNearest() {
    let halves = (UInt16(0)...UInt16.max).filter { Bfloat16.float($0).magnitude < 0x1p20 }
    var sums = [Double](repeating: .nan, count: halves.count)
    let fine = halves.withUnsafeBytes { from in
      sums.withUnsafeMutableBufferPointer { out in
        guard let start = from.baseAddress, let to = out.baseAddress else { return false }
        return SumGrid.read(bf16: start, count: halves.count, to: to)
      }
    }
    #expect(fine)
    for (half, sum) in zip(halves, sums) {
      let exact = Double(Bfloat16.float(half))
      #expect(sum == (exact * 0x1p32).rounded(.toNearestOrEven) * 0x1p-32)
      #expect(SumGrid.holds(sum))
    }
    for half in [UInt16(0x7F80), 0xFF80, 0x7FC0, Bfloat16.round(0x1p20)] {
      var sum = 0.0
      let fine = withUnsafeBytes(of: half) { $0.baseAddress.map { SumGrid.read(bf16: $0, count: 1, to: &sum) } ?? true }
      #expect(!fine)
    }
  }

  @Test func theGridCheckOfManyIsThatOfEach() {
    var generator = SeededGenerator(seed: 13)
    for _ in 0..<2000 {
      var sums = (0..<9).map { _ in (Double.random(in: -0x1p45...0x1p45, using: &generator)).rounded() * 0x1p-32 }
      if Bool.random(using: &generator) {
        sums[Int.random(in: 0..<9, using: &generator)] = Self.corners.randomElement(using: &generator) ?? 0
      }
      let all = sums.withUnsafeBufferPointer { $0.baseAddress.map { SumGrid.holds($0, count: 9) } ?? false }
      let each = sums.allSatisfy { SumGrid.holds($0) }
      #expect(all == each)
    }
  }
}
