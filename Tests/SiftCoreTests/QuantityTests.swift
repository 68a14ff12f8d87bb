// The algebra of the quantities, and the identifiers' text forms.

import SiftCore
import Testing

@Suite struct `Quantities` {
  @Test func `power times time is energy, and back`() {
    #expect(Power.watts(5) * .milliseconds(200) == .joules(1))
    #expect(Energy.joules(1) / .milliseconds(200) == .watts(5))
    #expect(Energy.microjoules(2_500_000) == .joules(2.5))
  }

  @Test func `a level minus a level is a ratio`() {
    #expect(DecibelMilliwatts(-61) - DecibelMilliwatts(-94) == Decibels(33))
    #expect(abs(Decibels(3).ratio - 1.9952623149688795) < 1e-12)
    #expect(abs(DecibelMilliwatts.milliwatts(0.001).value + 30) < 1e-12)
  }

  @Test func `the standing of a sum is its weakest part's`() {
    #expect([Standing.measured, .modelled, .derived].max() == .modelled)
  }

  @Test func `a content hash reads what it prints and nothing else`() throws {
    let hash = try #require(ContentHash(bytes: (0..<32).map { UInt8($0 * 7) }))
    #expect(ContentHash(hex: hash.description) == hash)
    #expect(ContentHash(hex: hash.description.dropLast()) == nil)
    #expect(ContentHash(hex: String(hash.description.dropLast()) + "g") == nil)
    #expect(ContentHash(bytes: [1, 2, 3]) == nil)
  }

  @Test func `a distance table refuses what no calibration can measure`() {
    #expect(DistanceTable(experts: 2, replacing: [0, 1, 1, 0], skipping: [1, 1]) != nil)
    #expect(DistanceTable(experts: 2, replacing: [0, 1, 1, 0.1], skipping: [1, 1]) == nil)
    #expect(DistanceTable(experts: 2, replacing: [0, .nan, 1, 0], skipping: [1, 1]) == nil)
    #expect(DistanceTable(experts: 2, replacing: [0, -1, 1, 0], skipping: [1, 1]) == nil)
    #expect(DistanceTable(experts: 2, replacing: [0, 1, 1], skipping: [1, 1]) == nil)
  }
}
