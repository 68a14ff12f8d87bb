// The price of a visit against sums done by hand.

import LinkMonitor
import SiftCore
import Testing

@Suite struct VisitPriceTests {
  private let model = RadioPowerModel(
    sendWatts: 2, receiveWatts: 1, joulesPerFrame: 1e-3, source: "a test", framePayload: 1000,
    exchangeOverhead: .milliseconds(1), wakeJoules: 0.25, account: .system, efficiency: 0.5, assumedGoodput: 1e6,
    assumedRoundTrip: .milliseconds(8))

  private func radio(_ topology: LinkTopology = .direct) -> PeerLink {
    var link = PeerLink(source: .nl80211, topology: topology)
    link.age = .milliseconds(40)
    link.sendRate = 80e6
    return link
  }

  private func near(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-12 + 1e-9 * abs(b) }

  @Test func aMeasuredGoodputIsBelievedBeforeTheRate() {
    let price = visitCost(
      link: radio(),
      transport: TransportFigures(goodput: 2e6, roundTrip: .milliseconds(3), age: .milliseconds(10)), model: model)
    // 3 W over 1/(2 MB/s), and a frame of 1 mJ at both ends for every 1000 bytes.
    #expect(near(price.cost.energyPerByte, 3 / 2e6 + 2e-3 / 1000))
    // 3 W for 1 ms, and a frame each way at both ends.
    #expect(near(price.cost.energyPerVisit, 3e-3 + 4e-3))
    #expect(near(price.cost.airtimePerByte, 0.5e-6) && near(price.cost.airtimePerVisit, 1e-3))
    #expect(price.wakeTime == .milliseconds(2) && price.wakeEnergy == .joules(0.25))
    #expect(price.age == .milliseconds(10) && price.standing == .modelled)
  }

  @Test func theGatewayAlonePaysForOneEnd() {
    var own = model
    own.account = .gateway
    let figures = TransportFigures(goodput: 2e6)
    let both = visitCost(link: radio(), transport: figures, model: model).cost
    let gateway = visitCost(link: radio(), transport: figures, model: own).cost
    #expect(near(gateway.energyPerByte * 2, both.energyPerByte))
    #expect(near(gateway.energyPerVisit * 2, both.energyPerVisit))
    #expect(gateway.airtimePerByte == both.airtimePerByte)
  }

  @Test func withoutGoodputTheRateLessRepetitionsServes() {
    var link = radio()
    link.retryRatio = 0.2
    let price = visitCost(link: link, transport: TransportFigures(), model: model)
    // 80 Mb/s × 0.5 × 0.8 = 4 MB/s.
    #expect(near(price.cost.airtimePerByte, 1 / 4e6))
    link.expectedThroughput = 16e6
    #expect(near(visitCost(link: link, transport: TransportFigures(), model: model).cost.airtimePerByte, 1 / 2e6))
    #expect(price.wakeTime == .milliseconds(7) && price.age == .milliseconds(40))
  }

  @Test func twoHopsShareTheMedium() {
    let direct = visitCost(link: radio(), transport: TransportFigures(), model: model).cost
    let relayed = visitCost(link: radio(.viaAccessPoint), transport: TransportFigures(), model: model).cost
    #expect(near(relayed.airtimePerByte, 2 * direct.airtimePerByte))
    #expect(near(relayed.energyPerByte, direct.energyPerByte), "the second hop is the access point's")
    // A goodput that was measured through both hops contains them.
    let measured = visitCost(link: radio(.viaAccessPoint), transport: TransportFigures(goodput: 2e6), model: model)
    #expect(near(measured.cost.airtimePerByte, 1 / 2e6))
    #expect(near(measured.cost.energyPerByte, 3 / 4e6 + 2e-6))
  }

  @Test func whereThereIsNoRadioTimeIsMeasuredAndJoulesAreModelled() {
    let wired = PeerLink(source: .transport, topology: .wired)
    let price = visitCost(
      link: wired, transport: TransportFigures(goodput: 100e6, roundTrip: .microseconds(200)), model: model)
    #expect(near(price.cost.airtimePerByte, 1e-8) && price.cost.airtimePerVisit == 0)
    #expect(price.wakeTime == .microseconds(200))
    // The radio that the model assumes moves 1 MB/s.
    #expect(near(price.cost.energyPerByte, 3e-6 + 2e-6))
    #expect(price.standing == .modelled)
  }

  @Test func nothingKnownIsStillAPrice() {
    let price = visitCost(link: nil, transport: TransportFigures(), model: model)
    #expect(price.age == nil && price.standing == .modelled && price.wakeTime == .milliseconds(8))
    #expect(near(price.cost.airtimePerByte, 1e-6))
  }

  @Test func coefficientsMeasuredOnThisRadioMakeDerivedJoules() {
    var learned = model
    learned.standing = .derived
    #expect(visitCost(link: radio(), transport: TransportFigures(goodput: 2e6), model: learned).standing == .derived)
    #expect(visitCost(link: nil, transport: TransportFigures(goodput: 2e6), model: learned).standing == .modelled)
  }

  @Test func thePublishedModelsAreInRangeAndBadOnesAreNamed() {
    for (name, published) in RadioPowerModel.published { #expect(published.badCoefficient == nil, "\(name)") }
    var bad = model
    bad.efficiency = 1.5
    #expect(bad.badCoefficient == "efficiency")
    bad.joulesPerFrame = .nan
    #expect(bad.badCoefficient == "joulesPerFrame")
  }
}
