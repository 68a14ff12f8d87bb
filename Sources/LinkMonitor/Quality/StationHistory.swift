// The memory of one station between polls: is its signal a new sample, and how often does it have to be spoken to twice?

import SiftCore

/// Follows the counters of a station. A signal is a new sample only if something was received since the last poll;
/// otherwise the driver repeats itself, which is no information.
package struct StationHistory: Sendable {
  private var last: StationInfo?
  /// When something was last received; nil before that was ever seen.
  package private(set) var heard: Duration?
  /// Share of transmissions that were repetitions, over the polls since something was sent: retries ÷ (frames + retries).
  package private(set) var retryRatio: Double?
  /// When anything was last sent, and so the transmit rate chosen anew.
  package private(set) var spoke: Duration?

  package init() {}

  /// Takes what a poll at `instant` brought. - Returns: true when the signal in it is a new sample.
  package mutating func record(_ info: StationInfo, at instant: Duration) -> Bool {
    defer { last = info }
    guard let last else { return false }
    let isNew =
      changed(last.receivedPackets, info.receivedPackets) || changed(last.receivedBytes, info.receivedBytes)
      || changed(last.beacons, info.beacons)
    if isNew { heard = instant }
    if changed(last.sentPackets, info.sentPackets) {
      spoke = instant
      noteRetries(from: last, to: info)
    }
    return isNew
  }

  private func changed<Value: Equatable>(_ old: Value?, _ new: Value?) -> Bool {
    guard let old, let new else { return false }
    return old != new
  }

  /// The counters are 32 bits wide and wrap; after a new association they begin again, which a jump of more than half
  /// their range betrays.
  private mutating func noteRetries(from old: StationInfo, to new: StationInfo) {
    guard let framesBefore = old.sentPackets, let framesNow = new.sentPackets, let before = old.retries,
      let now = new.retries
    else { return }
    let frames = framesNow &- framesBefore
    let retries = now &- before
    guard frames > 0, frames < 1 << 31, retries < 1 << 31 else { return }
    retryRatio = Double(retries) / (Double(frames) + Double(retries))
  }
}
