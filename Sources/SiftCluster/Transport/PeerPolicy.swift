// The small pure parts of keeping a peer: when to try again, what to announce, what exchanges say of the link.

import SiftCore

/// How a peer is kept.
public struct PeerSettings: Sendable, Hashable {
  /// From the first packet to an open TCP connection.
  public var connectTimeout: Duration = .seconds(2)
  /// From there to the peer's welcome.
  public var handshakeTimeout: Duration = .seconds(3)
  /// First pause before trying again; doubles up to `backoffCap`, with a jitter of a quarter.
  public var backoffFirst: Duration = .milliseconds(100)
  public var backoffCap: Duration = .seconds(2)
  /// Silence after which a ping is sent.
  public var pingInterval: Duration = .seconds(5)
  /// How long a pong may take. A host that computes answers no pings, so this is longer than any visit should be.
  public var pongTimeout: Duration = .seconds(10)
  /// Pauses between the pings to a peer whose answer is overdue: the first, doubled up to `repeatCap`.
  public var repeatFirst: Duration = .milliseconds(5)
  public var repeatCap: Duration = .milliseconds(160)
  /// So many visits in a row without a sign of life, and the peer is left alone until it gives one.
  public var silentVisits = 3
  /// Largest body of a visit or reply.
  public var frameBytes = 64 << 20
  public var traffic = TrafficClass.realTime

  public init() {}
}

/// Pauses between attempts: 1, 2, 4 … times the first, capped, each shortened by up to a quarter.
package struct Backoff: Sendable {
  private let first: Duration
  private let cap: Duration
  private var attempts = 0

  package init(first: Duration, cap: Duration) {
    self.first = first
    self.cap = cap
  }

  package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
    let whole = min(cap, first * (1 << min(attempts, 20)))
    attempts += 1
    return whole * Double.random(in: 0.75...1, using: &generator)
  }

  package mutating func reset() { attempts = 0 }
}

/// Says each change of a peer's state once.
package struct PeerAnnouncer: Sendable {
  private enum Told: Sendable, Hashable { case nothing, up, lost, refused(String) }
  private var told = Told.nothing
  private var wasUp = false

  package init() {}

  package mutating func up(sameArithmetic: Bool) -> PeerEvent.Change? {
    guard told != .up else { return nil }
    told = .up
    defer { wasUp = true }
    return wasUp ? .recovered : .connected(sameArithmetic: sameArithmetic)
  }

  /// While a peer is down, further failures are the same news.
  package mutating func lost(_ reason: String) -> PeerEvent.Change? {
    guard told == .nothing || told == .up else { return nil }
    told = .lost
    return .lost(reason: reason)
  }

  package mutating func refused(_ reason: String) -> PeerEvent.Change? {
    guard told != .refused(reason) else { return nil }
    told = .refused(reason)
    return .refused(reason: reason)
  }
}

/// Whether to stay awake for a reply. Going to sleep and being woken costs about as much as a short exchange takes; so
/// while replies of late have come within 40 µs, the waiting thread looks for them for as long instead of sleeping. Over
/// a radio, or when a visit has something to compute, replies take longer and no time is spent looking.
package struct Vigil: Sendable {
  package static let limit: Duration = .microseconds(40)
  /// Smoothed seconds (1/8); begins asleep.
  private var usual = 1.0

  package init() {}

  /// Whether to look once more instead of sleeping, having waited for `time`.
  package func watches(after time: Duration) -> Bool { usual < Self.limit.seconds && time < Self.limit }

  /// A wait is over, with a reply or without. One long wait does not count for more than ten limits.
  package mutating func waited(_ time: Duration) {
    usual += (min(time.seconds, 10 * Self.limit.seconds) - usual) / 8
  }
}

/// Fits time = overhead + bytes / goodput over exchanges, the older the lighter, and smooths their round trips.
package struct ExchangeEstimator: Sendable {
  private static let decay = 0.98
  private static let minuteHalf: Duration = .seconds(30)
  private var weight = 0.0
  private var meanBytes = 0.0
  private var meanTime = 0.0
  private var varianceBytes = 0.0
  private var covariance = 0.0
  package private(set) var smoothed: Double?
  package private(set) var at: ContinuousClock.Instant?
  private var current = Double.infinity
  private var previous = Double.infinity
  private var halfBegan: ContinuousClock.Instant?

  package init() {}

  /// - Parameters:
  ///   - seconds: time on the way, without the peer's computing.
  ///   - bytes: up and down together.
  package mutating func add(seconds: Double, bytes: Int, at now: ContinuousClock.Instant) {
    guard seconds >= 0, seconds.isFinite else { return }
    smoothed = smoothed.map { $0 + (seconds - $0) / 8 } ?? seconds
    at = now
    if let began = halfBegan, now - began < Self.minuteHalf {
      current = min(current, seconds)
    } else {
      previous = current
      current = seconds
      halfBegan = now
    }
    fit(Double(bytes), seconds)
  }

  /// Least seconds of the last half minute to minute.
  package var least: Double? { smoothed == nil ? nil : min(current, previous) }

  /// Seconds a byte; nil while the sizes are alike (standard deviation below a fifth of the mean) or few.
  package var secondsPerByte: Double? {
    guard weight >= 8, meanBytes > 0, varianceBytes > 0.04 * meanBytes * meanBytes else { return nil }
    let slope = covariance / varianceBytes
    return slope > 0 ? slope : nil
  }

  /// Seconds of an exchange without bytes; ≥ 0.
  package var overhead: Double? { secondsPerByte.map { max(0, meanTime - $0 * meanBytes) } }

  /// Weighted means and (co)variances, updated in place (West 1979).
  private mutating func fit(_ bytes: Double, _ seconds: Double) {
    weight = weight * Self.decay + 1
    let share = 1 / weight
    let fromBytes = bytes - meanBytes
    let fromTime = seconds - meanTime
    meanBytes += share * fromBytes
    meanTime += share * fromTime
    varianceBytes = (1 - share) * (varianceBytes + share * fromBytes * fromBytes)
    covariance = (1 - share) * (covariance + share * fromBytes * fromTime)
  }
}
