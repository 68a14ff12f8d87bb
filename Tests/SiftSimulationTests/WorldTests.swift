// What simulated worlds tell policies, against what then happens.

import SiftSimulation
import SiftTestKit
import Testing

@Suite struct WorldTests {
  private func fast(age: Double, doppler: Double, seed: UInt64 = 5) -> FadingWorld {
    var random = SeededGenerator(seed: seed)
    return FadingWorld(
      law: .fast(riceFactor: 2.4, doppler: doppler, age: age, layerTime: 0.0075), radio: .wifi,
      meanDecibels: [28, 21], bytes: 3000, limit: 0.05, layers: 3, tokens: 1, using: &random)
  }

  @Test func aForecastIsRightOnAverage() {
    let tokens = 6_000
    for layer in 0..<3 {
      for node in 0..<2 {
        var (said, done, failed, feared) = (0.0, 0.0, 0.0, 0.0)
        for seed in 0..<6 {
          let world = fast(age: 0.005, doppler: 11, seed: UInt64(seed))
          for token in 0..<tokens / 6 {
            // Tokens are taken far apart, so that they are about independent.
            let known = world.known(node: node, token: token * 37, layer: layer, view: .forecast)
            let truth = world.truth(node: node, token: token * 37, layer: layer)
            said += known.energy
            done += truth.energy
            feared += known.outage
            failed += truth.arrives ? 0 : 1
          }
        }
        #expect(abs(said / done - 1) < 0.03)
        #expect(abs(feared - failed) / Double(tokens) < 0.01)
      }
    }
  }

  @Test func aFreshSampleOfAChannelThatStandsStillIsTheTruth() {
    let world = fast(age: 0, doppler: 0)
    for layer in 0..<3 {
      let truth = world.truth(node: 1, token: 4, layer: layer)
      let known = world.known(node: 1, token: 4, layer: layer, view: .sample)
      #expect(known.energy == truth.energy && known.outage == (truth.arrives ? 0 : 1))
    }
  }

  @Test func aSlowChannelHoldsForATokenAndIsKnown() {
    var random = SeededGenerator(seed: 8)
    let world = FadingWorld(
      law: .slow(shape: 2), radio: .wifi, meanDecibels: [20], bytes: 3000, limit: 0.05, layers: 6, tokens: 100,
      using: &random)
    var energies: Set<Double> = []
    for token in 0..<100 {
      let first = world.truth(node: 0, token: token, layer: 0)
      energies.insert(first.energy)
      #expect(world.truth(node: 0, token: token, layer: 5) == first)
      #expect(world.known(node: 0, token: token, layer: 5, view: .forecast).energy == first.energy)
    }
    #expect(energies.count > 4)
  }

  @Test func aVisitThatTakesLongerThanTheLimitDoesNotArriveAndStillCosts() {
    let radio = SimulatedRadio.wifi
    let late = radio.visit(bytes: 3000, goodput: 1e6, limit: 0.01)
    #expect(!late.arrives && late.energy > radio.fixedEnergy(bytes: 3000))
    #expect(radio.visit(bytes: 3000, goodput: 1e6, limit: 1).arrives)
    #expect(!radio.visit(bytes: 3000, goodput: nil, limit: 1).arrives)
    #expect(radio.goodput(decibels: 11.9) == nil)
    #expect(radio.goodput(decibels: 12) == 6.5e6 * 0.6)
    #expect(radio.goodput(decibels: 99) == 65e6 * 0.6)
  }

  private func recording(_ figures: [Double]) throws -> RecordedLinks {
    let rows = figures.enumerated().map { "\($0.offset),a,\($0.element)\n" }.joined()
    return try RecordedLinks(csv: "time_s,link,goodput_mbps\n" + rows)
  }

  private func world(_ links: RecordedLinks) -> RecordedWorld {
    RecordedWorld(links, radio: .wifi, bytes: 3000, limit: 0.05, start: 0, tokensPerSecond: 1)
  }

  @Test func aRecordedSecondIsForetoldFromItsPastAlone() throws {
    var random = SeededGenerator(seed: 12)
    var figures = (0..<200).map { _ in Double.random(in: 0...40, using: &random).rounded() }
    let before = world(try recording(figures))
    for second in 100..<200 { figures[second] = 0 }
    let after = world(try recording(figures))
    for token in 0...100 {
      #expect(
        before.known(node: 0, token: token, layer: 0, view: .forecast)
          == after.known(node: 0, token: token, layer: 0, view: .forecast))
    }
    #expect(
      before.known(node: 0, token: 150, layer: 0, view: .forecast)
        != after.known(node: 0, token: 150, layer: 0, view: .forecast))
  }

  @Test func theSampleOfARecordedSecondIsTheSecondBefore() throws {
    let world = world(try recording([10, 0, 20, 30]))
    #expect(
      world.known(node: 0, token: 1, layer: 0, view: .sample).energy == world.truth(node: 0, token: 0, layer: 0).energy)
    #expect(world.known(node: 0, token: 2, layer: 0, view: .sample).outage == 1)
    #expect(world.truth(node: 0, token: 2, layer: 0).arrives)
  }

  @Test func aLinkThatDiesForLongIsForetoldDead() throws {
    let figures = (0..<400).map { ($0 / 50).isMultiple(of: 2) ? 20.0 : 0 }
    let world = world(try recording(figures))
    #expect(world.known(node: 0, token: 380, layer: 0, view: .forecast).outage > 0.9)
    #expect(world.known(node: 0, token: 330, layer: 0, view: .forecast).outage < 0.1)
  }
}
