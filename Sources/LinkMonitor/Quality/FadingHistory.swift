// The fresh signals of one station over the last minute, and what they say of the fading.

import SiftCore

/// Samples in the order in which they came. A channel that has become another begins anew: a peer that was carried into another
/// room has one mean and then another, which is no fading.
package struct FadingHistory: Sendable {
  /// In dBm, and when they came, in seconds.
  package private(set) var levels: [Double] = []
  package private(set) var times: [Double] = []
  /// The last shift that was found, and when. How fast things move outlasts the traffic that shows it.
  private var found: (doppler: DopplerEstimate, at: Double)?

  /// What is older, in seconds, is forgotten.
  private static let memory = 60.0
  /// More than a minute of polls at rest, half a minute under traffic.
  private static let levelsKept = 3000

  package init() {}

  package mutating func add(_ level: Double, at time: Double) {
    let old = times.prefix { time - $0 > Self.memory }.count
    let surplus = max(old, levels.count + 1 - Self.levelsKept)
    if surplus > 0 {
      levels.removeFirst(surplus)
      times.removeFirst(surplus)
    }
    levels.append(level)
    times.append(time)
  }

  /// What they say; nil before there are three. Only the last signal of a frame is fed, never a running average, which would
  /// look like a channel that hardly fades. - Complexity: O(n²/10) in the samples kept.
  package mutating func estimate() -> FadingEstimate? {
    let start = Self.beginning(times: times, levels: levels)
    guard let grid = SampleGrid(times: Array(times[start...]), levels: Array(levels[start...])), let now = times.last
    else { return nil }
    var fading = FadingEstimate(grid)
    if let doppler = fading.doppler {
      found = (doppler, now)
    } else if let last = found {
      if last.at < times[start] || now - last.at > Self.memory || fading.contradicts(last.doppler) {
        found = nil
      } else {
        fading.doppler = last.doppler
      }
    }
    return fading
  }

  // MARK: Where the channel became another

  /// Seconds of a window. At a walk's few hertz its mean is known within a decibel or two.
  private static let window = 4.0
  /// Fewest samples of a window whose mean is believed. Fewer that are far above the others tell enough: no fade makes a signal
  /// strong.
  private static let fewest = 8
  /// By so many decibels all windows since lie above, or below, the two before; the first for one window alone.
  private static let (gapOfOne, gapOfMore) = (12.0, 6.0)

  private struct Window {
    /// Index of its first sample.
    var first: Int
    /// Of the power, in dBm.
    var mean: Double
    var isFull: Bool
  }

  /// Index of the first sample of the channel as it is now: the windows of the last minute, whose means are compared, are
  /// counted back from the latest sample.
  static func beginning(times: [Double], levels: [Double]) -> Int {
    guard let end = times.last else { return 0 }
    // Latest first.
    var windows: [Window] = []
    var upTo = times.count
    while upTo > 0 {
      let oldest = end - Self.window * (((end - times[upTo - 1]) / Self.window).rounded(.down) + 1)
      var first = upTo
      var sum = 0.0
      while first > 0, times[first - 1] > oldest {
        first -= 1
        sum += Decibel.power(levels[first])
      }
      // Cannot be, but a loop must end.
      if first == upTo { return upTo - 1 }
      let count = upTo - first
      windows.append(Window(first: first, mean: Decibel.level(sum / Double(count)), isFull: count >= Self.fewest))
      upTo = first
    }
    var (low, high, full) = (Double.infinity, -Double.infinity, 0)
    for at in windows.indices.dropLast() where windows[at].isFull {
      low = min(low, windows[at].mean)
      high = max(high, windows[at].mean)
      full += 1
      let gap = full == 1 ? Self.gapOfOne : Self.gapOfMore
      func areOthers(_ windows: ArraySlice<Window>) -> Bool {
        windows.allSatisfy { $0.mean > high + gap } || windows.allSatisfy { $0.isFull && $0.mean < low - gap }
      }
      // The window in which it changed lies between the two, or counts to the new channel.
      let (next, later) = (windows[(at + 1)...].prefix(2), windows[(at + 1)...].dropFirst().prefix(2))
      if areOthers(next) { return windows[max(0, at - 1)].first }
      if later.count == 2, areOthers(later) { return windows[at].first }
    }
    return 0
  }
}

extension FadingEstimate {
  /// Whether how long neighbouring samples stay alike speaks against a shift.
  fileprivate func contradicts(_ doppler: DopplerEstimate) -> Bool {
    if kind == .unchanging { return true }
    let k = interval.map { $0.lowerBound > 0 ? self.k ?? 0 : 0 } ?? 0
    let slowest = DopplerEstimate.coherence(hertz: doppler.interval.lowerBound, k: k)
    let fastest = DopplerEstimate.coherence(hertz: doppler.interval.upperBound, k: k)
    return coherenceAtMost.map { $0 < fastest * 0.5 } ?? false || coherenceAtLeast.map { $0 > slowest * 2 } ?? false
  }
}
