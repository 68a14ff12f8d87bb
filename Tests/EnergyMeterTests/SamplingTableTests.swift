// How far off a request's joules are, by the way a sensor is sampled: the errors that guide the meter's choices, simulated.
// The load: 5 W idle, a request of 7 W more with a ripple of 4 W at 30 to 80 ms, as tokens come.

import EnergyMeter
import HostIO
import SiftCore
import SiftTestKit
import Testing

@Suite struct SamplingTableTests {
  /// A sensor with an averaging time of its own, in steps of 40 mW, that the meter may or may not follow.
  static func sensor(_ name: String, average: Double, every interval: Duration, declares: Bool) -> SimulatedSensor {
    SimulatedSensor(name, interval: interval) { signal, now in
      var tree: [String: SimulatedTree.Attribute] = [
        "class/powercap/arm-scmi:0/name": { "soc" },
        "class/powercap/arm-scmi:0/power_uw": {
          "\(Int((signal.mean(now() - average, now()) / 0.04).rounded()) * 40_000)"
        },
      ]
      if declares {
        tree["class/powercap/arm-scmi:0/constraint_0_time_window_us"] = {
          "\(Int(average * 1e6))"
        }
      }
      return MeterSources(sysfs: SimulatedTree(tree).root)
    }
  }

  static let snapshots10 = sensor("10 Hz, 6.6 ms", average: 0.0066, every: .milliseconds(100), declares: false)
  static let gapless10 = sensor("10 Hz, 100 ms", average: 0.1, every: .milliseconds(100), declares: true)
  static let gapless28 = sensor("28 Hz, 35 ms", average: 0.035, every: .milliseconds(35), declares: true)
  static let snapshots100 = sensor("100 Hz, 6.6 ms", average: 0.0066, every: .milliseconds(10), declares: false)
  static let gapless100 = sensor("100 Hz, 35 ms", average: 0.035, every: .milliseconds(10), declares: true)
  static let fast150 = sensor("150 Hz, 6.6 ms", average: 0.0066, every: .microseconds(6600), declares: true)

  /// Relative errors of 200 requests of one length with pauses, on a machine that is quiet beside them or not.
  /// - Parameter padded: what is expected of the meter; snapshots are never padded, for a pad would not mend them.
  private func errors(
    _ sensor: SimulatedSensor, _ length: Double, isQuiet: Bool, padded: Bool
  ) -> (bias: Double, deviation: Double) {
    var generator = SeededGenerator(seed: 23)
    var at = 15.0
    let spans = (0..<200).map { _ -> SimulatedRun.Span in
      at += 4 + Double.random(in: 0..<1, using: &generator) + length
      return SimulatedRun.Span(start: at - length, length: length)
    }
    // The run begins two seconds into the signal.
    let signal = Signal.requests(spans.map { ($0.start + 2, $0.length) }, idle: 5.013, watts: 7, ripple: 4, seed: 41)
    // The table's samples came evenly: the meter's own jitter would add to their spread.
    let run = SimulatedRun(sensor: sensor, signal: signal, isBusy: !isQuiet, isJittered: false)
    let errors = run.run(spans, seed: 29).map { outcome in
      #expect(outcome.reading.isPadded == padded)
      return outcome.error / outcome.truth
    }
    let mean = errors.reduce(0, +) / Double(errors.count)
    let square = errors.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(errors.count - 1)
    return (mean, square.squareRoot())
  }

  /// One row of the table: relative bias and spread, in percent, that such a sampling was simulated to have.
  struct Row: Sendable, CustomStringConvertible {
    let sensor: SimulatedSensor
    let length: Double
    let bias: Double?
    let deviation: Double
    var description: String { "\(sensor.name) over \(length) s" }
  }

  static let unpadded: [Row] = [
    Row(sensor: snapshots10, length: 0.2, bias: -9.6, deviation: 7.9),
    Row(sensor: snapshots10, length: 1, bias: -2.1, deviation: 4.1),
    Row(sensor: snapshots10, length: 5, bias: nil, deviation: 1.5),
    Row(sensor: gapless10, length: 0.2, bias: -12, deviation: 2.4),
    Row(sensor: gapless10, length: 1, bias: -2.5, deviation: 0.47),
    Row(sensor: gapless10, length: 5, bias: nil, deviation: 0.10),
    Row(sensor: snapshots100, length: 0.2, bias: -1.2, deviation: 0.5),
    Row(sensor: snapshots100, length: 1, bias: nil, deviation: 0.24),
    Row(sensor: snapshots100, length: 5, bias: nil, deviation: 0.09),
    Row(sensor: gapless100, length: 0.2, bias: -3.1, deviation: 0.25),
    Row(sensor: gapless100, length: 1, bias: nil, deviation: 0.07),
    Row(sensor: gapless100, length: 5, bias: nil, deviation: 0.04),
    Row(sensor: fast150, length: 0.2, bias: -0.9, deviation: 0.14),
    Row(sensor: fast150, length: 1, bias: nil, deviation: 0.02),
    Row(sensor: fast150, length: 5, bias: nil, deviation: 0.00),
  ]
  static let padded: [Row] = [
    Row(sensor: snapshots10, length: 0.2, bias: nil, deviation: 9.2),
    Row(sensor: snapshots10, length: 1, bias: nil, deviation: 3.6),
    Row(sensor: snapshots10, length: 5, bias: nil, deviation: 2.0),
    Row(sensor: gapless10, length: 0.2, bias: nil, deviation: 0.08),
    Row(sensor: gapless10, length: 1, bias: nil, deviation: 0.04),
    Row(sensor: gapless10, length: 5, bias: nil, deviation: 0.04),
    Row(sensor: gapless28, length: 0.2, bias: nil, deviation: 0.05),
    Row(sensor: gapless28, length: 1, bias: nil, deviation: 0.03),
    Row(sensor: gapless28, length: 5, bias: nil, deviation: 0.03),
    Row(sensor: fast150, length: 0.2, bias: nil, deviation: 0.07),
    Row(sensor: fast150, length: 1, bias: nil, deviation: 0.07),
    Row(sensor: fast150, length: 5, bias: nil, deviation: 0.07),
  ]

  /// In kind: the spread within a factor of two, or the last twentieth of a percent; the bias within a third.
  @Test(arguments: unpadded)
  func windowsThatCannotBePaddedAreOffAsTheTableSays(row: Row) {
    expect(errors(row.sensor, row.length, isQuiet: false, padded: false), row)
  }

  @Test(arguments: padded)
  func paddedWindowsAreOffAsTheTableSays(row: Row) {
    expect(errors(row.sensor, row.length, isQuiet: true, padded: row.sensor.name != Self.snapshots10.name), row)
  }

  private func expect(_ error: (bias: Double, deviation: Double), _ row: Row) {
    let (bias, deviation) = (error.bias * 100, error.deviation * 100)
    #expect((row.deviation / 2 - 0.05...row.deviation * 2 + 0.05).contains(deviation), "\(row): \(deviation) %")
    if let expected = row.bias {
      #expect(abs(bias - expected) <= abs(expected) / 3 + 0.3, "\(row): \(bias) %")
    }
  }

  /// What others do: the reading of the moment times the time since the last one. Within a factor of two and a half: the
  /// spread of a few readings a request depends on where the request begins, and the table does not say how that was drawn.
  @Test(arguments: [(1.0, 0.2, 200.0), (1, 1, 20), (1, 5, 13.5), (10, 0.2, 9.8), (10, 1, 3.6), (10, 5, 2.5)])
  func theReadingOfTheMomentTimesTheIntervalIsOffAsTheTableSays(hertz: Double, length: Double, deviation: Double) {
    var errors: [Double] = []
    for phase in 0..<400 {
      let start = 2 + Double(phase) / 400 / hertz
      let signal = Signal.requests([(start, length)], idle: 5, watts: 7, ripple: 4, seed: UInt64(phase))
      var joules = 0.0
      for tick in Int((start * hertz).rounded(.up))...Int(((start + length) * hertz).rounded(.up)) {
        joules += signal.mean(Double(tick) / hertz - 0.0066, Double(tick) / hertz) / hertz
      }
      errors.append(joules / (signal.energy(start + length) - signal.energy(start)) - 1)
    }
    let mean = errors.reduce(0, +) / 400
    let spread = (errors.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 399).squareRoot() * 100
    #expect((deviation / 2.5...deviation * 2.5).contains(spread), "\(spread) %")
  }

  @Test func unpaddedWindowsLoseAtTheirEdgesWhatTheIntervalSmears() {
    // Bias and spread at one second: about −0.43 · ΔP · h of bias where averages are gapless.
    let gapless = errors(Self.gapless10, 1, isQuiet: false, padded: false)
    #expect((-0.035 ... -0.018).contains(gapless.bias) && gapless.deviation < 0.008, "\(gapless)")
    let fast = errors(Self.fast150, 1, isQuiet: false, padded: false)
    #expect(abs(fast.bias) < 0.004 && fast.deviation < 0.002, "\(fast)")
    let snapshots = errors(Self.snapshots10, 1, isQuiet: false, padded: false)
    #expect((0.02...0.07).contains(snapshots.deviation), "\(snapshots)")
    #expect(gapless.deviation < snapshots.deviation / 4)
  }

  @Test(arguments: [(0.2, 0.004), (1, 0.002), (5, 0.001)])
  func paddedGaplessWindowsAreRightAtTenHertz(length: Double, most: Double) {
    for sensor in [Self.gapless10, Self.gapless28] {
      let error = errors(sensor, length, isQuiet: true, padded: true)
      #expect(abs(error.bias) < most && error.deviation < most, "\(sensor.name) at \(length) s: \(error)")
    }
  }

  @Test func rectanglesOfTheLatestReadingAreWorse() {
    // The twin that others use: power now times the time since the last reading, begun and ended at readings.
    var worst: [Double] = []
    for phase in 0..<200 {
      let start = 2 + Double(phase) / 200
      let signal = Signal.requests([(start, 1)], idle: 5, watts: 7, ripple: 4, seed: UInt64(phase))
      var joules = 0.0
      for tick in Int((start * 10).rounded(.up))...Int(((start + 1) * 10).rounded(.down)) {
        joules += signal.mean(Double(tick) / 10 - 0.0066, Double(tick) / 10) * 0.1
      }
      worst.append(abs(joules / (signal.energy(start + 1) - signal.energy(start)) - 1))
    }
    #expect((worst.max() ?? 0) > 0.08)
  }
}
