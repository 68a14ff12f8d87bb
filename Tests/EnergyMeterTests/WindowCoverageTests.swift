// Does the stated uncertainty hold? A thousand windows for every signal on every kind of sensor.

import EnergyMeter
import SiftCore
import SiftTestKit
import Testing

@Suite struct WindowCoverageTests {
  static let spans = SimulatedRun.spans(1000, lengths: 0.3...3, pauses: 0.2...1.5, seed: 11)
  static let end = spans[spans.count - 1].end + 10

  static let signals: [Signal] = [
    .constant(7.013),
    .ramp(low: 5, slope: 1, period: 10),
    .square(low: 5, high: 12, period: 1.37, duty: 0.4),
    .sine(mean: 10, amplitude: 4, hertz: 0.7),
    .poisson(idle: 5.01, height: 8, length: 0.06, rate: 4, until: end, seed: 3),
    // The run begins two seconds into the signal.
    .requests(
      spans.map { ($0.start + 2, $0.length) }, idle: 5.013, watts: 7, ripple: 4, seed: 5),
  ]

  @Test(arguments: signals, SimulatedSensor.all)
  func theErrorOfSettledWindowsIsWithinTwiceItsUncertainty(signal: Signal, sensor: SimulatedSensor) {
    expectCoverage(SimulatedRun(sensor: sensor, signal: signal))
  }

  @Test(arguments: signals, SimulatedSensor.all)
  func theErrorOfWindowsClosedAtOnceIsWithinTwiceItsUncertainty(signal: Signal, sensor: SimulatedSensor) {
    expectCoverage(SimulatedRun(sensor: sensor, signal: signal, closing: .atOnce))
  }

  private func expectCoverage(_ run: SimulatedRun) {
    let outcomes = run.run(Self.spans, seed: 17)
    #expect(outcomes.count == 1000)
    // These sensors have no error of gain or zero, so none may be allowed for.
    let within = outcomes.count { outcome in
      abs(outcome.error) <= 2 * (outcome.reading.terms?.repeatability.joules ?? 0) + 2e-6
    }
    let sizes = outcomes.map { ($0.reading.terms?.repeatability.joules ?? 0) / $0.truth }.sorted()
    #expect(within >= 950, "\(within) of 1000")
    // A bound that is never wrong because it is enormous would be worth nothing.
    let most = run.sensor.name == SimulatedSensor.battery.name ? 3 : 0.3
    #expect(sizes[sizes.count / 2] < most, "the median uncertainty is \(sizes[sizes.count / 2] * 100) %")
    #expect(outcomes.allSatisfy { $0.reading.coverage > 0.99 })
  }
}
