// The chance that a visit of a given size misses a given deadline.

import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What is asked: so many bytes, up and down together, in so much time.
public struct VisitDemand: Sendable, Hashable {
  public var bytes: Int
  public var deadline: Duration

  public init(bytes: Int, deadline: Duration) {
    self.bytes = bytes
    self.deadline = deadline
  }

  /// A hidden state of 1024 in f32, within 20 ms.
  public static let standard = VisitDemand(bytes: 4096, deadline: .milliseconds(20))
}

/// Outage of a visit over a radio link: the channel is then too weak for the slowest rate that is fast enough, or every
/// repetition that there is time for is lost.
public enum VisitOutage {
  /// - Parameters:
  ///   - channel: of the hop that is heard; the other of two hops through an access point is not seen and counts as good.
  ///   - rate: the rate in use, which says what rates there are.
  ///   - goodput: measured, in bytes/s; nil where the PHY rate less overheads stands for it.
  ///   - overhead: time of an exchange whatever its size.
  /// - Returns: 0…1; nil where the channel's fading is not known.
  public static func probability(
    of demand: VisitDemand, channel: ChannelEstimate, rate: BitRate?, retryRatio: Double?, goodput: Double?,
    overhead: Duration, efficiency: Double, hops: Double = 1
  ) -> Double? {
    let time = (demand.deadline - overhead).seconds
    guard time > 0 else { return 1 }
    let share = yield(rate, goodput, retryRatio: retryRatio, efficiency: efficiency, hops: hops)
    let needed = Double(demand.bytes) * 8 / time / share
    guard let step = RateLadder(of: rate).step(carrying: needed) else { return 1 }
    guard let faded = channel.outage(threshold: step.needs.ratio) else { return nil }
    return faded + (1 - faded) * lost(demand, time: time, rate: rate, share: share, retryRatio: retryRatio)
  }

  /// Payload bits that arrive for one bit of the PHY rate.
  private static func yield(
    _ rate: BitRate?, _ goodput: Double?, retryRatio: Double?, efficiency: Double, hops: Double
  ) -> Double {
    if let goodput, goodput > 0, let speed = rate?.bitsPerSecond, speed > 0 { return min(1, goodput * 8 / speed) }
    return efficiency / hops / RetryModel(retryRatio: min(0.99, retryRatio ?? 0)).meanAttempts
  }

  /// Every attempt that fits before the deadline is lost.
  private static func lost(
    _ demand: VisitDemand, time: Double, rate: BitRate?, share: Double, retryRatio: Double?
  ) -> Double {
    guard let loss = retryRatio, loss > 0, let speed = rate?.bitsPerSecond, speed > 0 else { return 0 }
    let one = Double(demand.bytes) * 8 / (speed * share)
    let attempts = max(1, min(Double(RetryModel.standardAttempts), (time / one).rounded(.down)))
    return 1 - RetryModel(loss: loss, attempts: Int(attempts)).delivered
  }
}
