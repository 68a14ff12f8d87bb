// Rates, required signals, frame losses and outages against figures of the standard and of other programs.

import Foundation
import LinkMonitor
import SiftCore
import SiftTestKit
import Testing

@Suite struct ChannelModelTests {
  // IEEE 802.11-2020 tables 17-4, 19-27 to 19-34, 21-29 to 21-52; 802.11ax-2021 tables 27-54 ff.; Mb/s.
  @Test(
    arguments: [
      (PhyGeneration.legacy, 0, 1, 20, GuardInterval.nanoseconds800, 6.0), (.legacy, 5, 1, 20, .nanoseconds800, 48),
      (.legacy, 6, 1, 20, .nanoseconds800, 54),
      (.ht, 0, 1, 20, .nanoseconds800, 6.5), (.ht, 7, 1, 20, .nanoseconds800, 65),
      (.ht, 7, 1, 20, .nanoseconds400, 72.2),
      (.ht, 7, 1, 40, .nanoseconds800, 135), (.ht, 7, 1, 40, .nanoseconds400, 150),
      (.ht, 7, 2, 40, .nanoseconds400, 300),
      (.ht, 3, 4, 20, .nanoseconds800, 104), (.vht, 8, 1, 20, .nanoseconds800, 78),
      (.vht, 9, 1, 80, .nanoseconds400, 433.3),
      (.vht, 9, 2, 80, .nanoseconds800, 780), (.vht, 9, 1, 160, .nanoseconds800, 780),
      (.vht, 7, 3, 80, .nanoseconds400, 975),
      (.he, 11, 1, 20, .nanoseconds800, 143.4), (.he, 11, 1, 40, .nanoseconds800, 286.8),
      (.he, 11, 1, 80, .nanoseconds800, 600.5), (.he, 11, 1, 160, .nanoseconds800, 1201.0),
      (.he, 0, 1, 20, .nanoseconds3200, 7.3), (.he, 11, 2, 80, .nanoseconds1600, 1134.3),
    ] as [(PhyGeneration, Int, Int, Int, GuardInterval, Double)])
  func ratesAreTheStandards(
    generation: PhyGeneration, mcs: Int, streams: Int, width: Int, guardInterval: GuardInterval, megabits: Double
  ) throws {
    let rate = try #require(
      PhyRate.bitsPerSecond(
        generation, mcs: mcs, streams: streams, widthMegahertz: width, guardInterval: guardInterval))
    #expect(abs(rate / 1e6 - megabits) < 0.06)
  }

  @Test func whatTheStandardDoesNotHaveHasNoRate() {
    #expect(PhyRate.bitsPerSecond(.vht, mcs: 9, streams: 1, widthMegahertz: 20) == nil)
    #expect(PhyRate.bitsPerSecond(.vht, mcs: 6, streams: 3, widthMegahertz: 80) == nil)
    #expect(PhyRate.bitsPerSecond(.ht, mcs: 8, widthMegahertz: 20) == nil)
    #expect(PhyRate.bitsPerSecond(.ht, mcs: 0, widthMegahertz: 80) == nil)
    #expect(PhyRate.bitsPerSecond(.he, mcs: 0, guardInterval: .nanoseconds400) == nil)
    #expect(PhyRate.bitsPerSecond(.he, mcs: 12) == nil && PhyRate.bitsPerSecond(.he, mcs: -1) == nil)
  }

  // Columns 20/40/80/160 MHz of the standard's tables.
  @Test(arguments: [
    (0, [-82.0, -79, -76, -73]), (3, [-74, -71, -68, -65]), (7, [-64, -61, -58, -55]), (9, [-57, -54, -51, -48]),
    (11, [-52, -49, -46, -43]),
  ])
  func theLeastSensitivityIsTheStandards(mcs: Int, levels: [Double]) {
    for (width, level) in zip([20, 40, 80, 160], levels) {
      #expect(RequiredSNR.minimumSensitivity(mcs: mcs, widthMegahertz: width)?.value == level)
    }
    #expect(RequiredSNR.minimumSensitivity(mcs: mcs, widthMegahertz: 30) == nil)
  }

  @Test func everyMCSNeedsMoreThanTheOneBelow() throws {
    for receiver in RequiredSNR.Receiver.allCases {
      let needs = (0...11).compactMap { RequiredSNR.tenPercentLoss(mcs: $0, receiver: receiver)?.value }
      #expect(needs.count == (receiver == .parityCheck ? 12 : 10))
      #expect(zip(needs, needs.dropFirst()).allSatisfy { $0 < $1 })
    }
    #expect(RequiredSNR.tenPercentLoss(mcs: 4)?.value == 12.72)
    #expect(RequiredSNR.tenPercentLoss(mcs: 7, receiver: .parityCheck)?.value == 17.99)
    #expect(RequiredSNR.tenPercentLoss(mcs: 0, receiver: .convolutionalShort)?.value == -0.41)
  }

  // Success rates of frames of 2000 bytes in ns-3's test of its NIST model: bits a subcarrier, code, dB, success.
  @Test(
    arguments: [
      (1, CodeRate.half, 2.5, 2.04e-10), (1, .half, 3, 0.020), (1, .half, 4, 0.885), (1, .half, 5, 0.997),
      (1, .threeQuarters, 6, 0.097), (1, .threeQuarters, 7, 0.918), (2, .half, 6, 0.0174), (2, .half, 7, 0.881),
      (2, .threeQuarters, 8.5, 2.85e-6), (2, .threeQuarters, 9.5, 0.623), (2, .threeQuarters, 10.5, 0.985),
      (4, .half, 12, 2.22e-7), (4, .half, 13, 0.495), (4, .half, 14, 0.974), (4, .threeQuarters, 15.5, 0.012),
      (4, .threeQuarters, 16.5, 0.818), (4, .threeQuarters, 17.5, 0.993), (6, .twoThirds, 20, 1.3e-4),
      (6, .twoThirds, 21, 0.649), (6, .twoThirds, 22, 0.983), (6, .threeQuarters, 21, 5.44e-8),
      (6, .threeQuarters, 22, 0.410), (6, .threeQuarters, 23, 0.958), (6, .threeQuarters, 24, 0.999),
    ] as [(Int, CodeRate, Double, Double)])
  func frameLossesAreThoseOfNS3(bits: Int, code: CodeRate, decibels: Double, success: Double) {
    let error = CodedPacketError.bitError(bitsPerSubcarrier: bits, snr: Decibels(decibels).ratio)
    let got = 1 - CodedPacketError.frameError(bitError: error, code: code, bytes: 2000)
    // The source gives two or three digits.
    #expect(abs(got - success) <= max(0.0006, 0.03 * success) && (success > 1e-3 || abs(got / success - 1) < 0.03))
  }

  // SNR for 10 % loss of 1458 bytes by the same model.
  @Test(arguments: [3.95, 6.96, 9.86, 13.50, 16.60, 21.35, 22.61, 23.78, 28.48, 29.69].enumerated().map { ($0, $1) })
  func theUnionBoundCrossesTenPercentWhereItShould(mcs: Int, decibels: Double) throws {
    let coding = try #require(ModulationAndCoding(index: mcs))
    #expect(CodedPacketError.frameError(coding, snr: Decibels(decibels - 0.02).ratio, bytes: 1458) > 0.1)
    #expect(CodedPacketError.frameError(coding, snr: Decibels(decibels + 0.02).ratio, bytes: 1458) < 0.1)
  }

  // Standard deviation and bias in dB of Rician powers; 400,000 draws each.
  @Test(arguments: [(0.0, 5.57, -2.51), (1, 5.09, -2.06), (3, 3.75, -1.19), (6, 2.64, -0.67), (10, 2.00, -0.41)])
  func decibelMomentsOfRicianChannels(k: Double, deviation: Double, bias: Double) {
    var generator = SeededGenerator(seed: 4)
    let levels = (0..<400_000).map { _ in 10 * log10(generator.ricianPower(k: k)) }
    let mean = levels.reduce(0, +) / Double(levels.count)
    let variance = levels.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(levels.count)
    #expect(abs(variance.squareRoot() - deviation) < 0.03 && abs(mean - bias) < 0.03)
  }

  @Test(arguments: [0.2, 0.7, 0.95, 0.999]) func theAgedRicianOutageIsTheKnownOneWithoutASight(rho: Double) {
    for gain in [0.1, 1, 3] {
      let known = Outage.aged(threshold: 0.4, gain: gain, correlation: rho)
      #expect(abs(Outage.aged(threshold: 0.4, gain: gain, k: 0, correlation: rho) - known) < 1e-9)
    }
  }

  @Test(arguments: [(1.0, 0.3), (3, 0.7), (10, 0.9)]) func theAgedRicianOutageComesTrue(k: Double, rho: Double) {
    // Draw the channel twice with the stated correlation of the scatter; bin by the first power.
    var generator = SeededGenerator(seed: 6)
    let sight = (k / (k + 1)).squareRoot()
    let scatter = (1 / (2 * (k + 1))).squareRoot()
    let renewed = (1 - rho * rho).squareRoot()
    var (foreseen, came) = (0.0, 0.0)
    for _ in 0..<20_000 {
      let (x, y) = generator.normals()
      let (u, v) = generator.normals()
      func power(_ a: Double, _ b: Double) -> Double {
        (sight + scatter * a) * (sight + scatter * a) + scatter * scatter * b * b
      }
      let now = power(x, y)
      let later = power(rho * x + renewed * u, rho * y + renewed * v)
      // Only weak moments, where a forecast that ignored the sample would be far off.
      guard now < 0.7 else { continue }
      foreseen += Outage.aged(threshold: 0.6, gain: now, k: k, correlation: rho)
      came += later < 0.6 ? 1 : 0
    }
    #expect(came > 300 && abs(foreseen / came - 1) < 0.05, "\(foreseen) foreseen, \(came) came")
  }

  @Test func repetitionsAreCounted() {
    let model = RetryModel(loss: 0.5, attempts: 4)
    #expect(model.delivered == 1 - 0.0625 && model.meanAttempts == 1.875)
    #expect(RetryModel(loss: 1, attempts: 3).meanAttempts == 3 && RetryModel(loss: 0).meanAttempts == 1)
  }

  private func channel(k: Double, snr: Double) -> ChannelEstimate {
    ChannelEstimate(meanSNR: Decibels(snr).ratio, riceFactor: k)
  }

  private func outage(_ bytes: Int, _ milliseconds: Int, _ channel: ChannelEstimate, retries: Double? = nil) -> Double?
  {
    VisitOutage.probability(
      of: VisitDemand(bytes: bytes, deadline: .milliseconds(milliseconds)), channel: channel, rate: nil,
      retryRatio: retries, goodput: nil, overhead: .milliseconds(1), efficiency: 0.5)
  }

  @Test func theOutageOfAVisitIsThatOfTheSlowestRateThatIsFastEnough() throws {
    // 10,000 bytes in 9 ms at half the PHY rate need 17.8 Mb/s: 18 Mb/s, which needs 6.37 dB.
    let got = try #require(outage(10_000, 10, channel(k: 0, snr: 20)))
    #expect(abs(got - Outage.rayleigh(threshold: Decibels(6.37).ratio, mean: 100)) < 1e-9)
    // More bytes, less time or a weaker channel are never better.
    let more = try #require(outage(20_000, 10, channel(k: 0, snr: 20)))
    let later = try #require(outage(10_000, 20, channel(k: 0, snr: 20)))
    let weaker = try #require(outage(10_000, 10, channel(k: 0, snr: 15)))
    #expect(more > got && later < got && weaker > got)
  }

  @Test func noTimeOrNoRateIsCertainOutageAndUnknownFadingIsUnknown() {
    #expect(outage(100, 1, channel(k: 0, snr: 30)) == 1)
    #expect(outage(10_000_000, 10, channel(k: 0, snr: 30)) == 1)
    #expect(outage(100, 10, ChannelEstimate(meanSNR: 100)) == nil)
  }

  @Test func lostFramesAddToTheOutage() throws {
    let clean = try #require(outage(100, 10, channel(k: 0, snr: 30)))
    let lossy = try #require(
      VisitOutage.probability(
        of: VisitDemand(bytes: 100, deadline: .milliseconds(10)), channel: channel(k: 0, snr: 30),
        rate: BitRate(bitsPerSecond: 6e6), retryRatio: 0.5, goodput: nil, overhead: .milliseconds(1), efficiency: 0.5))
    #expect(abs(lossy - (clean + (1 - clean) * pow(0.5, 7))) < 1e-9)
  }

  @Test func aForecastGoesFromTheSampleToTheMean() throws {
    var channel = channel(k: 0, snr: 20)
    channel.doppler = 5
    channel.gain = 3
    channel.gainAge = .zero
    #expect(abs(channel.expectedGain(ahead: .zero) - 3) < 1e-12)
    let soon = channel.expectedGain(ahead: .milliseconds(20))
    let phase = 2 * Double.pi * 5 * 0.02
    #expect(abs(soon - (1 + j0(phase) * j0(phase) * 2)) < 1e-12)
    #expect(abs(channel.expectedGain(ahead: .milliseconds(76)) - 1) < 1e-3, "the first zero of J₀")
    // A strong sample lowers the outage until it is forgotten.
    let threshold = 20.0
    let now = try #require(channel.outage(threshold: threshold))
    let later = try #require(channel.outage(threshold: threshold, ahead: .milliseconds(76)))
    #expect(now < 1e-6 && abs(later - Outage.rayleigh(threshold: threshold, mean: 100)) < 1e-3)
  }

  @Test func aStaticChannelIsForecastAsItIs() throws {
    let fading = FadingEstimate(levels: Array(repeating: -60, count: 100), spacing: .milliseconds(100))
    let channel = try #require(
      ChannelEstimate(fading, noise: DecibelMilliwatts(-90), sample: DecibelMilliwatts(-60), age: .seconds(3)))
    #expect(abs(channel.meanSNR - 1000) < 1e-6 && channel.doppler == 0)
    #expect(try #require(channel.outage(threshold: 100)) < 1e-6)
    #expect(try #require(channel.outage(threshold: 10_000)) > 0.999)
  }

  @Test func aFastChannelIsForecastByItsLawAlone() throws {
    var generator = SeededGenerator(seed: 12)
    let levels = (0..<600).map { _ in -60 + 10 * log10(generator.ricianPower(k: 0)) }
    let fading = FadingEstimate(levels: levels, spacing: .milliseconds(100))
    let channel = try #require(
      ChannelEstimate(fading, noise: DecibelMilliwatts(-90), sample: DecibelMilliwatts(-50), age: .milliseconds(100)))
    #expect(fading.kind == .fast && channel.doppler == nil && channel.dopplerAtMost == nil)
    #expect(try #require(channel.dopplerAtLeast) > 1)
    #expect(channel.expectedGain(ahead: .zero) == 1)
    let outage = try #require(channel.outage(threshold: 100))
    let k = try #require(channel.riceFactor)
    #expect(k < 1 && abs(outage - Outage.rician(threshold: 100, mean: channel.meanSNR, k: k)) < 1e-9)
  }
}
