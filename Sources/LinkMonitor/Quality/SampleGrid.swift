// Samples of a power on an even grid of time, some of them missing: frames do not come when they are wished for.

/// Powers at multiples of a spacing. A place without a sample holds NaN.
package struct SampleGrid: Sendable {
  /// Linear power; NaN where nothing was received.
  package private(set) var powers: [Double]
  /// Seconds between two places, > 0.
  package let spacing: Double
  /// Places that hold a sample.
  package let count: Int
  /// Over the samples.
  package let mean: Double
  /// Unbiased for independent samples.
  package let variance: Double

  /// Even samples, none missing.
  package init(powers: [Double], spacing: Double) {
    self.powers = powers
    self.spacing = spacing
    (count, mean, variance) = Self.moments(powers)
  }

  /// Samples at any times. The spacing is the median of the times between two: polls that found nothing new leave a hole.
  /// - Parameters:
  ///   - times: seconds, rising. - levels: dBm, one a time.
  ///   - limit: places at most; what is older is left out.
  /// - Returns: nil with fewer than three samples or no spacing.
  package init?(times: [Double], levels: [Double], limit: Int = 8192) {
    guard times.count == levels.count, times.count >= 3, let end = times.last else { return nil }
    let steps = zip(times.dropFirst(), times).map { $0.0 - $0.1 }.sorted()
    let spacing = steps[steps.count / 2]
    guard spacing > 0, spacing.isFinite else { return nil }
    let span = min(Double(limit - 1), ((end - times[0]) / spacing).rounded())
    var powers = [Double](repeating: .nan, count: Int(span) + 1)
    for (time, level) in zip(times, levels) {
      let place = Int(span) - Int(min(span + 1, ((end - time) / spacing).rounded()))
      if powers.indices.contains(place) { powers[place] = Decibel.power(level) }
    }
    self.init(powers: powers, spacing: spacing)
  }

  private static func moments(_ powers: [Double]) -> (Int, Double, Double) {
    var count = 0.0
    var sum = 0.0
    for power in powers where !power.isNaN {
      count += 1
      sum += power
    }
    let mean = sum / max(1, count)
    var squares = 0.0
    for power in powers where !power.isNaN { squares += (power - mean) * (power - mean) }
    return (Int(count), mean, squares / max(1, count - 1))
  }

  /// Stretches of which more than nine of ten places hold a sample: the longest that reaches to the end, and the longest of
  /// all, the latest of equals. Empty where there is none.
  package var wellSampled: (latest: Range<Int>, longest: Range<Int>) {
    // With +1 for a place that is heard and −9 for a hole, a stretch counts where its sum is positive.
    var sums = [0]
    for power in powers { sums.append((sums.last ?? 0) + (power.isNaN ? -9 : 1)) }
    // A stretch begins at its longest where the sum is lower than ever before.
    var starts: [Int] = []
    for at in sums.indices where starts.last.map({ sums[at] < sums[$0] }) ?? true { starts.append(at) }
    var (latest, longest) = (0..<0, 0..<0)
    for end in sums.indices.reversed() {
      while let start = starts.last, start >= end || sums[start] < sums[end] {
        starts.removeLast()
        guard start < end else { continue }
        if end - start > longest.count { longest = start..<end }
        if end == powers.count { latest = start..<end }
      }
    }
    return (latest, longest)
  }

  /// A part of it.
  package subscript(range: Range<Int>) -> SampleGrid {
    range == powers.indices ? self : SampleGrid(powers: Array(powers[range]), spacing: spacing)
  }

  /// The same with short holes bridged by straight lines: frames are lost in fades, so that a hole between weak samples is no
  /// mean power.
  /// - Parameter longest: places; longer holes stay.
  package func bridged(longest: Int) -> SampleGrid {
    var filled = powers
    var last: Int?
    for at in powers.indices where !powers[at].isNaN {
      defer { last = at }
      guard let last, at - last > 1, at - last <= longest + 1 else { continue }
      let slope = (powers[at] - powers[last]) / Double(at - last)
      for hole in last + 1..<at { filled[hole] = powers[last] + slope * Double(hole - last) }
    }
    return SampleGrid(powers: filled, spacing: spacing)
  }

  /// The share of places without a sample, and the mean power beside holes ÷ the mean of all; 1 without holes. Frames that are
  /// lost by chance leave it near 1, those that are lost in fades make it small.
  package var holes: (share: Double, beside: Double) {
    var (all, heard, edge, edges) = (0.0, 0.0, 0.0, 0.0)
    for at in powers.indices where !powers[at].isNaN {
      all += powers[at]
      heard += 1
      let isEdge = at > 0 && powers[at - 1].isNaN || at + 1 < powers.count && powers[at + 1].isNaN
      if isEdge {
        edge += powers[at]
        edges += 1
      }
    }
    guard edges > 0, all > 0 else { return (0, 1) }
    return (1 - heard / Double(powers.count), edge / edges / (all / heard))
  }

  /// Sum of the products of deviations `lag` places apart whose later place is in `range`, and how many pairs there are.
  package func products(lag: Int, in range: Range<Int>) -> (sum: Double, pairs: Double) {
    var sum = 0.0
    var pairs = 0.0
    powers.withUnsafeBufferPointer { powers in
      for at in max(lag, range.lowerBound)..<max(lag, range.upperBound) {
        let product = (powers[at] - mean) * (powers[at - lag] - mean)
        if product.isNaN { continue }
        sum += product
        pairs += 1
      }
    }
    return (sum, pairs)
  }

  /// Correlation of the power with itself `lag` places later; 0 where no two samples lie so far apart.
  package func correlation(lag: Int) -> Double {
    // What is left of equal samples is rounding.
    guard variance > 1e-20 * mean * mean, lag < powers.count else { return 0 }
    let (sum, pairs) = products(lag: lag, in: 0..<powers.count)
    return pairs > 0 ? sum / pairs / variance : 0
  }

  /// Samples, discounted for their likeness: N ÷ (1 + 2Σρ), over the lags up to the first at which the correlation is lost in
  /// its own noise, or up to an eighth of the stretch.
  package var independent: Double {
    var sum = 0.0
    for lag in 1..<max(2, powers.count / 8) {
      let rho = correlation(lag: lag)
      if rho < 0.05 { break }
      sum += rho
    }
    return Double(count) / (1 + 2 * sum)
  }

  /// The largest lag up to which the correlation never falls below one half; no more than a tenth of the stretch can be
  /// told. At least 1.
  package var lastLagAboveHalf: Int {
    var lag = 1
    while lag < powers.count / 10, correlation(lag: lag + 1) > 0.5 { lag += 1 }
    return lag
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

enum Decibel {
  /// A level in decibels as a ratio of powers.
  static func power(_ level: Double) -> Double { pow(10, level / 10) }
  static func level(_ power: Double) -> Double { 10 * log10(power) }
}
