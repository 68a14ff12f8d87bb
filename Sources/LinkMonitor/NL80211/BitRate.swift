// The rate of the last data frame in one direction, as nl80211 tells it (enum nl80211_rate_info).

import CNetlink

/// A PHY rate and how it is coded. Every field may be missing; a number of streams or an MCS of one generation says
/// nothing about the others.
public struct BitRate: Sendable, Hashable {
  /// In bit/s.
  public var bitsPerSecond: Double?
  /// HT (0…31, streams included), VHT, HE or EHT index.
  public var mcs: Int?
  /// Spatial streams, where the generation tells them apart from the MCS.
  public var streams: Int?
  /// Channel width in MHz: 20 unless a flag says otherwise.
  public var widthMegahertz: Int
  public var isShortGuard: Bool
  /// nil for a rate that names no MCS. EHT counts as HE: its MCS 0…11 are the same.
  public var generation: PhyGeneration?
  /// Of HE and EHT; nil where the driver does not say.
  public var heGuard: GuardInterval?

  /// A rate of which only the number is known.
  public init(bitsPerSecond: Double) {
    self.bitsPerSecond = bitsPerSecond
    widthMegahertz = 20
    isShortGuard = false
  }

  /// - Throws: `.malformed` for a field that is cut short.
  package init(_ attributes: NetlinkAttributes) throws(NetlinkError) {
    let wide: UInt32? = try attributes.integer(NL80211_RATE_INFO_BITRATE32.attribute)
    let narrow: UInt16? = try attributes.integer(NL80211_RATE_INFO_BITRATE.attribute)
    // Units of 100 kbit/s. The 16-bit form stays 0 above 6.5 Gbit/s.
    let units = wide.map(Double.init) ?? narrow.map(Double.init)
    bitsPerSecond = units.flatMap { $0 > 0 ? $0 * 1e5 : nil }
    mcs = try Self.first(
      attributes,
      [NL80211_RATE_INFO_EHT_MCS, NL80211_RATE_INFO_HE_MCS, NL80211_RATE_INFO_VHT_MCS, NL80211_RATE_INFO_MCS])
    streams = try Self.first(
      attributes, [NL80211_RATE_INFO_EHT_NSS, NL80211_RATE_INFO_HE_NSS, NL80211_RATE_INFO_VHT_NSS])
    widthMegahertz = Self.width(attributes)
    isShortGuard = attributes.has(NL80211_RATE_INFO_SHORT_GI.attribute)
    generation = Self.generation(attributes)
    let he: UInt8? = try attributes.integer(NL80211_RATE_INFO_HE_GI.attribute)
    let eht: UInt8? = try attributes.integer(NL80211_RATE_INFO_EHT_GI.attribute)
    heGuard = (eht ?? he).flatMap(Self.guardInterval)
  }

  /// Spatial streams, also of HT, whose MCS counts them; nil for a rate without MCS.
  public var effectiveStreams: Int? { streams ?? mcs.map { generation == .ht ? $0 / 8 + 1 : 1 } }

  private static func generation(_ attributes: NetlinkAttributes) -> PhyGeneration? {
    let kinds: [(nl80211_rate_info, PhyGeneration)] = [
      (NL80211_RATE_INFO_EHT_MCS, .he), (NL80211_RATE_INFO_HE_MCS, .he), (NL80211_RATE_INFO_VHT_MCS, .vht),
      (NL80211_RATE_INFO_MCS, .ht),
    ]
    return kinds.first { attributes.has($0.0.attribute) }?.1
  }

  /// enum nl80211_he_gi, and nl80211_eht_gi, which is the same.
  private static func guardInterval(_ value: UInt8) -> GuardInterval? {
    switch UInt32(value) {
    case NL80211_RATE_INFO_HE_GI_0_8.rawValue: .nanoseconds800
    case NL80211_RATE_INFO_HE_GI_1_6.rawValue: .nanoseconds1600
    case NL80211_RATE_INFO_HE_GI_3_2.rawValue: .nanoseconds3200
    default: nil
    }
  }

  private static func first(
    _ attributes: NetlinkAttributes, _ types: [nl80211_rate_info]
  ) throws(NetlinkError) -> Int? {
    for type in types {
      if let value: UInt8 = try attributes.integer(type.attribute) { return Int(value) }
    }
    return nil
  }

  private static func width(_ attributes: NetlinkAttributes) -> Int {
    let flags: [(nl80211_rate_info, Int)] = [
      (NL80211_RATE_INFO_320_MHZ_WIDTH, 320), (NL80211_RATE_INFO_160_MHZ_WIDTH, 160),
      (NL80211_RATE_INFO_80P80_MHZ_WIDTH, 160), (NL80211_RATE_INFO_80_MHZ_WIDTH, 80),
      (NL80211_RATE_INFO_40_MHZ_WIDTH, 40), (NL80211_RATE_INFO_10_MHZ_WIDTH, 10),
      (NL80211_RATE_INFO_5_MHZ_WIDTH, 5),
    ]
    return flags.first { attributes.has($0.0.attribute) }?.1 ?? 20
  }
}

/// The kernel's enumerations as attribute types.
extension RawRepresentable where RawValue == UInt32 {
  package var attribute: UInt16 { UInt16(truncatingIfNeeded: rawValue) }
}
