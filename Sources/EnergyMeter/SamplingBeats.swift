// When the meter's loop samples next, and what ends it.

import SiftCore
import Synchronization

/// The beat of the sampling loop.
struct SamplingBeats<Generator: RandomNumberGenerator> {
  private let pace: SamplingPace
  private var generator: Generator
  private var beat: Duration
  /// When silent devices were looked for last.
  var looked: Duration

  init(_ pace: SamplingPace, _ generator: Generator, now: Duration) {
    self.pace = pace
    self.generator = generator
    beat = now
    looked = now
  }

  /// A round that took too long skips beats instead of hurrying after them.
  mutating func next(after now: Duration) -> Duration {
    repeat { beat += pace.interval } while beat <= now
    return beat + pace.jitter(&generator)
  }
}

extension SamplingBeats: Sendable where Generator: Sendable {}

/// Tells a thread to end.
final class StopSign: Sendable {
  private let sign = Atomic<Bool>(false)
  var isSet: Bool { sign.load(ordering: .relaxed) }
  func set() { sign.store(true, ordering: .relaxed) }
}
