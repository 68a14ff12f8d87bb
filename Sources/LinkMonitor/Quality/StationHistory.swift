// The memory of one station between polls: is its signal a new sample, and how often does it have to be spoken to twice?

import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Follows the counters of a station. A signal is a new sample only if something was received since the last poll;
/// otherwise the driver repeats itself, which is no information.
package struct StationHistory: Sendable {
  /// Frames and retries lose half their weight in this time: long enough for some hundred frames of light traffic.
  private static let halfLife = Duration.seconds(2)

  private var last: (info: StationInfo, at: Duration)?
  /// The latest moment before which the last frame cannot have come: the poll before the one that showed it. So an age is
  /// never too small. nil before anything was seen to come.
  package private(set) var heard: Duration?
  private var samples = FadingHistory()
  private var frames = 0.0
  private var retries = 0.0
  /// When anything was last sent, and so the transmit rate chosen anew.
  package private(set) var spoke: Duration?

  package init() {}

  /// Share of transmissions that were repetitions, of late: retries ÷ (frames + retries); nil before anything was sent.
  package var retryRatio: Double? { frames + retries > 0 ? retries / (frames + retries) : nil }

  /// Takes what a poll at `instant` brought. - Returns: true when the signal in it is a new sample.
  package mutating func record(_ info: StationInfo, at instant: Duration) -> Bool {
    defer { last = (info, instant) }
    guard let last else { return false }
    let isNew =
      changed(last.info.receivedPackets, info.receivedPackets)
      || changed(last.info.receivedBytes, info.receivedBytes) || changed(last.info.beacons, info.beacons)
    if isNew {
      heard = last.at
      if let signal = info.signal { samples.add(signal.value, at: instant.seconds) }
    }
    noteRetries(from: last.info, to: info, over: instant - last.at)
    return isNew
  }

  /// The latest fresh signal, and when it was read; nil before there is one.
  package var sample: (signal: DecibelMilliwatts, at: Duration)? {
    guard let level = samples.levels.last, let time = samples.times.last else { return nil }
    return (DecibelMilliwatts(level), .seconds(time))
  }

  /// What the fresh samples say of the fading.
  package mutating func fading() -> FadingEstimate? { samples.estimate() }

  private func changed<Value: Equatable>(_ old: Value?, _ new: Value?) -> Bool {
    guard let old, let new else { return false }
    return old != new
  }

  /// The counters are 32 bits wide and wrap; after a new association they begin again, which a jump of more than half
  /// their range betrays.
  private mutating func noteRetries(from old: StationInfo, to new: StationInfo, over elapsed: Duration) {
    guard let framesBefore = old.sentPackets, let framesNow = new.sentPackets, let before = old.retries,
      let now = new.retries
    else { return }
    let newFrames = framesNow &- framesBefore
    let newRetries = now &- before
    guard newFrames > 0, newFrames < 1 << 31, newRetries < 1 << 31 else { return }
    let weight = pow(0.5, elapsed / Self.halfLife)
    frames = frames * weight + Double(newFrames)
    retries = retries * weight + Double(newRetries)
  }
}
