// What visits cost on a radio with a rate table, with the sources of its figures.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

import SiftPolicy

/// Both ends of a link, priced as the daemon prices a visit: airtime × (send + receive) + frames × host work.
public struct SimulatedRadio: Sendable, Hashable {
  /// Watts above idle, sender and receiver together.
  public var watts: Double
  /// Host work a frame, both ends, in joules.
  public var joulesPerFrame: Double
  /// Payload of a frame in bytes.
  public var framePayload: Double
  /// Airtime of an exchange whatever its size, in seconds.
  public var overhead: Double
  /// Share of the PHY rate that reaches the payload.
  public var efficiency: Double
  /// PHY rates in bit/s with the least signal-to-noise ratio in dB that each needs; rising in both.
  public var rates: [Rate]
  /// Where the figures come from, for reports.
  public var source: String

  /// A PHY rate and the least signal-to-noise ratio that it needs.
  public struct Rate: Sendable, Hashable {
    public var bitsPerSecond: Double
    public var decibels: Double
    public init(_ bitsPerSecond: Double, _ decibels: Double) {
      self.bitsPerSecond = bitsPerSecond
      self.decibels = decibels
    }
  }

  /// IEEE 802.11n, one stream, 20 MHz, guard interval 800 ns: MCS 0 to 7 with the standard's minimum sensitivities
  /// (−82 … −64 dBm, IEEE 802.11-2020 table 19-23) over a noise floor of −94 dBm (kTB of 20 MHz and a noise figure of
  /// 7 dB). Powers above idle and host work of an Atheros AR9280 (Ucar, thesis: 1.75 W sending at 15 dBm, 0.06 W
  /// receiving, 0.38 mJ a frame and end). Overhead of an exchange: 331 µs (IEEE 802.11-2020 table 17-21).
  public static let wifi = SimulatedRadio(
    watts: 1.81, joulesPerFrame: 2 * 0.38e-3, framePayload: 1448, overhead: 331e-6, efficiency: 0.6,
    rates: [
      Rate(6.5e6, 12), Rate(13e6, 15), Rate(19.5e6, 17), Rate(26e6, 20), Rate(39e6, 24), Rate(52e6, 28),
      Rate(58.5e6, 29), Rate(65e6, 30),
    ],
    source: "802.11n MCS 0-7 at 20 MHz (IEEE 802.11-2020 table 19-23), noise -94 dBm, Atheros AR9280 (Ucar, thesis)")

  /// Mean signal-to-noise ratio in dB at `distance` metres: 15 dBm (the power Ucar measured at), free space to 1 m at
  /// 2.437 GHz (40.2 dB), then the path loss exponent 4 of arXiv 2603.23888, over −94 dBm of noise.
  public static func meanDecibels(distance: Double) -> Double { 15 - 40.2 - 40 * log10(distance) + 94 }

  /// The table over which expectations are taken, goodput in bit/s.
  public var table: RateTable? {
    RateTable(rates.map { .init(minimumSNR: pow(10, $0.decibels / 10), goodput: $0.bitsPerSecond * efficiency) })
  }

  /// Joules of a visit of `bytes` (up and down together) whatever the rate: overhead and frames.
  public func fixedEnergy(bytes: Double) -> Double {
    watts * overhead + joulesPerFrame * (2 + bytes / framePayload)
  }

  /// Goodput in bit/s at a signal-to-noise ratio in dB; nil below the lowest rate.
  public func goodput(decibels: Double) -> Double? {
    var best: Double?
    for rate in rates where decibels >= rate.decibels { best = rate.bitsPerSecond * efficiency }
    return best
  }

  /// How a visit goes at a goodput; nil is an outage: one attempt at the lowest rate that comes to nothing.
  public func visit(bytes: Double, goodput: Double?, limit: Double) -> VisitTruth {
    let slowest = (rates.first?.bitsPerSecond ?? 1e6) * efficiency
    let wasted = overhead + min(limit, bytes * 8 / slowest)
    guard let goodput, goodput > 0 else {
      return VisitTruth(
        energy: fixedEnergy(bytes: bytes) + watts * (wasted - overhead), airtime: wasted, arrives: false)
    }
    let airtime = overhead + bytes * 8 / goodput
    if airtime > limit {
      return VisitTruth(
        energy: fixedEnergy(bytes: bytes) + watts * max(0, limit - overhead), airtime: limit, arrives: false)
    }
    return VisitTruth(energy: fixedEnergy(bytes: bytes) + watts * (airtime - overhead), airtime: airtime, arrives: true)
  }
}

/// How a visit really goes.
public struct VisitTruth: Sendable, Hashable {
  /// Joules spent, whether it arrives or not.
  public var energy: Double
  /// Seconds of airtime.
  public var airtime: Double
  public var arrives: Bool
  public init(energy: Double, airtime: Double, arrives: Bool) {
    self.energy = energy
    self.airtime = airtime
    self.arrives = arrives
  }
}

/// A visit as it is known when it is decided.
public struct VisitKnowledge: Sendable, Hashable {
  /// Joules expected, outages included.
  public var energy: Double
  /// Seconds of airtime expected when it succeeds.
  public var airtime: Double
  /// Chance of an outage, 0 … 1.
  public var outage: Double
  public init(energy: Double, airtime: Double, outage: Double) {
    self.energy = energy
    self.airtime = airtime
    self.outage = outage
  }
}

/// How much of a channel a policy sees.
public enum ChannelView: String, Sendable, Hashable, CaseIterable {
  /// The last sample as if it were the present.
  case sample
  /// What the last sample, its age and the channel's law let one expect.
  case forecast
  /// The channel's law alone.
  case mean
  /// Every gain, even of the future: a bound for comparisons, no policy.
  case clairvoyant
}

/// Channels from the gateway to nodes 1…, as tokens and layers go by.
public protocol ChannelWorld {
  /// Nodes without the gateway.
  var nodes: Int { get }
  /// How a visit to `node` (0 …, the gateway not counted) in `layer` of `token` goes.
  func truth(node: Int, token: Int, layer: Int) -> VisitTruth
  /// What is known of it beforehand.
  func known(node: Int, token: Int, layer: Int, view: ChannelView) -> VisitKnowledge
}
