// Simulated channels against the laws they are made by.

import SiftCore
import SiftSimulation
import SiftTestKit
import Testing

@Suite struct FadingProcessTests {
  /// Means over independent processes of `value`.
  private func mean(_ count: Int, seed: UInt64, _ value: (FadingProcess, inout SeededGenerator) -> Double, k: Double)
    -> Double
  {
    var random = SeededGenerator(seed: seed)
    var sum = 0.0
    for _ in 0..<count {
      let process = FadingProcess(riceFactor: k, doppler: 10, using: &random)
      sum += value(process, &random)
    }
    return sum / Double(count)
  }

  @Test(arguments: [0.0, 1, 3, 10])
  func theGainHasMeanOneAndTheRiceLawsSecondMoment(k: Double) {
    let first = mean(20_000, seed: 1, { process, random in process.gain(at: random.unitDraw() * 100) }, k: k)
    let second = mean(
      20_000, seed: 2,
      { process, random in
        let gain = process.gain(at: random.unitDraw() * 100)
        return gain * gain
      }, k: k)
    #expect(abs(first - 1) < 0.02)
    // E g² = 1 + (1 + 2K)/(1 + K)².
    let expected = 1 + (1 + 2 * k) / ((1 + k) * (1 + k))
    #expect(abs(second - expected) < 0.05 * expected)
  }

  @Test(arguments: [0.005, 0.01, 0.02, 0.03])
  func rayleighPowerIsCorrelatedByTheSquareOfJ0(lag: Double) {
    let product = mean(
      20_000, seed: 3,
      { process, random in
        let time = random.unitDraw() * 100
        return process.gain(at: time) * process.gain(at: time + lag)
      }, k: 0)
    let rho = SpecialFunctions.besselJ0(2 * .pi * 10 * lag)
    // Cov(g, g′) = ρ² for unit mean power.
    #expect(abs(product - 1 - rho * rho) < 0.05)
  }

  @Test func theSameTimeGivesTheSameGainInAnyOrder() {
    var random = SeededGenerator(seed: 9)
    let process = FadingProcess(riceFactor: 2, doppler: 7, using: &random)
    let forward = [0.0, 0.1, 0.2].map(process.gain(at:))
    let backward = [0.2, 0.1, 0.0].map(process.gain(at:))
    #expect(forward == Array(backward.reversed()))
  }

  @Test(arguments: [0.5, 1, 2, 6])
  func gammaDrawsHaveMeanOneAndVarianceOneOverShape(shape: Double) {
    var random = SeededGenerator(seed: 4)
    var (sum, squares) = (0.0, 0.0)
    for _ in 0..<40_000 {
      let draw = random.gammaDraw(shape: shape)
      sum += draw
      squares += draw * draw
    }
    let mean = sum / 40_000
    #expect(abs(mean - 1) < 0.03)
    #expect(abs(squares / 40_000 - mean * mean - 1 / shape) < 0.06 / shape)
  }
}
