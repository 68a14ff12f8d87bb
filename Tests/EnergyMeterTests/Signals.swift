// Powers over time whose energy is known in closed form.

import Foundation
import SiftTestKit
import Testing

/// A power over time, by its energy since 0 s.
struct Signal: Sendable, CustomTestStringConvertible {
  let name: String
  /// Energy from 0 s to `t`, in joules; never falls.
  let energy: @Sendable (Double) -> Double
  var testDescription: String { name }

  /// Mean power between two times, in watts.
  func mean(_ from: Double, _ to: Double) -> Double { (energy(to) - energy(from)) / (to - from) }

  static func constant(_ watts: Double) -> Signal { Signal(name: "constant") { watts * $0 } }

  /// Rises from `low` by `slope` for `period`, and starts again.
  static func ramp(low: Double, slope: Double, period: Double) -> Signal {
    let whole = low * period + slope * period * period / 2
    return Signal(name: "ramp") { t in
      let periods = (t / period).rounded(.down)
      let rest = t - periods * period
      return periods * whole + low * rest + slope * rest * rest / 2
    }
  }

  static func square(low: Double, high: Double, period: Double, duty: Double) -> Signal {
    let whole = period * (low + (high - low) * duty)
    return Signal(name: "square") { t in
      let periods = (t / period).rounded(.down)
      let rest = t - periods * period
      return periods * whole + low * rest + (high - low) * min(rest, duty * period)
    }
  }

  static func sine(mean: Double, amplitude: Double, hertz: Double) -> Signal {
    let omega = 2 * Double.pi * hertz
    return Signal(name: "sine") { mean * $0 + amplitude * (1 - cos(omega * $0)) / omega }
  }

  /// Bursts of one length and height that begin at random over an idle power; they may overlap.
  static func poisson(idle: Double, height: Double, length: Double, rate: Double, until end: Double, seed: UInt64)
    -> Signal
  {
    var generator = SeededGenerator(seed: seed)
    var starts: [Double] = []
    var at = 0.0
    while at < end {
      at += -log(1 - Double.random(in: 0..<1, using: &generator)) / rate
      starts.append(at)
    }
    let pulses = starts.map { Pulse(start: $0, length: length, watts: height) }
    return Signal(name: "Poisson bursts", idle: idle, pulses: pulses)
  }

  /// Requests over an idle power: each draws `watts` more, and half of `ripple` more and less by turns at a period of its
  /// own, as the tokens come.
  static func requests(
    _ spans: [(start: Double, length: Double)], idle: Double, watts: Double, ripple: Double, seed: UInt64
  ) -> Signal {
    var generator = SeededGenerator(seed: seed)
    var pulses: [Pulse] = []
    for span in spans {
      let period = Double.random(in: 0.03..<0.08, using: &generator)
      pulses.append(Pulse(start: span.start, length: span.length, watts: watts - ripple / 2))
      var at = span.start - Double.random(in: 0..<period, using: &generator)
      while at < span.start + span.length {
        let from = max(at, span.start)
        let to = min(at + period / 2, span.start + span.length)
        if to > from { pulses.append(Pulse(start: from, length: to - from, watts: ripple)) }
        at += period
      }
    }
    return Signal(name: "token cadence", idle: idle, pulses: pulses)
  }
}

/// A rectangle of power.
private struct Pulse: Sendable {
  let start: Double
  let length: Double
  let watts: Double
}

extension Signal {
  fileprivate init(name: String, idle: Double, pulses: [Pulse]) {
    let sorted = pulses.sorted { $0.start < $1.start }
    let starts = sorted.map(\.start)
    // Energy of all pulses that have surely ended, by how many have begun; the longest says which may still run.
    var sums = [0.0]
    for pulse in sorted { sums.append(sums[sums.count - 1] + pulse.watts * pulse.length) }
    let longest = pulses.map(\.length).max() ?? 0
    let (prefix, last) = (sums, longest)
    self.init(name: name) { t in
      let begun = Self.count(starts, upTo: t)
      let ended = Self.count(starts, upTo: t - last)
      var energy = idle * t + prefix[ended]
      for pulse in sorted[ended..<begun] { energy += pulse.watts * min(pulse.length, t - pulse.start) }
      return energy
    }
  }

  private static func count(_ starts: [Double], upTo t: Double) -> Int {
    var low = 0
    var high = starts.count
    while low < high {
      let middle = (low + high) / 2
      if starts[middle] <= t { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
