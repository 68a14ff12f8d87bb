// Fading against closed forms, against channels drawn from known parameters, and against recorded ones.

import Foundation
import LinkMonitor
import SiftCore
import SiftTestKit
import Testing

@Suite struct FadingTests {
  // Standard deviation and bias in dB of the power of a Nakagami channel.
  @Test(arguments: [(1.0, 5.57, -2.51), (2, 3.49, -1.17), (3, 2.73, -0.76), (5, 2.04, -0.45), (10, 1.41, -0.22)])
  func decibelMomentsOfNakagamiChannels(m: Double, deviation: Double, bias: Double) {
    #expect(abs(FadingParameters.decibelDeviation(nakagamiM: m) - deviation) < 0.005)
    #expect(abs(FadingParameters.decibelBias(nakagamiM: m) - bias) < 0.005)
  }

  @Test(arguments: [0.0, 0.5, 1, 3, 10, 80]) func kAndItsMomentAreInverse(k: Double) {
    let gamma = FadingParameters.relativeVariance(ricianK: k)
    #expect(abs(FadingParameters.ricianK(relativeVariance: gamma) - k) < 1e-9 * (1 + k))
    // A Rician channel looks like a Nakagami one of m = (1+K)²/(1+2K).
    #expect(abs(FadingParameters.nakagamiM(relativeVariance: gamma) - (1 + k) * (1 + k) / (1 + 2 * k)) < 1e-9)
  }

  @Test func outagesAgreeWhereTheirModelsMeet() {
    for threshold in [0.01, 0.1, 0.5, 1, 2] {
      let rayleigh = Outage.rayleigh(threshold: threshold, mean: 1)
      #expect(abs(rayleigh - (1 - exp(-threshold))) < 1e-14)
      #expect(abs(Outage.rician(threshold: threshold, mean: 1, k: 0) - rayleigh) < 1e-9)
      #expect(abs(Outage.nakagami(threshold: threshold, mean: 1, m: 1) - rayleigh) < 1e-9)
      // Without correlation the past says nothing; with all of it the present does.
      #expect(abs(Outage.aged(threshold: threshold, gain: 3, correlation: 0) - rayleigh) < 1e-9)
      #expect(Outage.aged(threshold: threshold, gain: 3, correlation: 1) == 0)
      #expect(Outage.aged(threshold: threshold, gain: threshold / 2, correlation: 1) == 1)
    }
  }

  @Test(arguments: [0.3, 0.7, 0.95]) func theAgedOutageAveragesToTheOutage(rho: Double) {
    // Over all present gains (exponential, mean 1) what is foreseen must come true.
    var sum = 0.0
    let steps = 4000
    for step in 0..<steps {
      let gain = -log(1 - (Double(step) + 0.5) / Double(steps))
      sum += Outage.aged(threshold: 0.4, gain: gain, correlation: rho)
    }
    #expect(abs(sum / Double(steps) - Outage.rayleigh(threshold: 0.4, mean: 1)) < 1e-3)
  }

  @Test func levelCrossingsOfARayleighChannel() {
    // ρ = 1: √(2π)·e⁻¹·f_D = 0.922 f_D; the mean fade lasts (e^{ρ²} − 1)/(ρ f_D √(2π)).
    #expect(abs(LevelCrossing.rate(level: 1, doppler: 10) - 9.221) < 0.001)
    for level in [0.1, 0.5, 1, 1.5] {
      let closed = (exp(level * level) - 1) / (level * 10 * (2 * Double.pi).squareRoot())
      #expect(abs(LevelCrossing.meanFade(level: level, doppler: 10) - closed) < 1e-9 * (1 + closed))
    }
    #expect(LevelCrossing.rate(level: 0.3, doppler: 10, k: 6) < LevelCrossing.rate(level: 0.3, doppler: 10))
  }

  @Test func clarkesCorrelationHalvesWhereTheLiteratureSays() {
    // Power correlation J₀² = 0.5 at 0.179/f_D, amplitude 0.5 at 0.242/f_D.
    let rho = Outage.clarke(doppler: 1, delay: .milliseconds(179))
    #expect(abs(rho * rho - 0.5) < 0.005)
    #expect(abs(Outage.clarke(doppler: 1, delay: .milliseconds(242)) - 0.5) < 0.005)
  }

  /// Independent Rician powers in dBm around −60, rounded as receivers round.
  private func levels(k: Double, count: Int, step: Double, using generator: inout SeededGenerator) -> [Double] {
    (0..<count).map { _ in
      let (x, y) = generator.normals()
      let sight = (k / (k + 1)).squareRoot()
      let scatter = (1 / (2 * (k + 1))).squareRoot()
      let real = sight + scatter * x
      let imaginary = scatter * y
      let level = -60 + 10 * log10(real * real + imaginary * imaginary)
      return step > 0 ? (level / step).rounded() * step : level
    }
  }

  @Test(arguments: [0.0, 1, 3, 10]) func theIntervalOfKCoversTheTruthAsOftenAsItSays(k: Double) throws {
    var generator = SeededGenerator(seed: 11)
    var covered = 0
    var sum = 0.0
    for _ in 0..<200 {
      let sample = levels(k: k, count: 1000, step: 1, using: &generator)
      let estimate = FadingEstimate(levels: sample, spacing: .milliseconds(100))
      let interval = try #require(estimate.interval)
      if interval.contains(k) { covered += 1 }
      sum += try #require(estimate.k)
      #expect(estimate.kind == .fast || estimate.lagOne ?? 0 > 0.06)
    }
    #expect((160...194).contains(covered), "covered \(covered) of 200")
    // The least biased is K = 10; at K = 0 the estimate cannot fall below the truth.
    #expect(abs(sum / 200 - k) < 0.04 * k + 0.25)
  }

  @Test func aRunningAverageLooksLikeAChannelThatHardlyFades() throws {
    var generator = SeededGenerator(seed: 5)
    let raw = levels(k: 0, count: 2000, step: 0, using: &generator)
    var average = raw[0]
    let smooth = raw.map { level in
      average += (level - average) / 8
      return average
    }
    let honest = try #require(FadingEstimate(levels: raw, spacing: .milliseconds(100), step: 0).k)
    let fooled = FadingEstimate(levels: smooth, spacing: .milliseconds(100), step: 0)
    #expect(honest < 1 && (fooled.k ?? 0) > 8, "this is why averages are never fed")
  }

  @Test func tooFewSamplesCarryNothing() {
    var generator = SeededGenerator(seed: 2)
    let few = FadingEstimate(levels: levels(k: 0, count: 20, step: 1, using: &generator), spacing: .seconds(1))
    #expect(few.kind == .unknown && few.k == nil && few.interval == nil)
    #expect(FadingEstimate(levels: [], spacing: .seconds(1)).kind == .unknown)
    #expect(FadingEstimate(levels: [-60, .infinity, -50], spacing: .seconds(1)).kind == .unknown)
  }

  @Test func aSignalThatOnlyRoundsIsStatic() {
    let flicker = (0..<100).map { $0 % 3 == 0 ? -61.0 : -60.0 }
    #expect(FadingEstimate(levels: flicker, spacing: .milliseconds(100)).kind == .unchanging)
  }

  private func recorded(_ name: String, every: Int = 1) throws -> [Double] {
    let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(contentsOf: here.appendingPathComponent("Data/\(name).csv"), encoding: .utf8)
    let all = text.split(separator: "\n").dropFirst().compactMap { Double($0.split(separator: ",")[1]) }
    return stride(from: 0, to: all.count, by: every).map { all[$0] }
  }

  @Test func theMovingRecordingGivesTheReferenceFigures() throws {
    let levels = try recorded("wifi-signal-1khz-moving")
    let estimate = FadingEstimate(levels: levels, spacing: .milliseconds(1), step: 0)
    #expect(abs((estimate.k ?? 0) - 10.5) < 0.2)
    #expect(abs((estimate.nakagamiM ?? 0) - 6.0) < 0.1)
    #expect(abs((estimate.lagOne ?? 0) - 0.906) < 0.005)
    #expect(estimate.kind == .slow)
    #expect(abs((estimate.coherenceAtLeast ?? .zero).seconds - 0.1) < 0.02)
  }

  @Test(arguments: [(10, 0.88), (50, 0.68), (100, 0.53)])
  func takenMoreSlowlyTheRecordingForgetsItself(every: Int, lagOne: Double) throws {
    let levels = try recorded("wifi-signal-1khz-moving", every: every)
    let estimate = FadingEstimate(levels: levels, spacing: .milliseconds(every), step: 0)
    #expect(abs((estimate.lagOne ?? 0) - lagOne) < 0.04)
  }

  @Test func theRestingAccessPointIsStatic() throws {
    #expect(
      FadingEstimate(levels: try recorded("wifi-signal-ap-static"), spacing: .milliseconds(1), step: 0).kind
        == .unchanging)
  }
}
