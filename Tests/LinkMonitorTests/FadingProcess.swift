// A fading channel over time, drawn: the truth that estimators are measured against.

import Foundation
import SiftTestKit

/// A Rician channel of unit mean power with Clarke's Doppler spectrum: 64 paths from all around with random phases, and a
/// line of sight that does not turn.
struct FadingProcess {
  private let paths: [(rate: Double, phase: Double)]
  private let sight: Double
  private let scatter: Double

  /// - Parameter isEven: paths from evenly spread directions; else each from any.
  init(doppler: Double, k: Double, isEven: Bool = true, using generator: inout SeededGenerator) {
    let count = 64
    let turn = Double.random(in: 0..<1, using: &generator)
    var paths: [(Double, Double)] = []
    for path in 0..<count {
      let place = isEven ? (Double(path) + turn) / Double(count) : Double.random(in: 0..<1, using: &generator)
      let angle = 2 * Double.pi * place
      paths.append((2 * Double.pi * doppler * cos(angle), Double.random(in: 0..<(2 * Double.pi), using: &generator)))
    }
    self.paths = paths
    sight = (k / (k + 1)).squareRoot()
    scatter = (1 / (k + 1) / Double(count)).squareRoot()
  }

  func power(at seconds: Double) -> Double {
    var (real, imaginary) = (0.0, 0.0)
    for path in paths {
      let angle = path.rate * seconds + path.phase
      real += cos(angle)
      imaginary += sin(angle)
    }
    let along = sight + scatter * real
    return along * along + scatter * scatter * imaginary * imaginary
  }

  /// Levels in dBm around −60, rounded as receivers round.
  func levels(rate: Double, count: Int, step: Double = 1) -> [Double] {
    (0..<count).map { at in
      let level = -60 + 10 * log10(max(1e-12, power(at: Double(at) / rate)))
      return step > 0 ? (level / step).rounded() * step : level
    }
  }
}

extension SeededGenerator {
  /// Two independent normal deviates (Box and Muller).
  mutating func normals() -> (Double, Double) {
    let radius = (-2 * log(Double.random(in: Double.leastNonzeroMagnitude...1, using: &self))).squareRoot()
    let angle = Double.random(in: 0..<(2 * Double.pi), using: &self)
    return (radius * cos(angle), radius * sin(angle))
  }

  /// A power of mean 1 of a Rician channel.
  mutating func ricianPower(k: Double) -> Double {
    let (x, y) = normals()
    let scatter = (1 / (2 * (k + 1))).squareRoot()
    let along = (k / (k + 1)).squareRoot() + scatter * x
    return along * along + scatter * scatter * y * y
  }
}
