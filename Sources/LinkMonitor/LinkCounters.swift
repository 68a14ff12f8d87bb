// Totals of a station: frames, bytes and airtime; and what happened between two moments.

/// What was sent to a station and received from it since the driver knows it. Only differences mean anything.
public struct LinkCounters: Sendable, Hashable {
  public var sentFrames: UInt32
  public var receivedFrames: UInt32
  public var sentBytes: UInt64
  public var receivedBytes: UInt64
  /// Airtime; nil from a driver that counts none.
  public var sending: Duration?
  public var receiving: Duration?
  /// Rates of now, in bit/s.
  public var sendRate: Double?
  public var receiveRate: Double?

  /// - Returns: nil from a driver that counts neither frames nor bytes.
  public init?(_ info: StationInfo) {
    guard let sent = info.sentPackets, let received = info.receivedPackets, let up = info.sentBytes,
      let down = info.receivedBytes
    else { return nil }
    sentFrames = sent
    receivedFrames = received
    sentBytes = up
    receivedBytes = down
    sending = info.sendAirtime
    receiving = info.receiveAirtime
    sendRate = info.sendRate?.bitsPerSecond
    receiveRate = info.receiveRate?.bitsPerSecond
  }

  /// What happened since `before`. - Returns: nil when a byte counter went back: the station is another association.
  public func since(_ before: LinkCounters) -> LinkUse? {
    guard sentBytes >= before.sentBytes, receivedBytes >= before.receivedBytes else { return nil }
    // The frame counters wrap at 2³².
    let up = Double(sentFrames &- before.sentFrames)
    let down = Double(receivedFrames &- before.receivedFrames)
    let upBytes = Double(sentBytes - before.sentBytes)
    let downBytes = Double(receivedBytes - before.receivedBytes)
    let sent = Self.difference(sending, before.sending)
    let received = Self.difference(receiving, before.receiving)
    return LinkUse(
      sending: sent ?? Self.airtime(bytes: upBytes, frames: up, sendRate),
      receiving: received ?? Self.airtime(bytes: downBytes, frames: down, receiveRate), frames: up + down,
      bytes: upBytes + downBytes, isAirtimeAssumed: sent == nil || received == nil)
  }

  private static func difference(_ now: Duration?, _ before: Duration?) -> Duration? {
    guard let now, let before, now >= before else { return nil }
    return now - before
  }

  /// Preamble 20 µs, SIFS 16 µs and acknowledgement 28 µs for each frame, and its bits at the rate of now.
  private static func airtime(bytes: Double, frames: Double, _ rate: Double?) -> Duration {
    .seconds(bytes * 8 / (rate ?? 6e6) + frames * 64e-6)
  }
}

/// The use of a link over a span of time.
public struct LinkUse: Sendable, Hashable {
  public var sending: Duration
  public var receiving: Duration
  /// Both ways.
  public var frames: Double
  public var bytes: Double
  /// The driver counts no airtime: it was taken from bytes and rates.
  public var isAirtimeAssumed: Bool

  public static func + (a: LinkUse, b: LinkUse) -> LinkUse {
    LinkUse(
      sending: a.sending + b.sending, receiving: a.receiving + b.receiving, frames: a.frames + b.frames,
      bytes: a.bytes + b.bytes, isAirtimeAssumed: a.isAirtimeAssumed || b.isAirtimeAssumed)
  }
}

extension LinkUse {
  /// Nothing was sent or received.
  public init() {
    self.init(sending: .zero, receiving: .zero, frames: 0, bytes: 0, isAirtimeAssumed: false)
  }
}
