// What `siftctl links` prints: a snapshot, priced and forecast, one link a row.

import SiftCore

/// The output of `siftctl links --json`.
public struct LinksReport: Codable, Sendable, Hashable {
  public var links: [LinkRow]

  public init(links: [LinkRow]) { self.links = links }

  /// - Parameters:
  ///   - transport: what the exchanges with a peer have shown, by its name; empty where no daemon runs.
  ///   - forecasts: of goodput, by the peer's name.
  ///   - demand: the visit that is priced, and whose outage is forecast.
  public init(
    _ snapshot: LinkSnapshot, transport: [String: TransportFigures] = [:],
    forecasts: [String: GoodputForecaster] = [:], model: RadioPowerModel, demand: VisitDemand = .standard
  ) {
    links = snapshot.links.map { link in
      LinkRow(
        link, transport: link.peerName.flatMap { transport[$0] } ?? TransportFigures(),
        forecast: link.peerName.flatMap { forecasts[$0] }, model: model, demand: demand)
    }
  }
}

extension LinkRow {
  /// - Parameters:
  ///   - forecast: of goodput from exchanges; stands in where no radio is seen.
  ///   - demand: the visit that is priced.
  public init(
    _ link: PeerLink, transport: TransportFigures, forecast: GoodputForecaster? = nil, model: RadioPowerModel,
    demand: VisitDemand
  ) {
    let isKnown = link.isRadio || transport.goodput != nil
    let price = isKnown ? visitCost(link: link, transport: transport, model: model) : nil
    let chance =
      link.outage(of: demand, transport: transport, model: model)
      ?? forecast.flatMap { $0.outage(of: demand, overhead: transport.roundTrip ?? model.assumedRoundTrip) }
    self.init(
      interface: link.interface, peer: link.station?.description, peerName: link.peerName,
      source: link.source.rawValue, topology: link.topology?.rawValue, age: link.age?.seconds, isFresh: link.isFresh,
      signal: link.signal?.value, noise: link.noise?.value, isNoiseAssumed: link.isNoiseAssumed, snr: link.snr?.value,
      sendRate: link.sendRate, receiveRate: link.receiveRate, retryRatio: link.retryRatio,
      goodput: (transport.goodput ?? transport.deliveryRate).map { $0 * 8 }, roundTrip: transport.roundTrip?.seconds,
      fading: Fading(link.fading),
      outage: Outage(bytes: demand.bytes, deadline: demand.deadline.seconds, probability: chance),
      visit: Visit(
        energy: price?.cost.energy(bytes: demand.bytes), airtime: price?.cost.airtime(bytes: demand.bytes)))
  }
}

extension LinkRow.Fading {
  /// Fading is unknown until enough samples carry it. JSON knows no infinity: a K beyond all bounds is a static link, and its
  /// kind says so.
  init(_ estimate: FadingEstimate?) {
    kind = (estimate?.kind ?? .unknown).rawValue
    k = estimate?.k.flatMap { $0.isFinite ? $0 : nil }
    kInterval = estimate?.interval.flatMap { $0.upperBound.isFinite ? [$0.lowerBound, $0.upperBound] : nil }
    doppler = estimate?.doppler?.hertz
    coherenceAtLeast = estimate?.coherenceAtLeast?.seconds
  }
}

extension PeerLink {
  /// Chance that a visit misses its deadline, 0…1; nil where there is no radio or its fading is not known.
  public func outage(of demand: VisitDemand, transport: TransportFigures, model: RadioPowerModel) -> Double? {
    guard isRadio, let channel else { return nil }
    let hops: Double = topology == .viaAccessPoint ? 2 : 1
    return VisitOutage.probability(
      of: demand, channel: channel, rate: sendCoding, retryRatio: retryRatio, goodput: transport.goodput,
      overhead: transport.roundTrip ?? model.exchangeOverhead * hops, efficiency: model.efficiency, hops: hops)
  }
}

extension GoodputForecaster {
  /// Chance that the next second's goodput is too little for a visit, 0…1; nil before enough was seen.
  public func outage(of demand: VisitDemand, overhead: Duration) -> Double? {
    let time = (demand.deadline - overhead).seconds
    return time > 0 ? outage(below: Double(demand.bytes) * 8 / time) : 1
  }
}
