// Drift is told once, and only when it is there.

import SiftPolicy
import SiftTestKit
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@Suite struct DriftCheckTests {
  /// Books `count` samples whose measured error is `factor` times the predicted one in the mean, with an exponential
  /// scatter. - Returns: the events.
  static func book(
    _ check: inout DriftCheck, _ count: Int, factor: Double, _ random: inout SeededGenerator
  ) -> [DriftCheck.Event] {
    (0..<count).compactMap { _ in
      let predicted = Double.random(in: 0.001...0.02, using: &random)
      let scatter = -log(Double.random(in: Double.leastNormalMagnitude...1, using: &random))
      return check.book(predicted: predicted, measured: predicted * factor * scatter)
    }
  }

  @Test func aCalibrationThatHoldsIsNeverComplainedAbout() {
    var random = SeededGenerator(seed: 61)
    var check = DriftCheck()
    // 1.2 lies within the bounds too.
    #expect(Self.book(&check, 50_000, factor: 1, &random).isEmpty)
    #expect(Self.book(&check, 50_000, factor: 1.2, &random).isEmpty)
    #expect(check.samples == 100_000 && !check.hasDrifted)
  }

  @Test(arguments: [2.0, 0.4]) func driftIsToldOnceAndItsEndOnce(_ factor: Double) throws {
    var random = SeededGenerator(seed: 62)
    var check = DriftCheck()
    #expect(Self.book(&check, 2_000, factor: 1, &random).isEmpty)
    let events = Self.book(&check, 5_000, factor: factor, &random)
    guard case .drifted(let ratio) = try #require(events.first) else {
      Issue.record("\(events)")
      return
    }
    #expect(events.count == 1 && check.hasDrifted && (factor > 1 ? ratio > 1.5 : ratio < 1 / 1.5))
    let after = Self.book(&check, 5_000, factor: 1, &random)
    guard case .settled = try #require(after.first) else {
      Issue.record("\(after)")
      return
    }
    #expect(after.count == 1 && !check.hasDrifted)
  }

  @Test func aRatioAtTheBorderDoesNotFlap() {
    var random = SeededGenerator(seed: 63)
    var check = DriftCheck()
    #expect(Self.book(&check, 200_000, factor: 1.5, &random).count <= 2)
  }

  @Test func aFewWildSamplesAreNoDrift() {
    var check = DriftCheck()
    #expect(check.book(predicted: 0.01, measured: 5) == nil)
    #expect(check.book(predicted: 0.01, measured: 0) == nil)
    for _ in 0..<30 { #expect(check.book(predicted: 0.01, measured: 0.01) == nil) }
    var small = DriftCheck(memory: 4)
    #expect(small.standardError == .infinity && small.ratio == nil)
    #expect(small.book(predicted: 0.01, measured: 5) == nil && small.standardError == .infinity)
  }

  @Test func theStandardErrorIsTheSpreadOfTheRatio() {
    // Many short runs: the ratios scatter as the check itself says they do.
    var random = SeededGenerator(seed: 64)
    var ratios: [Double] = []
    var told = 0.0
    for _ in 0..<2_000 {
      var check = DriftCheck(memory: 100_000)
      _ = Self.book(&check, 200, factor: 1, &random)
      ratios.append(check.ratio ?? .nan)
      told += check.standardError
    }
    let mean = ratios.reduce(0, +) / Double(ratios.count)
    let spread = (ratios.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(ratios.count)).squareRoot()
    #expect(abs(told / Double(ratios.count) / spread - 1) < 0.06)
  }

  @Test func nonsenseIsLeftOut() {
    var check = DriftCheck()
    for (p, m) in [(-1.0, 1.0), (1, -1), (.nan, 1), (1, .nan), (.infinity, 1), (1, .infinity), (0, 0)] {
      #expect(check.book(predicted: p, measured: m) == nil)
    }
    #expect(check.samples == 0)
  }
}
