// One link in the words of `siftctl links --json` (docs/formats/links.md). What is not known is null, never 0.

/// A link as its format writes it: signals in dBm, rates in bit/s, times in seconds.
public struct LinkRow: Sendable, Hashable {
  public struct Fading: Sendable, Hashable {
    /// static, slow, fast or unknown.
    public var kind: String
    public var k: Double?
    /// 90 % interval: two bounds, the lower first.
    public var kInterval: [Double]?
    public var doppler: Double?
    public var coherenceAtLeast: Double?
  }
  /// Chance that a visit misses its deadline.
  public struct Outage: Sendable, Hashable {
    public var bytes: Int
    public var deadline: Double
    public var probability: Double?
  }
  /// What a visit of `outage.bytes` costs.
  public struct Visit: Sendable, Hashable {
    public var energy: Double?
    public var airtime: Double?
  }

  public var interface: String?
  public var peer: String?
  public var peerName: String?
  /// nl80211, wext or transport.
  public var source: String
  /// direct, via-access-point, wired or loopback; nil without a route.
  public var topology: String?
  public var age: Double?
  public var isFresh: Bool
  public var signal: Double?
  public var noise: Double?
  public var isNoiseAssumed: Bool
  public var snr: Double?
  public var sendRate: Double?
  public var receiveRate: Double?
  public var retryRatio: Double?
  public var goodput: Double?
  public var roundTrip: Double?
  public var fading: Fading
  public var outage: Outage
  public var visit: Visit
}

extension LinkRow: Codable {
  private enum CodingKeys: String, CodingKey {
    case interface, peer, source, topology, fading, outage, visit
    case peerName = "peer_name"
    case age = "age_s"
    case isFresh = "fresh"
    case signal = "signal_dbm"
    case noise = "noise_dbm"
    case isNoiseAssumed = "noise_assumed"
    case snr = "snr_db"
    case sendRate = "tx_rate_bps"
    case receiveRate = "rx_rate_bps"
    case retryRatio = "retry_ratio"
    case goodput = "goodput_bps"
    case roundTrip = "round_trip_s"
  }

  /// Every field is there, null where nothing is known.
  public func encode(to encoder: any Encoder) throws {
    var row = encoder.container(keyedBy: CodingKeys.self)
    try row.encode(interface, forKey: .interface)
    try row.encode(peer, forKey: .peer)
    try row.encode(peerName, forKey: .peerName)
    try row.encode(source, forKey: .source)
    try row.encode(topology, forKey: .topology)
    try row.encode(age, forKey: .age)
    try row.encode(isFresh, forKey: .isFresh)
    try row.encode(signal, forKey: .signal)
    try row.encode(noise, forKey: .noise)
    try row.encode(isNoiseAssumed, forKey: .isNoiseAssumed)
    try row.encode(snr, forKey: .snr)
    try row.encode(sendRate, forKey: .sendRate)
    try row.encode(receiveRate, forKey: .receiveRate)
    try row.encode(retryRatio, forKey: .retryRatio)
    try row.encode(goodput, forKey: .goodput)
    try row.encode(roundTrip, forKey: .roundTrip)
    try row.encode(fading, forKey: .fading)
    try row.encode(outage, forKey: .outage)
    try row.encode(visit, forKey: .visit)
  }
}

extension LinkRow.Fading: Codable {
  private enum CodingKeys: String, CodingKey {
    case kind, k
    case kInterval = "k_interval"
    case doppler = "doppler_hz"
    case coherenceAtLeast = "coherence_s_at_least"
  }

  public func encode(to encoder: any Encoder) throws {
    var fading = encoder.container(keyedBy: CodingKeys.self)
    try fading.encode(kind, forKey: .kind)
    try fading.encode(k, forKey: .k)
    try fading.encode(kInterval, forKey: .kInterval)
    try fading.encode(doppler, forKey: .doppler)
    try fading.encode(coherenceAtLeast, forKey: .coherenceAtLeast)
  }
}

extension LinkRow.Outage: Codable {
  private enum CodingKeys: String, CodingKey {
    case bytes, probability
    case deadline = "deadline_s"
  }

  public func encode(to encoder: any Encoder) throws {
    var outage = encoder.container(keyedBy: CodingKeys.self)
    try outage.encode(bytes, forKey: .bytes)
    try outage.encode(deadline, forKey: .deadline)
    try outage.encode(probability, forKey: .probability)
  }
}

extension LinkRow.Visit: Codable {
  private enum CodingKeys: String, CodingKey {
    case energy = "energy_j"
    case airtime = "airtime_s"
  }

  public func encode(to encoder: any Encoder) throws {
    var visit = encoder.container(keyedBy: CodingKeys.self)
    try visit.encode(energy, forKey: .energy)
    try visit.encode(airtime, forKey: .airtime)
  }
}
