// From what is known of a link to what a visit costs (docs/theory, §4).

import SiftCore

/// What the exchanges with a peer themselves have shown.
public struct TransportFigures: Sendable, Hashable {
  /// Payload bytes per second while a transfer runs, > 0; nil when never measured.
  public var goodput: Double?
  /// Round trip of a small exchange; nil when never measured.
  public var roundTrip: Duration?
  /// Age of the youngest of the two.
  public var age: Duration?
  /// Bytes per second that the kernel saw arrive at the peer (TCP_INFO, tcpi_delivery_rate); nil when it does not say.
  public var deliveryRate: Double?
  /// Exchanges that ended well, and that were late or lost: totals since the start.
  public var done = 0
  public var missed = 0

  public init(goodput: Double? = nil, roundTrip: Duration? = nil, age: Duration? = nil) {
    self.goodput = goodput
    self.roundTrip = roundTrip
    self.age = age
  }
}

/// The price of visits to one peer, ready for `NodeConditions` and `Conditions`.
public struct VisitPrice: Sendable, Hashable {
  public var cost: VisitCost
  /// Price of a layer's first visit in time: round trip and wake-up, without the airtime that `cost` counts already.
  public var wakeTime: Duration
  /// Price of a layer's first visit in energy.
  public var wakeEnergy: Energy
  /// Age of the youngest figure behind the price; nil when nothing was ever measured.
  public var age: Duration?
  /// The weakest standing: `.modelled` as soon as the joules rest on coefficients from a table.
  public var standing: Standing
}

/// Joins link, exchanges and radio model.
///
/// Airtime: `t = t0 + S/R` with R the measured goodput, else what the rate controller expects, else the PHY rate less
/// repetitions and overheads. Two hops through an access point share the medium: a measured goodput contains that, a
/// rate does not. Energy: airtime of this hop × (send + receive) + frames × cross factor. Where there is no radio the
/// joules are those of the radio that the model assumes, and the time is the measured one.
public func visitCost(link: PeerLink?, transport: TransportFigures, model: RadioPowerModel) -> VisitPrice {
  let speeds = Speeds(link: link, transport: transport, model: model)
  let hops: Double = link?.topology == .viaAccessPoint ? 2 : 1
  let overhead = model.exchangeOverhead.seconds
  // Up and down are priced alike: a byte up costs the sender's power here and the receiver's there, a byte down the
  // reverse. The gateway alone pays sending for one half of the bytes and receiving for the other.
  let bothEnds = model.sendWatts + model.receiveWatts
  let watts = model.account == .system ? bothEnds : bothEnds / 2
  let ends: Double = model.account == .system ? 2 : 1
  let isRadio = link?.isRadio ?? false
  let cost = VisitCost(
    energyPerVisit: watts * overhead + 2 * ends * model.joulesPerFrame,
    energyPerByte: watts / speeds.hop + ends * model.joulesPerFrame / model.framePayload,
    airtimePerVisit: isRadio ? overhead * hops : 0,
    airtimePerByte: 1 / speeds.medium)
  let roundTrip = transport.roundTrip ?? model.assumedRoundTrip
  return VisitPrice(
    cost: cost, wakeTime: max(.zero, roundTrip - .seconds(cost.airtimePerVisit)),
    wakeEnergy: .joules(model.wakeJoules), age: speeds.age,
    standing: max(model.standing, isRadio ? speeds.standing : .modelled))
}

/// Bytes per second over the medium as a whole, and over this machine's own hop.
private struct Speeds {
  var medium: Double
  var hop: Double
  var standing: Standing
  var age: Duration?

  init(link: PeerLink?, transport: TransportFigures, model: RadioPowerModel) {
    let isRadio = link?.isRadio ?? false
    let hops: Double = link?.topology == .viaAccessPoint ? 2 : 1
    if let goodput = transport.goodput, goodput.isFinite, goodput > 0 {
      medium = goodput
      hop = isRadio ? goodput * hops : model.assumedGoodput
      standing = .derived
    } else if isRadio, let rate = Self.rate(link, model) {
      hop = rate
      medium = rate / hops
      standing = .derived
    } else {
      hop = model.assumedGoodput
      medium = model.assumedGoodput / hops
      standing = .modelled
    }
    age = [transport.age, isRadio ? link?.age : nil].compactMap { $0 }.min()
  }

  /// In bytes/s, from what the driver tells.
  private static func rate(_ link: PeerLink?, _ model: RadioPowerModel) -> Double? {
    if let expected = link?.expectedThroughput, expected > 0 { return expected / 8 }
    guard let rate = link?.sendRate, rate > 0 else { return nil }
    return rate / 8 * model.efficiency * (1 - min(0.99, link?.retryRatio ?? 0))
  }
}
