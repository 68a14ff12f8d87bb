// The spectrum of a fading power: what was sampled, and what scatterers all around would make.

import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The periodogram of a grid of powers, without their mean. Holes count as the mean; what they take from the signal comes back
/// spread over all frequencies, as the noise of the measurement does.
struct PowerSpectrum: Sendable {
  /// Power at `frequency(at:)`, relative to the mean over all bins.
  private(set) var bins: [Double]
  /// Hz from one bin to the next.
  let width: Double
  /// What a single oscillation is smeared over to either side, in Hz: half the width of the window's main lobe at half power.
  let smear: Double
  /// Share of the bins that are independent of each other; the rest comes from filling up to a power of two.
  let share: Double

  /// Bins that a drift of the mean reaches: left out.
  private static let leftOut = 2.0

  /// - Parameter grid: of at least 64 places.
  init(_ grid: SampleGrid) {
    let count = grid.powers.count
    var size = 64
    while size < count { size *= 2 }
    var real = [Double](repeating: 0, count: size)
    for (at, power) in grid.powers.enumerated() where !power.isNaN {
      // A sine over the stretch: its side lobes are low enough for the band's end to be seen over the noise.
      real[at] = (power - grid.mean) * sin(.pi * (Double(at) + 0.5) / Double(count))
    }
    var squares = FourierTransform.squaredAmplitudes(&real)
    let first = Int((Self.leftOut * Double(size) / Double(count)).rounded(.up))
    squares.removeFirst(min(first, squares.count - 1))
    let mean = max(squares.reduce(0, +) / Double(squares.count), .leastNormalMagnitude)
    bins = squares.map { $0 / mean }
    offset = first
    width = 1 / (Double(size) * grid.spacing)
    smear = 0.75 / (Double(count) * grid.spacing)
    share = Double(count) / Double(size)
  }

  private let offset: Int

  /// The middle of a bin, in Hz.
  func frequency(at bin: Int) -> Double { Double(bin + offset) * width }

  /// How many bins lie below a frequency.
  func count(below frequency: Double) -> Int {
    let bin = (frequency / width).rounded(.up) - Double(offset)
    return bin >= Double(bins.count) ? bins.count : max(0, Int(bin))
  }
}

/// A power spectrum by scatterers all around (Clarke's model) as distributions over frequency ÷ maximum Doppler shift: the
/// transforms of J₀² (no line of sight; flat, with a step at twice the shift) and of J₀ (a strong line of sight that does not
/// turn; rising to a pole at the shift).
enum ClarkeSpectrum {
  private static let cells = 2048

  /// Share of the spectrum of J₀² below x, at even steps of x from 0 to 2: the arcsine law convolved with itself has the density
  /// K(√(1−x²/4)), the complete elliptic integral of the first kind, here by the arithmetic-geometric mean.
  private static let scattered: [Double] = {
    var sums = [0.0]
    for cell in 0..<cells {
      var (a, b) = (1.0, (Double(cell) + 0.5) / Double(cells))
      while a - b > 1e-12 { (a, b) = ((a + b) / 2, (a * b).squareRoot()) }
      sums.append(sums[cell] + 1 / a)
    }
    let all = sums[cells]
    return sums.map { $0 / all }
  }()

  /// The same for J₀.
  private static let sighted: [Double] = (0...cells).map { 2 / .pi * asin(min(1, 2 * Double($0) / Double(cells))) }

  /// Shares of both spectra within `smear` of a frequency; where that reaches below 0, what is folded back counts.
  /// - Parameters: in units of the maximum Doppler shift, ≥ 0.
  static func shares(at frequency: Double, smear: Double) -> (scattered: Double, sighted: Double) {
    let high = place(frequency + smear)
    let low = place(abs(frequency - smear))
    let sign = frequency < smear ? -1.0 : 1
    return (
      value(scattered, high) - sign * value(scattered, low), value(sighted, high) - sign * value(sighted, low)
    )
  }

  private static func place(_ x: Double) -> (cell: Int, rest: Double) {
    let scaled = min(x / 2, 1) * Double(cells)
    let cell = min(cells - 1, Int(scaled))
    return (cell, scaled - Double(cell))
  }

  private static func value(_ table: [Double], _ at: (cell: Int, rest: Double)) -> Double {
    table[at.cell] + at.rest * (table[at.cell + 1] - table[at.cell])
  }
}

/// Cooley and Tukey's transform, radix 2.
enum FourierTransform {
  /// - Parameter real: as many values as a power of two; used up.
  /// - Returns: |X_k|² for k from 0 up to half as many.
  static func squaredAmplitudes(_ real: inout [Double]) -> [Double] {
    let count = real.count
    precondition(count > 1 && count & (count - 1) == 0, "a transform of a power of two, got \(count)")
    var imaginary = [Double](repeating: 0, count: count)
    swapByReversedBits(&real)
    let turns = (0..<count / 2).map { at -> (cos: Double, sin: Double) in
      let angle = -2 * Double.pi * Double(at) / Double(count)
      return (cos(angle), sin(angle))
    }
    var half = 1
    while half < count {
      for start in stride(from: 0, to: count, by: 2 * half) {
        for at in 0..<half {
          let turn = turns[at * (count / (2 * half))]
          let (even, odd) = (start + at, start + at + half)
          let x = real[odd] * turn.cos - imaginary[odd] * turn.sin
          let y = real[odd] * turn.sin + imaginary[odd] * turn.cos
          (real[odd], imaginary[odd]) = (real[even] - x, imaginary[even] - y)
          (real[even], imaginary[even]) = (real[even] + x, imaginary[even] + y)
        }
      }
      half *= 2
    }
    return (0..<count / 2).map { real[$0] * real[$0] + imaginary[$0] * imaginary[$0] }
  }

  private static func swapByReversedBits(_ values: inout [Double]) {
    var reversed = 0
    for at in 1..<values.count {
      var bit = values.count >> 1
      while reversed & bit != 0 {
        reversed ^= bit
        bit >>= 1
      }
      reversed |= bit
      if at < reversed { values.swapAt(at, reversed) }
    }
  }
}
