// Frames as the kernel sends them, byte for byte, with the kernel's names beside them (little-endian hosts).

import LinkMonitor
import Synchronization

/// Bytes from hexadecimal text; blanks are for the reader.
func hex(_ lines: String...) -> [UInt8] {
  let digits = lines.joined().filter(\.isHexDigit)
  return stride(from: 0, to: digits.count, by: 2).compactMap { at in
    let from = digits.index(digits.startIndex, offsetBy: at)
    return UInt8(digits[from...].prefix(2), radix: 16)
  }
}

enum Frames {
  /// The family's number in all frames below.
  static let family: UInt16 = 0x1c

  /// NL80211_CMD_NEW_INTERFACE of a station on channel 1, 20 MHz wide.
  static func interface(sequence: UInt8) -> [UInt8] {
    hex(
      "50000000 1c00 0200 \(two(sequence))000000 00000000",  // nlmsghdr: 80 bytes, nl80211, NLM_F_MULTI
      "07 01 0000",  // genlmsghdr: NL80211_CMD_NEW_INTERFACE
      "0800 0300 03000000",  // NL80211_ATTR_IFINDEX 3
      "0a00 0400 776c616e3000 0000",  // NL80211_ATTR_IFNAME "wlan0", padded
      "0800 0500 02000000",  // NL80211_ATTR_IFTYPE NL80211_IFTYPE_STATION
      "0a00 0600 020000000000 0000",  // NL80211_ATTR_MAC, padded
      "0800 2600 6c090000",  // NL80211_ATTR_WIPHY_FREQ 2412 MHz
      "0800 9f00 01000000",  // NL80211_ATTR_CHANNEL_WIDTH NL80211_CHAN_WIDTH_20
      "0400 f000")  // an attribute that nobody knows
  }

  /// NL80211_CMD_NEW_STATION of 02:00:00:00:01:00.
  /// - Parameter flags: those that are set, of the kernel's authorized, authenticated and associated.
  static func station(
    sequence: UInt8, received: UInt8 = 10, sent: UInt8 = 20, retries: UInt8 = 5, flags: UInt8 = 0xa2
  ) -> [UInt8] {
    hex(
      "94000000 1c00 0200 \(two(sequence))000000 00000000",  // nlmsghdr: 148 bytes
      "13 01 0000",  // genlmsghdr: NL80211_CMD_NEW_STATION
      "0800 0300 03000000",  // NL80211_ATTR_IFINDEX 3
      "0a00 0600 020000000100 0000",  // NL80211_ATTR_MAC
      "6c00 1580",  // NL80211_ATTR_STA_INFO, NLA_F_NESTED
      "0800 0100 f4010000",  // NL80211_STA_INFO_INACTIVE_TIME 500 ms
      "0500 0700 c3 000000",  // NL80211_STA_INFO_SIGNAL −61 dBm
      "0500 0d00 c1 000000",  // NL80211_STA_INFO_SIGNAL_AVG −63 dBm
      "0800 0900 \(two(received))000000",  // NL80211_STA_INFO_RX_PACKETS
      "0800 0a00 \(two(sent))000000",  // NL80211_STA_INFO_TX_PACKETS
      "0800 0b00 \(two(retries))000000",  // NL80211_STA_INFO_TX_RETRIES
      "1800 0880",  // NL80211_STA_INFO_TX_BITRATE, nested
      "0600 0100 d202 0000",  // NL80211_RATE_INFO_BITRATE 722 × 100 kbit/s
      "0500 0200 07 000000",  // NL80211_RATE_INFO_MCS 7
      "0400 0400",  // NL80211_RATE_INFO_SHORT_GI
      "0800 1b00 204e0000",  // NL80211_STA_INFO_EXPECTED_THROUGHPUT 20000 kbit/s
      "0c00 1100 a2000000 \(two(flags))000000",  // NL80211_STA_INFO_STA_FLAGS: mask, set
      "0c00 2700 0000000000000000")  // NL80211_STA_INFO_TX_DURATION 0: this driver does not count it
  }

  /// NL80211_CMD_NEW_SURVEY_RESULTS of the channel in use.
  static func survey(sequence: UInt8) -> [UInt8] {
    hex(
      "40000000 1c00 0200 \(two(sequence))000000 00000000",  // nlmsghdr: 64 bytes
      "33 01 0000",  // genlmsghdr: NL80211_CMD_NEW_SURVEY_RESULTS
      "0800 0300 03000000",  // NL80211_ATTR_IFINDEX 3
      "2400 5480",  // NL80211_ATTR_SURVEY_INFO, nested
      "0800 0100 6c090000",  // NL80211_SURVEY_INFO_FREQUENCY 2412
      "0500 0200 a4 000000",  // NL80211_SURVEY_INFO_NOISE −92 dBm
      "0400 0300",  // NL80211_SURVEY_INFO_IN_USE
      "0c00 0400 8813000000000000")  // NL80211_SURVEY_INFO_TIME 5000 ms
  }

  /// NLMSG_DONE.
  static func done(sequence: UInt8) -> [UInt8] {
    hex("14000000 0300 0200 \(two(sequence))000000 00000000", "00000000")
  }

  /// RTM_NEWROUTE: 10.0.0.2 is on the link of interface 3.
  static func route(sequence: UInt8, interface: UInt8 = 3, gateway: String? = nil, type: UInt8 = 1) -> [UInt8] {
    let router = gateway.map { "0800 0500 \($0)" } ?? ""  // RTA_GATEWAY
    let body = hex(
      "02 20 00 00 fe 00 fd \(two(type)) 00000000",  // rtmsg: AF_INET, /32, RT_TABLE_MAIN, RTN_UNICAST
      "0800 0100 0a000002",  // RTA_DST 10.0.0.2
      "0800 0400 \(two(interface))000000", router)  // RTA_OIF
    return hex("\(two(UInt8(16 + body.count)))000000 1800 0000 \(two(sequence))000000 00000000") + body
  }

  /// RTM_NEWNEIGH: 10.0.0.2 is at `station`.
  static func neighbour(sequence: UInt8, station: String) -> [UInt8] {
    hex(
      "30000000 1c00 0200 \(two(sequence))000000 00000000",  // nlmsghdr: RTM_NEWNEIGH
      "02 00 0000 03000000 0200 00 01",  // ndmsg: AF_INET, ifindex 3, NUD_REACHABLE, RTN_UNICAST
      "0800 0100 0a000002",  // NDA_DST 10.0.0.2
      "0a00 0200 \(station) 0000")  // NDA_LLADDR
  }

  private static func two(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
}

/// A kernel made of frames: answers each command with what the test has put there, through the real framing.
final class ReplayTransport: NetlinkTransport {
  typealias Answer = @Sendable (_ command: UInt8, _ sequence: UInt8) -> [[UInt8]]
  let family: UInt16
  private let answer: Mutex<Answer>
  private let asked = Mutex<[[UInt8]]>([])

  init(family: UInt16 = Frames.family, answer: @escaping Answer) {
    self.family = family
    self.answer = Mutex(answer)
  }

  /// The requests that came, whole.
  var requests: [[UInt8]] { asked.withLock { $0 } }

  /// What this transport would say.
  func answerTo(_ command: UInt8, _ sequence: UInt8) -> [[UInt8]] { answer.withLock { $0 }(command, sequence) }

  func reply(_ new: @escaping Answer) { answer.withLock { $0 = new } }

  func exchange(
    _ request: NetlinkRequest, _ take: (NetlinkMessage) throws(NetlinkError) -> Void
  ) throws(NetlinkError) {
    let bytes = request.bytes
    asked.withLock { $0.append(bytes) }
    // Generic families carry the command behind the header, rtnetlink in the header's type.
    let command = family == 0 ? bytes[4] : bytes[16]
    let datagrams = answer.withLock { $0 }(command, UInt8(truncatingIfNeeded: request.sequence))
    var framing = ReplyFraming(sequence: request.sequence & 0xFF)
    for datagram in datagrams where try framing.take(datagram[...], take) { return }
    throw .timeout
  }
}
