// How fast a channel changes, estimated from channels whose speed is known.

import Foundation
import LinkMonitor
import SiftCore
import SiftTestKit
import Testing

@Suite struct DopplerTests {
  private func estimate(_ levels: [Double], rate: Double) -> FadingEstimate {
    FadingEstimate(levels: levels, spacing: .seconds(1 / rate))
  }

  // Ten frames or more in a period of the shift, forty periods or more.
  @Test(arguments: [(1.0, 20.0), (2, 20), (5, 50), (10, 100), (20, 250)], [0.0, 1, 3, 10])
  func theShiftIsFoundWithin20Percent(_ channel: (Double, Double), k: Double) {
    let (doppler, rate) = channel
    var generator = SeededGenerator(seed: 17 + UInt64(doppler))
    let answers = Answers(of: 40, doppler: doppler) {
      let process = FadingProcess(doppler: doppler, k: k, using: &generator)
      let fading = estimate(process.levels(rate: rate, count: 1200), rate: rate)
      #expect(fading.kind == .slow)
      return fading.doppler
    }
    #expect(answers.found.count >= 38, "\(answers)")
    #expect(answers.within20Percent >= 0.95, "\(answers)")
    #expect(answers.covered >= 0.9, "\(answers)")
    #expect(abs(answers.median - 1) < 0.02, "\(answers)")
  }

  // From 1 to 20 Hz at the slowest rate that carries them, with the fewest periods, from scatterers anywhere, or with frames
  // missing. Where too little is left no answer comes; where one comes it is right.
  @Test(arguments: Hardship.allCases, [0.0, 1, 3, 10])
  func anAnswerIsRightHoweverLittleThereIs(_ hardship: Hardship, k: Double) {
    var generator = SeededGenerator(seed: 29)
    var ratios: [Answers] = []
    for doppler in stride(from: 1.0, through: 20, by: 1) {
      let rate = doppler * hardship.samplesAPeriod
      ratios.append(
        Answers(of: 6, doppler: doppler) {
          let process = FadingProcess(
            doppler: doppler, k: k, isEven: hardship != .anywhere, using: &generator)
          let levels = process.levels(rate: rate, count: hardship.count)
          let kept = levels.indices.filter { _ in
            Double.random(in: 0..<1, using: &generator) >= hardship.missing
          }
          return SampleGrid(times: kept.map { Double($0) / rate }, levels: kept.map { levels[$0] })
            .flatMap { FadingEstimate($0).doppler }
        })
    }
    let all = Answers(ratios)
    #expect(Double(all.found.count) >= hardship.leastAnswers * 120, "\(all)")
    #expect(all.within20Percent >= 0.95, "\(all)")
    #expect(all.covered >= 0.85, "\(all)")
  }

  enum Hardship: CaseIterable {
    case slowFrames, fewPeriods, anywhere, missingFrames

    var samplesAPeriod: Double { self == .slowFrames ? 8.4 : 12 }
    var count: Int { self == .fewPeriods ? 264 : 1200 }
    var missing: Double { self == .missingFrames ? 0.35 : 0 }
    /// Share of the runs that must be answered.
    var leastAnswers: Double { self == .fewPeriods || self == .missingFrames ? 0.7 : 0.95 }
  }

  /// What came of some runs of a known shift.
  struct Answers: CustomStringConvertible {
    /// Estimates ÷ truth, where one was given; rising.
    private(set) var found: [Double] = []
    private var holding = 0

    init(of runs: Int, doppler: Double, _ run: () -> DopplerEstimate?) {
      for _ in 0..<runs {
        guard let estimate = run() else { continue }
        found.append(estimate.hertz / doppler)
        if estimate.interval.contains(doppler) { holding += 1 }
      }
      found.sort()
    }

    init(_ parts: [Answers]) {
      found = parts.flatMap(\.found).sorted()
      holding = parts.reduce(0) { $0 + $1.holding }
    }

    var within20Percent: Double { share(found.count { abs($0 - 1) <= 0.2 }) }
    /// How often the interval holds the truth.
    var covered: Double { share(holding) }
    var median: Double { found.isEmpty ? .nan : found[found.count / 2] }
    private func share(_ count: Int) -> Double { Double(count) / Double(max(1, found.count)) }

    var description: String {
      "\(found.count) answers, \(within20Percent) within 20 %, intervals hold \(covered), median \(median), "
        + "from \(found.first ?? .nan) to \(found.last ?? .nan)"
    }
  }

  // At 10 frames a second anything above a walk of 15 cm/s is beyond what can be told.
  @Test(arguments: [(2.0, 10.0), (5, 10), (8, 10), (20, 20), (20, 50), (17, 100)])
  func aShiftThatTheFramesCannotCarryIsRefused(_ channel: (Double, Double)) {
    let (doppler, rate) = channel
    var generator = SeededGenerator(seed: 23)
    for _ in 0..<20 {
      let process = FadingProcess(doppler: doppler, k: 0, using: &generator)
      let fading = estimate(process.levels(rate: rate, count: 1200), rate: rate)
      #expect(fading.doppler == nil)
      // What is said instead is true: the correlation halves after 0.179/f_D.
      let half = 0.179 / doppler
      if let bound = fading.coherenceAtMost?.seconds { #expect(bound > half * 0.8) }
      if let bound = fading.coherenceAtLeast?.seconds { #expect(bound < half * 1.25) }
      if half < 0.8 / rate { #expect(fading.kind == .fast) }
    }
  }

  @Test func tooShortAStretchCarriesABoundOnly() {
    var generator = SeededGenerator(seed: 3)
    let process = FadingProcess(doppler: 1, k: 0, using: &generator)
    let fading = estimate(process.levels(rate: 50, count: 500), rate: 50)
    #expect(fading.doppler == nil && fading.kind == .slow && fading.coherenceAtLeast != nil)
  }

  @Test func holesInTheSamplesDoNotChangeTheAnswer() throws {
    var generator = SeededGenerator(seed: 41)
    let process = FadingProcess(doppler: 2, k: 0, using: &generator)
    let levels = process.levels(rate: 20, count: 1200)
    var times: [Double] = []
    var heard: [Double] = []
    for (at, level) in levels.enumerated() where Double.random(in: 0..<1, using: &generator) < 0.6 {
      times.append(Double(at) / 20)
      heard.append(level)
    }
    let grid = try #require(SampleGrid(times: times, levels: heard))
    #expect(abs(grid.spacing - 0.05) < 1e-9 && grid.count == heard.count && grid.powers.count > heard.count)
    let holed = try #require(FadingEstimate(grid).doppler)
    #expect(abs(holed.hertz - 2) < 0.4)
  }

  // Without the fades' floors a channel without a line of sight looks like one of twice the shift with it.
  @Test(arguments: [0.03, 0.1, 0.3, 0.5]) func framesLostInFadesMakeNoOtherSpeed(floor: Double) {
    var generator = SeededGenerator(seed: 47)
    var turn = 0
    let answers = Answers(of: 60, doppler: 5) {
      turn += 1
      let process = FadingProcess(doppler: 5, k: [0, 1, 3][turn % 3], using: &generator)
      let levels = process.levels(rate: 100, count: 1200)
      let kept = levels.indices.filter { levels[$0] >= -60 + 10 * log10(floor) }
      return SampleGrid(times: kept.map { Double($0) / 100 }, levels: kept.map { levels[$0] })
        .flatMap { FadingEstimate($0).doppler }
    }
    #expect(answers.found.isEmpty || answers.within20Percent >= 0.95, "\(answers)")
    if floor <= 0.1 { #expect(answers.found.count >= 54, "\(answers)") }
  }

  @Test func whatWasHeardUnderTrafficIsEnough() throws {
    var generator = SeededGenerator(seed: 43)
    let process = FadingProcess(doppler: 5, k: 0, using: &generator)
    // Beacons for fifty seconds, ten a second; then frames for six seconds, a hundred a second.
    let times = (0..<500).map { Double($0) / 10 } + (0..<600).map { 50 + Double($0) / 100 }
    let levels = times.map { (-60 + 10 * log10(process.power(at: $0))).rounded() }
    let grid = try #require(SampleGrid(times: times, levels: levels))
    #expect(abs(grid.spacing - 0.01) < 1e-6 && grid.count < grid.powers.count / 4)
    let found = try #require(FadingEstimate(grid).doppler)
    #expect(abs(found.hertz - 5) < 0.25)
  }

  @Test func correlationIsClarkesAndHalvesWhereItShould() {
    for phase in [0.0, 0.5, 1, 2, 3] {
      #expect(DopplerEstimate.powerCorrelation(phase: phase, k: 0) == j0(phase) * j0(phase))
      // A strong line of sight leaves the correlation of the amplitude.
      #expect(abs(DopplerEstimate.powerCorrelation(phase: phase, k: 1e5) - j0(phase)) < 1e-4)
    }
    #expect(abs(DopplerEstimate.coherence(hertz: 10).seconds - 0.0179) < 1e-4)
    #expect(abs(DopplerEstimate.coherence(hertz: 10, k: 1e6).seconds - 0.0242) < 1e-4)
  }

  @Test func theDrawnChannelHasTheCorrelationItClaims() {
    var generator = SeededGenerator(seed: 8)
    var sums = [Double](repeating: 0, count: 5)
    let runs = 60
    for _ in 0..<runs {
      let process = FadingProcess(doppler: 5, k: 0, using: &generator)
      let powers = (0..<4000).map { process.power(at: Double($0) / 100) }
      let grid = SampleGrid(powers: powers, spacing: 0.01)
      for lag in 0..<5 { sums[lag] += grid.correlation(lag: lag) }
    }
    for lag in 1..<5 {
      let expected = DopplerEstimate.powerCorrelation(phase: 2 * .pi * 5 * Double(lag) / 100, k: 0)
      #expect(abs(sums[lag] / Double(runs) - expected) < 0.03)
    }
  }
}
