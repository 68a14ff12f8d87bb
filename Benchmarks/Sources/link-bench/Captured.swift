// Messages as a kernel sends them for an access point with four stations (little-endian hosts).

import LinkMonitor

enum Captured {
  /// Bytes of a station's message, and where in it the signal and the frames received stand.
  private static let (stationSize, signalAt, framesAt) = (148, 56, 96)

  /// The next answer about stations: each got a frame, at another signal.
  static func turn(_ datagram: inout [UInt8], round: UInt64) {
    for number in 0..<4 {
      let begin = number * stationSize
      datagram[begin + framesAt] &+= 1
      // −68 to −53 dBm, as good as random.
      var mixed = (round &* 4 &+ UInt64(number)) &* 0x9E37_79B9_7F4A_7C15
      mixed ^= mixed >> 29
      datagram[begin + signalAt] = UInt8(bitPattern: -68 + Int8(mixed >> 60))
    }
  }

  static var answers: CannedAnswers {
    CannedAnswers(
      family: 0x1c,
      datagrams: [
        0x05: [interface + done],  // NL80211_CMD_GET_INTERFACE
        0x11: [(0..<4).flatMap(station) + done],  // NL80211_CMD_GET_STATION
        0x32: [survey + done],  // NL80211_CMD_GET_SURVEY
      ])
  }

  private static func message(_ body: [UInt8]) -> [UInt8] {
    let size = UInt8(16 + body.count)
    return [size, 0, 0, 0, 0x1c, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0] + body
  }

  private static let done: [UInt8] = [20, 0, 0, 0, 3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]

  private static let interface = message(
    [0x07, 1, 0, 0]  // NL80211_CMD_NEW_INTERFACE
      + [8, 0, 3, 0, 3, 0, 0, 0]  // NL80211_ATTR_IFINDEX
      + [10, 0, 4, 0, 0x77, 0x6c, 0x61, 0x6e, 0x30, 0, 0, 0]  // NL80211_ATTR_IFNAME wlan0
      + [8, 0, 5, 0, 3, 0, 0, 0]  // NL80211_ATTR_IFTYPE: access point
      + [8, 0, 0x26, 0, 0x6c, 9, 0, 0])  // NL80211_ATTR_WIPHY_FREQ 2412

  private static let survey = message(
    [0x33, 1, 0, 0] + [8, 0, 3, 0, 3, 0, 0, 0]
      + [20, 0, 0x54, 0x80]  // NL80211_ATTR_SURVEY_INFO
      + [8, 0, 1, 0, 0x6c, 9, 0, 0] + [5, 0, 2, 0, 0xa4, 0, 0, 0])  // 2412 MHz, −92 dBm

  private static func station(_ number: Int) -> [UInt8] {
    message(
      [0x13, 1, 0, 0] + [8, 0, 3, 0, 3, 0, 0, 0]
        + [10, 0, 6, 0, 2, 0, 0, 0, 1, UInt8(number), 0, 0]  // NL80211_ATTR_MAC
        + [108, 0, 0x15, 0x80]  // NL80211_ATTR_STA_INFO
        + [8, 0, 1, 0, 100, 0, 0, 0]  // INACTIVE_TIME
        + [5, 0, 7, 0, 0xc3, 0, 0, 0] + [5, 0, 13, 0, 0xc1, 0, 0, 0]  // SIGNAL, SIGNAL_AVG
        + [12, 0, 23, 0, 0, 16, 0, 0, 0, 0, 0, 0] + [12, 0, 24, 0, 0, 32, 0, 0, 0, 0, 0, 0]  // RX_BYTES64, TX_BYTES64
        + [8, 0, 9, 0, 10, 0, 0, 0] + [8, 0, 10, 0, 20, 0, 0, 0] + [8, 0, 11, 0, 5, 0, 0, 0]  // packets, retries
        + [24, 0, 8, 0x80] + [6, 0, 1, 0, 0xd2, 2, 0, 0] + [5, 0, 2, 0, 7, 0, 0, 0] + [4, 0, 4, 0]  // TX_BITRATE
        + [8, 0, 27, 0, 0x20, 0x4e, 0, 0])  // EXPECTED_THROUGHPUT
  }
}
