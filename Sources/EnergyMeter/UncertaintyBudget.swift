// How wrong the energy of a window may be: the terms of GUM's root sum of squares for one rail.

import SiftCore

/// The facts about one rail in one window that its uncertainty follows from. Seconds, watts and joules throughout.
package struct UncertaintyBudget: Sendable, Hashable {
  /// Energy of the window.
  package var joules = 0.0
  /// Length of the window, padding included.
  package var seconds = 0.0
  /// Time between samples.
  package var interval = 0.0
  /// Time that one reading averages over, as a part of `interval`: 1 and more is gapless, 0 a snapshot.
  package var averaged = 0.0
  /// Step of the sensor; 0 when it has none that matters.
  package var step = 0.0
  /// Time in which power moved by less than half a step from sample to sample.
  package var flat = 0.0
  /// Step of the voltage that a power is computed from, relative to the voltage.
  package var voltageStep = 0.0
  /// Σ (ΔP · interval)² from sample to sample, in J².
  package var stepsSquared = 0.0
  /// ΔP that an edge of the window may smear, and the time it is smeared over; 0 in a padded window.
  package var edge = 0.0
  package var smear = 0.0
  /// Power at the ends, and the age that a counter's figure may have there.
  package var endPower = 0.0
  package var age = 0.0
  /// Relative standard uncertainty of the gain; nil when nobody knows it.
  package var gain: Double?
  /// Standard uncertainty of the zero point.
  package var offset = 0.0

  package init() {}

  /// q/√12 for each sample where the signal dithers over the step; a constant error of q/√12 for as long as it is flat.
  package var quantisation: Double {
    let deviation = step / 12.0.squareRoot()
    let flat = min(flat, seconds)
    let power = deviation * (flat * flat + (seconds - flat) * interval).squareRoot()
    let voltage = voltageStep / 12.0.squareRoot() * joules
    return (power * power + voltage * voltage).squareRoot()
  }

  /// What samples do not show. At each end a step may fall anywhere within a sampling interval: ΔP·h/√12. Between
  /// snapshots of an uncorrelated signal each interval is off by as much as its neighbours differ: Σ(ΔP·h)²/2 (von
  /// Neumann's estimate of the variance). Averages leave out only what lies between them. Where they fill the interval the
  /// device's beat still slips against the meter's, and a sample counts twice or not at all, as often as the beats differ; a
  /// tenth is allowed for (data sheets give conversion times to ±10 %).
  package var edges: Double {
    let ends = edge * smear * (2.0 / 12).squareRoot()
    let missed = min(1, max(0.1, abs(1 - averaged)))
    let between = stepsSquared * missed / 2
    let lag = endPower * age * (2.0 / 12).squareRoot()
    return (ends * ends + between + lag * lag).squareRoot()
  }

  /// Shunt and converter: a fixed factor, so it cancels in ratios of two windows of one machine. nil when not known.
  package var calibration: Double? { gain.map { $0 * abs(joules) } }

  /// The zero point's error over the window: cancels in differences of windows of one length.
  package var zero: Double { offset * seconds }

  package var terms: UncertaintyTerms {
    UncertaintyTerms(
      quantisation: .joules(quantisation), edges: .joules(edges), gain: calibration.map { .joules($0) },
      offset: .joules(zero), idle: .zero)
  }
}

/// The parts of a window's standard uncertainty (k = 1).
public struct UncertaintyTerms: Sendable, Hashable {
  /// Steps of the sensor.
  public var quantisation: Energy
  /// Ends of the window, and what happens between two samples.
  public var edges: Energy
  /// Shunts and converters; nil when it is not known for a rail.
  public var gain: Energy?
  /// Zero points of the sensors.
  public var offset: Energy
  /// Idle energy that was subtracted for padding.
  public var idle: Energy

  public static let none = UncertaintyTerms(quantisation: .zero, edges: .zero, gain: .zero, offset: .zero, idle: .zero)

  /// What differs from window to window of one machine: all but gain and offset, which cancel when windows are compared.
  public var repeatability: Energy { Self.root([quantisation, edges, idle]) }

  /// Everything; nil when the gain is not known.
  public var combined: Energy? { gain.map { Self.root([quantisation, edges, $0, offset, idle]) } }

  /// The terms of a sum of rails. Steps and shunts have nothing to do with one another; a load that changes moves all
  /// rails at once, so edges add up.
  public static func + (a: UncertaintyTerms, b: UncertaintyTerms) -> UncertaintyTerms {
    var sum = UncertaintyTerms(
      quantisation: root([a.quantisation, b.quantisation]), edges: a.edges + b.edges, gain: nil,
      offset: root([a.offset, b.offset]), idle: root([a.idle, b.idle]))
    if let first = a.gain, let second = b.gain { sum.gain = root([first, second]) }
    return sum
  }

  private static func root(_ terms: [Energy]) -> Energy {
    .joules(terms.reduce(0) { $0 + $1.joules * $1.joules }.squareRoot())
  }
}
