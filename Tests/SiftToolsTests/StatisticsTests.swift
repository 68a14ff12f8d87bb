// Statistics against published tables and against a second way to the same figure.

import SiftTools
import Testing

@Suite("Statistics")
struct StatisticsTests {
  /// Two-sided 95 % and other quantiles as statistics tables print them.
  @Test(
    "Student's t has the quantiles of the tables",
    arguments: [
      (0.975, 1, 12.7062), (0.975, 2, 4.30265), (0.975, 3, 3.18245), (0.975, 7, 2.36462), (0.975, 10, 2.22814),
      (0.975, 30, 2.04227), (0.975, 100, 1.98397), (0.95, 5, 2.01505), (0.995, 4, 4.60409), (0.90, 20, 1.32534),
      (0.975, 100000, 1.95999),
    ])
  func tableQuantiles(probability: Double, degrees: Double, expected: Double) {
    let quantile = Statistics.tQuantile(probability, degreesOfFreedom: degrees)
    #expect(abs(quantile - expected) < 1e-5 * expected)
    #expect(abs(Statistics.tQuantile(1 - probability, degreesOfFreedom: degrees) + quantile) < 1e-9)
    #expect(abs(Statistics.tDistribution(quantile, degreesOfFreedom: degrees) - probability) < 1e-12)
  }

  @Test("Student's t with one degree of freedom is Cauchy's distribution")
  func cauchy() {
    // F(1) = 3/4, F(-1) = 1/4, F(0) = 1/2.
    #expect(abs(Statistics.tDistribution(1, degreesOfFreedom: 1) - 0.75) < 1e-13)
    #expect(abs(Statistics.tDistribution(-1, degreesOfFreedom: 1) - 0.25) < 1e-13)
    #expect(abs(Statistics.tDistribution(0, degreesOfFreedom: 1) - 0.5) < 1e-13)
  }

  @Test("The mean's interval is that of the worked example")
  func meanInterval() {
    // 1…5: mean 3, s = sqrt(2.5), half width 2.77645 · s / sqrt(5).
    let estimate = Statistics.meanInterval([1, 2, 3, 4, 5])
    #expect(estimate.value == 3)
    #expect(abs(estimate.high - 4.96324) < 1e-5)
    #expect(abs(estimate.low - 1.03676) < 1e-5)
  }

  @Test("One figure has a mean and no interval")
  func singleFigure() {
    let estimate = Statistics.meanInterval([2])
    #expect(estimate.value == 2)
    #expect(estimate.low == -.infinity && estimate.high == .infinity)
  }

  @Test("A ratio that every pair shares is found without spread, whatever the prompts cost")
  func constantRatio() throws {
    let estimate = try #require(Statistics.pairedRatio(first: [1, 10, 100], second: [0.5, 5, 50]))
    #expect(abs(estimate.value - 0.5) < 1e-12)
    #expect(abs(estimate.high - estimate.low) < 1e-12)
  }

  @Test("Twice and half cancel, and the interval is symmetric in ratios")
  func symmetricRatio() throws {
    let estimate = try #require(Statistics.pairedRatio(first: [1, 1], second: [2, 0.5]))
    #expect(abs(estimate.value - 1) < 1e-12)
    #expect(abs(estimate.low * estimate.high - 1) < 1e-9)
  }

  @Test("Figures that have no ratio give none")
  func noRatio() {
    #expect(Statistics.pairedRatio(first: [1, 0], second: [1, 1]) == nil)
    #expect(Statistics.pairedRatio(first: [1], second: [1, 1]) == nil)
    #expect(Statistics.pairedRatio(first: [], second: []) == nil)
    #expect(Statistics.pairedRatio(first: [.nan], second: [1]) == nil)
  }
}
