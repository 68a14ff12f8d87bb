// The power of the machine with nothing to do, found in what it draws: never a constant.

import SiftCore

/// The 10th percentile of gapless one-second means over the last ten minutes.
package struct IdleLevel: Sendable {
  private static let secondsKept = 600
  private static let secondsNeeded = 10

  /// In the order of time, as a ring; and the same figures in rising order.
  private var means: [Double] = []
  private var ranked: [Double] = []
  private var next = 0
  private var joules = 0.0
  private var covered = Duration.zero
  private var second: Int64 = -1

  package init() {
    means.reserveCapacity(Self.secondsKept)
    ranked.reserveCapacity(Self.secondsKept)
  }

  /// Takes a stretch of power that is known without a gap. Does not allocate.
  package mutating func record(_ segment: Segment) {
    let second = segment.start.components.seconds
    if second != self.second { finish(second) }
    joules += segment.joules
    covered += segment.end - segment.start
  }

  private mutating func finish(_ second: Int64) {
    // Nine tenths of the second seen: gapless but for the edge that a segment lies across.
    if covered >= .milliseconds(900) { keep(joules / covered.seconds) }
    self.second = second
    joules = 0
    covered = .zero
  }

  private mutating func keep(_ mean: Double) {
    if means.count < Self.secondsKept {
      means.append(mean)
    } else {
      ranked.remove(at: rank(of: means[next]))
      means[next] = mean
    }
    next = (next + 1) % Self.secondsKept
    ranked.insert(mean, at: rank(of: mean))
  }

  /// The first place in `ranked` whose figure is not below `mean`.
  private func rank(of mean: Double) -> Int {
    var low = 0
    var high = ranked.count
    while low < high {
      let middle = (low + high) / 2
      if ranked[middle] < mean { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// nil before ten good seconds have been seen. - Complexity: O(1).
  package var level: Power? {
    guard ranked.count >= Self.secondsNeeded else { return nil }
    return .watts(ranked[ranked.count / 10])
  }

  /// Standard uncertainty of `level`: half the range of the lowest fifth, in which the level is the middle; nil with it.
  package var uncertainty: Power? {
    guard ranked.count >= Self.secondsNeeded else { return nil }
    return .watts((ranked[ranked.count / 5] - ranked[0]) / 2)
  }
}
