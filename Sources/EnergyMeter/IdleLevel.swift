// The power of the machine with nothing to do, found in what it draws: never a constant.

import SiftCore

/// The 10th percentile of gapless one-second means over the last ten minutes.
package struct IdleLevel: Sendable {
  private static let secondsKept = 600
  private static let secondsNeeded = 10

  private var means: [Double] = []
  private var next = 0
  private var joules = 0.0
  private var covered = Duration.zero
  private var second: Int64 = -1

  package init() {}

  /// Takes a stretch of the total's power that is known without a gap.
  package mutating func record(_ segment: Segment) {
    let second = segment.start.components.seconds
    if second != self.second { finish(second) }
    joules += segment.joules(from: segment.start, to: segment.end)
    covered += segment.end - segment.start
  }

  private mutating func finish(_ second: Int64) {
    // Nine tenths of the second seen: gapless but for the edge that a segment lies across.
    if covered >= .milliseconds(900) {
      let mean = joules / covered.seconds
      if means.count < Self.secondsKept { means.append(mean) } else { means[next] = mean }
      next = (next + 1) % Self.secondsKept
    }
    self.second = second
    joules = 0
    covered = .zero
  }

  /// nil before ten good seconds have been seen. - Complexity: O(n log n) in the seconds kept; not for the token path.
  package var level: Power? {
    guard means.count >= Self.secondsNeeded else { return nil }
    return .watts(means.sorted()[means.count / 10])
  }
}
