// From bytes to what they mean: the kernel's frames, and frames that were cut or bent.

import Glibc
import LinkMonitor
import SiftCore
import Testing

@Suite struct ParserTests {
  private func payload(_ frame: [UInt8]) throws -> ArraySlice<UInt8> {
    try #require(try NetlinkMessage.split(frame[...]).first).payload
  }

  @Test func aStationIsReadWithTheKernelsSigns() throws {
    let info = try StationInfo(payload: payload(Frames.station(sequence: 1)))
    #expect(info.interface == 3 && info.address?.description == "02:00:00:00:01:00")
    #expect(info.signal == DecibelMilliwatts(-61) && info.averageSignal == DecibelMilliwatts(-63))
    #expect(info.inactive == .milliseconds(500))
    #expect(info.receivedPackets == 10 && info.sentPackets == 20 && info.retries == 5)
    #expect(info.sendRate?.bitsPerSecond == 72.2e6 && info.sendRate?.mcs == 7 && info.sendRate?.isShortGuard == true)
    #expect(info.sendRate?.widthMegahertz == 20)
    #expect(info.expectedThroughput == 20e6)
  }

  @Test func whatTheDriverLeavesUnsaidStaysUnsaid() throws {
    let info = try StationInfo(payload: payload(Frames.station(sequence: 1)))
    #expect(info.failed == nil && info.beacons == nil && info.receiveRate == nil && info.chainSignals.isEmpty)
    #expect(info.sendAirtime == nil, "an airtime of 0 is a driver that does not count")
    let bare = try StationInfo(payload: hex("13 01 0000", "0800 0300 03000000")[...])
    #expect(bare.signal == nil && bare.interface == 3)
  }

  @Test(arguments: [(0x46, nil), (0x00, nil), (0x80, nil), (0xFF, -1.0), (0x9C, -100)])
  func aPercentageIsNoLevel(byte: UInt8, level: Double?) throws {
    let text = (byte < 16 ? "0" : "") + String(byte, radix: 16)
    let info = try StationInfo(
      payload: hex("13 01 0000", "0c00 1580", "0500 0700 \(text) 000000")[...])
    #expect(info.signal?.value == level)
  }

  @Test func anInterfaceIsReadAndUnknownAttributesAreSkipped() throws {
    let interface = try #require(try WirelessInterface(payload: payload(Frames.interface(sequence: 1))))
    #expect(interface.index == 3 && interface.name == "wlan0" && interface.mode == .station)
    #expect(interface.frequencyMegahertz == 2412 && interface.widthMegahertz == 20)
  }

  @Test func aSurveyIsRead() throws {
    let survey = try #require(try SurveyInfo(payload: payload(Frames.survey(sequence: 1))))
    #expect(survey.isInUse && survey.noise == DecibelMilliwatts(-92) && survey.active == .seconds(5))
    #expect(survey.busy == nil)
  }

  @Test func aRouteAndANeighbourAreRead() throws {
    let direct = try Route(payload: payload(Frames.route(sequence: 1)))
    #expect(!direct.isLocal && direct.interface == 3 && direct.gateway == nil)
    let routed = try Route(payload: payload(Frames.route(sequence: 1, gateway: "0a000001")))
    #expect(routed.gateway?.description == "10.0.0.1")
    #expect(try Route(payload: payload(Frames.route(sequence: 1, type: 2))).isLocal)
    let neighbour = try #require(
      try Neighbour(payload: payload(Frames.neighbour(sequence: 1, station: "020000000100"))))
    #expect(neighbour.interface == 3 && neighbour.address == NetworkAddress("10.0.0.2"))
    #expect(neighbour.station.description == "02:00:00:00:01:00")
  }

  @Test func everyCutIsRefusedOrLeavesOnlyLess() throws {
    let whole = Frames.station(sequence: 1)
    for length in 0..<whole.count {
      // Cut in the frame: the header promises more than there is.
      #expect(throws: NetlinkError.self, "cut at \(length)") {
        _ = try NetlinkMessage.split(length == 0 ? [1][...] : whole[..<length])
      }
    }
    let body = try payload(whole)
    for length in 0..<4 {
      #expect(throws: NetlinkError.malformed(what: "genlmsghdr", expected: 4, got: length)) {
        _ = try StationInfo(payload: body.prefix(length))
      }
    }
    for length in 5..<body.count where length != 12 && !(22...24).contains(length) {
      // A cut between two attributes of the message, or in the padding there, is not to be seen; any other is refused.
      #expect(throws: NetlinkError.self, "payload cut at \(length)") {
        _ = try StationInfo(payload: body.prefix(length))
      }
    }
  }

  @Test func aValueShorterThanItsTypeIsRefused() {
    #expect(throws: NetlinkError.malformed(what: "attribute 9", expected: 4, got: 2)) {
      _ = try StationInfo(payload: hex("13 01 0000", "0c00 1580", "0600 0900 0100 0000")[...])
    }
  }

  @Test func noiseInNeverTraps() {
    var state: UInt64 = 3
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    var whole = 0
    for _ in 0..<20_000 {
      var frame = next() % 2 == 0 ? Frames.station(sequence: 1) : Frames.survey(sequence: 1)
      for _ in 0..<(1 + next() % 4) { frame[Int(next()) % frame.count] = UInt8(truncatingIfNeeded: next()) }
      guard let message = try? NetlinkMessage.split(frame[...]).first else { continue }
      if (try? StationInfo(payload: message.payload)) != nil { whole += 1 }
      _ = try? SurveyInfo(payload: message.payload)
      _ = try? WirelessInterface(payload: message.payload)
      _ = try? Route(payload: message.payload)
      _ = try? Neighbour(payload: message.payload)
    }
    #expect(whole > 1000, "bent frames must reach the parsers, too")
  }

  /// Feeds a datagram; what it hands over is appended.
  private func take(_ framing: inout ReplyFraming, _ datagram: [UInt8], _ messages: inout [NetlinkMessage]) throws
    -> Bool
  {
    try framing.take(datagram[...]) { (message) throws(NetlinkError) in messages.append(message) }
  }

  @Test func theEndOfAnAnswerIsFoundAcrossDatagrams() throws {
    var framing = ReplyFraming(sequence: 9)
    var messages: [NetlinkMessage] = []
    #expect(try !take(&framing, Frames.station(sequence: 9), &messages))
    #expect(try !take(&framing, Frames.station(sequence: 8), &messages), "another request's answer")
    #expect(try take(&framing, Frames.station(sequence: 9) + Frames.done(sequence: 9), &messages))
    #expect(messages.count == 2)
  }

  @Test func aRefusalCarriesItsErrno() {
    var framing = ReplyFraming(sequence: 1)
    var messages: [NetlinkMessage] = []
    let refusal = hex("24000000 0200 0000 01000000 00000000", "feffffff", "00000000000000000000000000000000")
    #expect(throws: NetlinkError.refused(errno: ENOENT)) { _ = try take(&framing, refusal, &messages) }
    // A dump that fails says so in its end.
    let failed = hex("14000000 0300 0200 01000000 00000000", "a1ffffff")
    #expect(throws: NetlinkError.refused(errno: EOPNOTSUPP)) { _ = try take(&framing, failed, &messages) }
  }

  @Test func aDumpChangedUnderWayIsAskedForAgain() throws {
    var framing = ReplyFraming(sequence: 1)
    var messages: [NetlinkMessage] = []
    var frame = Frames.station(sequence: 1)
    frame[6] |= 0x10  // NLM_F_DUMP_INTR
    #expect(throws: NetlinkError.interrupted) {
      _ = try take(&framing, frame + Frames.done(sequence: 1), &messages)
    }
    let rounds = Rounds()
    let client = NL80211Client(
      ReplayTransport { command, sequence in
        var frame = Frames.station(sequence: sequence)
        if rounds.next() < 2 { frame[6] |= 0x10 }
        return [frame + Frames.done(sequence: sequence)]
      })
    #expect(try client.stations(of: 3).count == 1)
  }

  @Test(arguments: [(2412, -92.0), (2437, nil)])
  func aSurveyThatMarksNoChannelIsFoundByTheFrequency(megahertz: Int, noise: Double?) throws {
    let client = NL80211Client(
      ReplayTransport { _, sequence in
        var frame = Frames.survey(sequence: sequence)
        frame[50] = 0x7f  // NL80211_SURVEY_INFO_IN_USE becomes an attribute that nobody knows
        return [frame + Frames.done(sequence: sequence)]
      })
    var interface = WirelessInterface(index: 3, name: "wlan0")
    interface.frequencyMegahertz = megahertz
    #expect(try client.survey(of: interface)?.noise?.value == noise)
  }

  @Test func requestsAreWhatTheKernelExpects() throws {
    let transport = ReplayTransport { _, sequence in [Frames.done(sequence: sequence)] }
    let client = NL80211Client(transport)
    _ = try client.stations(of: 3)
    #expect(
      transport.requests == [
        hex(
          "1c000000 1c00 0103 02000000 00000000",  // nlmsghdr: NLM_F_REQUEST | NLM_F_DUMP
          "11 00 0000",  // genlmsghdr: NL80211_CMD_GET_STATION
          "0800 0300 03000000")  // NL80211_ATTR_IFINDEX 3
      ])
  }

  // include/uapi/linux/wireless.h: IW_QUAL_DBM 0x08, LEVEL_INVALID 0x20, NOISE_INVALID 0x40, RCPI 0x80.
  @Test(arguments: [
    (0xC3, 0x4B, -61.0), (0xC3, 0x6B, nil), (0x46, 0x03, nil), (0x64, 0x83, -60), (0xFF, 0x83, nil), (0x00, 0x4B, nil),
  ])
  func theWirelessExtensionsLevelIsReadByItsFlags(level: UInt8, flags: UInt8, expected: Double?) {
    let reading = WirelessExtensionsReading(level: level, noise: 0, updated: flags)
    #expect(reading.signal?.value == expected)
    #expect(reading.noise == nil || flags == 0x83)
  }
}

/// Counts calls.
final class Rounds: Sendable {
  private let count = Counter()
  func next() -> Int { count.next() }
}
