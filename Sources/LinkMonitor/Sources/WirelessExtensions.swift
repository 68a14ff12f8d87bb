// The wireless extensions, for drivers that know nothing newer: signal, noise, rate and access point of an interface in
// station mode. Through libiw, which the package trait LibIW leaves in or out.

import SiftCore

/// What the wireless extensions tell of an interface.
package struct WirelessExtensionsReading: Sendable, Hashable {
  package var signal: DecibelMilliwatts?
  package var noise: DecibelMilliwatts?
  package var bitsPerSecond: Double?
  package var accessPoint: MACAddress?

  package init(
    signal: DecibelMilliwatts? = nil, noise: DecibelMilliwatts? = nil, bitsPerSecond: Double? = nil,
    accessPoint: MACAddress? = nil
  ) {
    self.signal = signal
    self.noise = noise
    self.bitsPerSecond = bitsPerSecond
    self.accessPoint = accessPoint
  }

  // include/uapi/linux/wireless.h, IW_QUAL_*
  private static let levelInvalid: UInt8 = 0x20
  private static let noiseInvalid: UInt8 = 0x40
  private static let inDecibels: UInt8 = 0x08
  private static let inRCPI: UInt8 = 0x80

  /// Reads the three bytes of `struct iw_quality`: the level as the driver's flags say to read it. A level that is
  /// neither dBm nor RCPI is a percentage of something, and no signal.
  package init(level: UInt8, noise: UInt8, updated: UInt8) {
    let valid = { (flag: UInt8) in updated & flag == 0 }
    signal = valid(Self.levelInvalid) ? Self.level(level, updated) : nil
    self.noise = valid(Self.noiseInvalid) ? Self.level(noise, updated) : nil
  }

  private static func level(_ byte: UInt8, _ updated: UInt8) -> DecibelMilliwatts? {
    // RCPI: half decibels above −110 dBm, 220 and above reserved (IEEE 802.11-2020, 9.4.2.37).
    if updated & inRCPI != 0 { return byte < 220 ? DecibelMilliwatts(Double(byte) / 2 - 110) : nil }
    guard updated & inDecibels != 0 else { return nil }
    // dBm in eight bits: −192…63. Nothing that is received comes near 0 dBm; −256 is this ABI's "not known".
    let value = byte >= 64 ? Int(byte) - 256 : Int(byte)
    return value < 0 ? DecibelMilliwatts(Double(value)) : nil
  }
}

/// Where the readings come from: libiw, or what a test puts there.
package protocol WirelessExtensionsSource: Sendable {
  /// nil when the interface has no wireless extensions, or is not associated.
  func reading(of interface: String) -> WirelessExtensionsReading?
}

/// A build or machine without wireless extensions.
package struct NoWirelessExtensions: WirelessExtensionsSource {
  package init() {}
  package func reading(of interface: String) -> WirelessExtensionsReading? { nil }
}

#if LibIW
  import CWext

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #endif

  /// libiw over a socket of its own.
  package final class LibIWSource: WirelessExtensionsSource {
    private let descriptor: Int32

    /// - Returns: nil when no socket can be had.
    package init?() {
      descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    package func reading(of interface: String) -> WirelessExtensionsReading? {
      // SIOCGIWNAME first: libiw itself writes to standard error where there are no extensions.
      guard call(interface, SIOCGIWNAME) != nil else { return nil }
      var range = iw_range()
      let hasRange = iw_get_range_info(descriptor, interface, &range) >= 0
      var statistics = iw_statistics()
      guard iw_get_stats(descriptor, interface, &statistics, &range, hasRange ? 1 : 0) >= 0 else { return nil }
      let quality = statistics.qual
      var reading = WirelessExtensionsReading(level: quality.level, noise: quality.noise, updated: quality.updated)
      reading.bitsPerSecond = call(interface, SIOCGIWRATE).flatMap { answer in
        answer.u.bitrate.value > 0 ? Double(answer.u.bitrate.value) : nil
      }
      reading.accessPoint = call(interface, SIOCGIWAP).flatMap(accessPoint)
      return reading
    }

    private func call(_ interface: String, _ request: Int32) -> iwreq? {
      var answer = iwreq()
      return iw_get_ext(descriptor, interface, request, &answer) >= 0 ? answer : nil
    }

    /// All zeros or all ones: not associated.
    private func accessPoint(_ answer: iwreq) -> MACAddress? {
      var address = answer.u.ap_addr
      let bytes = withUnsafeBytes(of: &address.sa_data) { Array($0.prefix(6)) }
      guard bytes.contains(where: { $0 != 0 }), bytes.contains(where: { $0 != 0xFF }) else { return nil }
      return MACAddress(bytes)
    }
  }
#endif
