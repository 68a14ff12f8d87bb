// When the wait for a reply is long enough to doubt that the visit, or its reply, got through.

import SiftCore

/// Follows how long visits take from sending to reply, computing included: smoothed time and smoothed deviation as for TCP's own
/// timer (RFC 6298), without its floor of a second.
package struct Probing: Sendable {
  /// Whoever is awake on both sides needs this much sometimes, for no reason of the way's.
  package static let least: Duration = .milliseconds(2)
  /// Replies before a pause is told.
  private static let needed = 8

  private var replies = 0
  private var (smoothed, deviation) = (0.0, 0.0)

  package init() {}

  package mutating func took(_ time: Duration) {
    let seconds = time.seconds
    if replies == 0 { (smoothed, deviation) = (seconds, seconds / 2) }
    replies = min(Self.needed, replies + 1)
    let off = seconds - smoothed
    smoothed += off / 8
    deviation += (abs(off) - deviation) / 4
  }

  /// From sending a visit to a first question behind it; nil while too little is known.
  package var pause: Duration? {
    replies < Self.needed ? nil : max(Self.least, .seconds(smoothed + 4 * deviation))
  }
}
