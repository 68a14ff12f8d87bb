// What `siftctl links` prints: one link a row, in the words of its format. What is not known is null, never 0.

import SiftCore

/// The output of `siftctl links --json`.
public struct LinksReport: Encodable, Sendable {
  public var links: [Row]

  /// One link.
  public struct Row: Sendable {
    public var link: PeerLink
    public var transport: TransportFigures
    public var price: VisitPrice?
  }

  /// The size that a visit is priced for, in bytes: a hidden state of 1024 in f32.
  public static let visitBytes = 4096

  /// - Parameter transport: what the exchanges with a peer have shown, by its name; empty where no daemon runs.
  public init(_ snapshot: LinkSnapshot, transport: [String: TransportFigures] = [:], model: RadioPowerModel) {
    links = snapshot.links.map { link in
      let figures = link.peerName.flatMap { transport[$0] } ?? TransportFigures()
      let isKnown = link.isRadio || figures.goodput != nil
      return Row(
        link: link, transport: figures,
        price: isKnown ? visitCost(link: link, transport: figures, model: model) : nil)
    }
  }
}

extension LinksReport.Row: Encodable {
  private enum Key: String, CodingKey {
    case interface, peer, source, topology, fresh, fading, outage, visit
    case peerName = "peer_name"
    case age = "age_s"
    case signal = "signal_dbm"
    case noise = "noise_dbm"
    case noiseAssumed = "noise_assumed"
    case snr = "snr_db"
    case sendRate = "tx_rate_bps"
    case receiveRate = "rx_rate_bps"
    case retryRatio = "retry_ratio"
    case goodput = "goodput_bps"
    case roundTrip = "round_trip_s"
  }
  private enum FadingKey: String, CodingKey {
    case kind, k
    case interval = "k_interval"
    case doppler = "doppler_hz"
    case coherence = "coherence_s_at_least"
  }
  private enum OutageKey: String, CodingKey {
    case bytes, probability
    case deadline = "deadline_s"
  }
  private enum VisitKey: String, CodingKey {
    case energy = "energy_j"
    case airtime = "airtime_s"
  }

  public func encode(to encoder: any Encoder) throws {
    var row = encoder.container(keyedBy: Key.self)
    try row.encode(link.interface, forKey: .interface)
    try row.encode(link.station?.description, forKey: .peer)
    try row.encode(link.peerName, forKey: .peerName)
    try row.encode(link.source, forKey: .source)
    try row.encode(link.topology, forKey: .topology)
    try row.encode(link.age?.seconds, forKey: .age)
    try row.encode(link.isFresh, forKey: .fresh)
    try row.encode(link.signal?.value, forKey: .signal)
    try row.encode(link.noise?.value, forKey: .noise)
    try row.encode(link.isNoiseAssumed, forKey: .noiseAssumed)
    try row.encode(link.snr?.value, forKey: .snr)
    try row.encode(link.sendRate, forKey: .sendRate)
    try row.encode(link.receiveRate, forKey: .receiveRate)
    try row.encode(link.retryRatio, forKey: .retryRatio)
    try row.encode(transport.goodput.map { $0 * 8 }, forKey: .goodput)
    try row.encode(transport.roundTrip?.seconds, forKey: .roundTrip)
    try encodeForecast(&row)
  }

  /// Fading is unknown until enough samples carry it. A Doppler frequency and an outage are not estimated yet.
  private func encodeForecast(_ row: inout KeyedEncodingContainer<Key>) throws {
    var fading = row.nestedContainer(keyedBy: FadingKey.self, forKey: .fading)
    let estimate = link.fading
    try fading.encode(estimate?.kind ?? .unknown, forKey: .kind)
    // JSON knows no infinity: a K beyond all bounds is a static link, and its kind says so.
    try fading.encode(estimate?.k.flatMap { $0.isFinite ? $0 : nil }, forKey: .k)
    let bounds = estimate?.interval.flatMap { $0.upperBound.isFinite ? [$0.lowerBound, $0.upperBound] : nil }
    try fading.encode(bounds, forKey: .interval)
    try fading.encodeNil(forKey: .doppler)
    try fading.encode(estimate?.coherenceAtLeast?.seconds, forKey: .coherence)
    var outage = row.nestedContainer(keyedBy: OutageKey.self, forKey: .outage)
    try outage.encode(LinksReport.visitBytes, forKey: .bytes)
    try outage.encodeNil(forKey: .deadline)
    try outage.encodeNil(forKey: .probability)
    var visit = row.nestedContainer(keyedBy: VisitKey.self, forKey: .visit)
    try visit.encode(price?.cost.energy(bytes: LinksReport.visitBytes), forKey: .energy)
    try visit.encode(price?.cost.airtime(bytes: LinksReport.visitBytes), forKey: .airtime)
  }
}
