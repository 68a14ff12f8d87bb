// How wrong the energy of a window may be: the terms of GUM's root sum of squares for one rail.

import SiftCore

/// The facts about one rail in one window that its uncertainty follows from.
package struct UncertaintyBudget: Sendable, Hashable {
  /// Energy of the window, in joules.
  package var joules: Double
  /// Length of the window, in seconds.
  package var seconds: Double
  /// Time between samples, in seconds.
  package var interval: Double
  /// Step of the sensor, in watts; 0 when it has none that matters.
  package var step: Double
  /// Largest less smallest power seen, in watts.
  package var spread: Double
  /// |power − idle| at the two edges of the window, in watts: what an edge may smear.
  package var edge: Double
  /// Relative standard uncertainty of the gain.
  package var gain: Double

  package init(
    joules: Double, seconds: Double, interval: Double, step: Double, spread: Double, edge: Double, gain: Double
  ) {
    self.joules = joules
    self.seconds = seconds
    self.interval = interval
    self.step = step
    self.spread = spread
    self.edge = edge
    self.gain = gain
  }

  /// q/√12 for each sample where the signal dithers over the step; a constant offset of q/√12 for the whole window where it
  /// does not.
  package var quantisation: Double {
    let deviation = step / 12.0.squareRoot()
    // A range of 1.4 steps corresponds to a standard deviation of 0.4 steps of an even spread.
    let dithers = spread >= 1.4 * step
    return deviation * (dithers ? (seconds * interval).squareRoot() : seconds)
  }

  /// An edge falls anywhere within a sampling interval: ΔP·h/√12 for each of the two.
  package var edges: Double { edge * interval * (2.0 / 12).squareRoot() }

  /// Shunt and converter: a fixed factor, so it cancels in ratios of two windows of one machine.
  package var calibration: Double { gain * abs(joules) }

  /// Standard uncertainty (k = 1), in joules.
  package var combined: Double {
    (quantisation * quantisation + edges * edges + calibration * calibration).squareRoot()
  }
}
