// When the meter's loop samples next, and what ends it.

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

/// Moves the beat: even numbers from a seed of the system's, without a system call for each (SplitMix64; Steele, Lea, Flood:
/// "Fast splittable pseudorandom number generators", OOPSLA 2014).
public struct BeatGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64 = .random(in: .min ... .max)) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Tells a thread to end.
final class StopSign: Sendable {
  private let sign = Atomic<Bool>(false)
  var isSet: Bool { sign.load(ordering: .relaxed) }
  func set() { sign.store(true, ordering: .relaxed) }
}
