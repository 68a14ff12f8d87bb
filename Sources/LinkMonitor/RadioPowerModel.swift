// What the air costs: powers of the radio above idle, and what every frame and exchange adds.

import SiftCore

/// Whose joules count.
public enum RadioAccount: String, Sendable, Hashable, Codable {
  /// Those of this machine.
  case gateway
  /// Those of both ends of the exchange. An access point in between is not counted.
  case system
}

/// The coefficients that turn airtime and frames into joules, and what is assumed where nothing was measured.
public struct RadioPowerModel: Sendable, Hashable {
  /// Power while sending, above idle, in watts, ≥ 0.
  public var sendWatts: Double
  /// Power while receiving, above idle, in watts, ≥ 0.
  public var receiveWatts: Double
  /// Work of the host for one frame, sent or received, in joules, ≥ 0 (the "cross factor", independent of the size).
  public var joulesPerFrame: Double
  /// Payload of one frame, in bytes, > 0. Default 1448: a TCP segment in an Ethernet frame.
  public var framePayload: Double
  /// Airtime of one exchange whatever its size: contention, preamble and acknowledgement of a frame each way.
  public var exchangeOverhead: Duration
  /// Energy of the first visit of a layer, in joules, ≥ 0 (leaving power save).
  public var wakeJoules: Double
  public var account: RadioAccount
  /// Share of the PHY rate that reaches the payload where goodput was never measured, 0…1.
  public var efficiency: Double
  /// Goodput of the radio that the joules are modelled for where there is no radio, in bytes/s, > 0.
  public var assumedGoodput: Double
  /// Round trip where none was measured.
  public var assumedRoundTrip: Duration
  /// Whose coefficients these are.
  public var source: String
  /// `.modelled` for coefficients from a table; `.derived` once they were measured on this radio.
  public var standing: Standing

  public init(
    sendWatts: Double, receiveWatts: Double, joulesPerFrame: Double, source: String, framePayload: Double = 1448,
    exchangeOverhead: Duration = RadioPowerModel.exchangeOverheadOFDM, wakeJoules: Double = 0,
    account: RadioAccount = .system, efficiency: Double = 0.6, assumedGoodput: Double = 48e6 / 8 * 0.6,
    assumedRoundTrip: Duration = .microseconds(7500), standing: Standing = .modelled
  ) {
    self.sendWatts = sendWatts
    self.receiveWatts = receiveWatts
    self.joulesPerFrame = joulesPerFrame
    self.framePayload = framePayload
    self.exchangeOverhead = exchangeOverhead
    self.wakeJoules = wakeJoules
    self.account = account
    self.efficiency = efficiency
    self.assumedGoodput = assumedGoodput
    self.assumedRoundTrip = assumedRoundTrip
    self.source = source
    self.standing = standing
  }

  /// Two frames of an OFDM PHY at 20 MHz (IEEE 802.11-2020, table 17-21): DIFS 34 µs, mean backoff 7.5 slots of 9 µs,
  /// preamble 20 µs, SIFS 16 µs, acknowledgement at 24 Mb/s 28 µs.
  public static let exchangeOverheadOFDM = Duration.nanoseconds(2 * (34_000 + 67_500 + 20_000 + 16_000 + 28_000))

  /// Published interfaces by name; powers above idle. The cross factor of 0.38 mJ is Ucar's for a laptop, used where a
  /// source gives none.
  public static let published: [String: RadioPowerModel] = [
    // Idle 1.30 W; 1.36 W receiving, 3.05 W sending at 48 Mb/s and 15 dBm.
    "ar9280": RadioPowerModel(
      sendWatts: 1.75, receiveWatts: 0.06, joulesPerFrame: 0.38e-3, source: "Atheros AR9280 (Ucar, thesis, data/03)"),
    // One antenna, 0 dBm: idle 0.82 W, receiving 0.94 W, sending 1.14 W.
    "intel-5300": RadioPowerModel(
      sendWatts: 0.32, receiveWatts: 0.12, joulesPerFrame: 0.38e-3,
      source: "Intel 5300, one antenna (Halperin et al., HotPower 2010)"),
    // 3.0 V; idle 0.273 A, receiving 0.313 A, sending 0.380 A.
    "ns-3": RadioPowerModel(
      sendWatts: 0.321, receiveWatts: 0.12, joulesPerFrame: 0.38e-3, source: "ns-3 WifiRadioEnergyModel defaults"),
    // 0.48 + 0.0008 M + 0.044 P sending and 0.00146 M receiving, at M = 48 Mb/s and P = 31.6 mW (15 dBm).
    "raspberry-pi-usb": RadioPowerModel(
      sendWatts: 0.48 + 0.0008 * 48 + 0.044 * 31.6, receiveWatts: 0.00146 * 48, joulesPerFrame: 0.38e-3,
      source: "Raspberry Pi with USB radio (Serrano et al. 2014)"),
    // 0.17 + 0.017 M + 0.101 P sending and 0.010 + 0.0237 M receiving, at the same M and P.
    "soekris": RadioPowerModel(
      sendWatts: 0.17 + 0.017 * 48 + 0.101 * 31.6, receiveWatts: 0.010 + 0.0237 * 48, joulesPerFrame: 0.5e-3,
      source: "Soekris net4826 (Serrano et al. 2014)"),
  ]

  /// The model used unless the configuration names another.
  public static let `default` = RadioPowerModel(
    sendWatts: 1.75, receiveWatts: 0.06, joulesPerFrame: 0.38e-3, source: "Atheros AR9280 (Ucar, thesis, data/03)")

  /// - Returns: the name of the first coefficient that is out of its range; nil when all are good.
  public var badCoefficient: String? {
    let notNegative = [
      ("sendWatts", sendWatts), ("receiveWatts", receiveWatts), ("joulesPerFrame", joulesPerFrame),
      ("wakeJoules", wakeJoules), ("exchangeOverhead", exchangeOverhead.seconds),
      ("assumedRoundTrip", assumedRoundTrip.seconds),
    ]
    let positive = [
      ("framePayload", framePayload), ("efficiency", efficiency), ("assumedGoodput", assumedGoodput),
    ]
    if let bad = notNegative.first(where: { !($0.1.isFinite && $0.1 >= 0) }) { return bad.0 }
    if let bad = positive.first(where: { !($0.1.isFinite && $0.1 > 0) }) { return bad.0 }
    return efficiency <= 1 ? nil : "efficiency"
  }
}
