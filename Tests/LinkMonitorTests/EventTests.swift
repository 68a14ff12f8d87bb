// What the kernel tells of its own accord: from bytes to events, and from events and looks to changes told once.

import Glibc
import HostIO
import LinkMonitor
import SiftCore
import SiftTestKit
import Synchronization
import Testing

@Suite struct EventTests {
  private let accessPoint: MACAddress
  private let other: MACAddress

  init() throws {
    accessPoint = try #require(MACAddress("02:00:00:00:01:00"))
    other = try #require(MACAddress("02:00:00:00:02:00"))
  }

  private func event(_ lines: String) throws -> LinkEvent? { try LinkEvent(nl80211: hex(lines)[...]) }

  @Test func whatEndsAnAssociationIsHeardBeforeWhatBecomesOfTheInterface() {
    let (left, renamed) = (
      LinkEvent.disconnect(interface: 3, reason: 3, byAccessPoint: false), LinkEvent.interface(index: 3, name: "air9")
    )
    let back = LinkEvent.connect(interface: 3, accessPoint, status: 0)
    var events: [LinkEvent] = []
    events.append(route: [renamed], radio: [.stationGone(interface: 3, accessPoint), left])
    #expect(events == [.stationGone(interface: 3, accessPoint), left, renamed])
    events = []
    events.append(route: [.interfaceGone(index: 3), renamed], radio: [left, back, left])
    #expect(events == [left, .interfaceGone(index: 3), renamed, back, left], "and each socket's own order stays")
  }

  // genlmsghdr, NL80211_ATTR_IFINDEX 3, then what the command brings; include/uapi/linux/nl80211.h.
  @Test func everyKindOfMessageIsRead() throws {
    let index = "0800 0300 03000000"
    let mac = "0a00 0600 020000000100 0000"
    #expect(try event("07 01 0000 \(index) 0a00 0400 776c616e3000 0000") == .interface(index: 3, name: "wlan0"))
    #expect(try event("08 01 0000 \(index)") == .interfaceGone(index: 3))
    #expect(try event("13 01 0000 \(index) \(mac)") == .station(interface: 3, accessPoint))
    #expect(try event("14 01 0000 \(index) \(mac)") == .stationGone(interface: 3, accessPoint))
    // NL80211_CMD_CONNECT with NL80211_ATTR_STATUS_CODE 0, and without one.
    #expect(
      try event("2e 01 0000 \(index) \(mac) 0600 4800 0000 0000") == .connect(interface: 3, accessPoint, status: 0))
    #expect(try event("2e 01 0000 \(index) \(mac)") == .connect(interface: 3, accessPoint, status: 0xFFFF))
    #expect(try event("2f 01 0000 \(index) \(mac)") == .roam(interface: 3, accessPoint))
    // NL80211_CMD_DISCONNECT with NL80211_ATTR_REASON_CODE 7 and NL80211_ATTR_DISCONNECTED_BY_AP.
    #expect(
      try event("30 01 0000 \(index) 0600 3600 0700 0000 0400 4700")
        == .disconnect(interface: 3, reason: 7, byAccessPoint: true))
    // NL80211_CMD_CH_SWITCH_NOTIFY to 2437 MHz.
    #expect(try event("58 01 0000 \(index) 0800 2600 85090000") == .channel(interface: 3, megahertz: 2437))
  }

  @Test func signalThresholdsAreReadWithTheirSign() throws {
    let index = "0800 0300 03000000"
    // NL80211_CMD_NOTIFY_CQM: NL80211_ATTR_CQM { RSSI_THRESHOLD_EVENT 0 (low), RSSI_LEVEL −72 }.
    #expect(
      try event("40 01 0000 \(index) 1400 5e80 0800 0300 00000000 0800 0900 b8ffffff")
        == .signal(interface: 3, isLow: true, level: DecibelMilliwatts(-72)))
    #expect(
      try event("40 01 0000 \(index) 0c00 5e80 0800 0300 01000000")
        == .signal(interface: 3, isLow: false, level: nil))
    // NL80211_ATTR_CQM_BEACON_LOSS_EVENT
    #expect(try event("40 01 0000 \(index) 0800 5e80 0400 0800") == .beaconLoss(interface: 3))
  }

  @Test func whatIsOfNoInterestIsNothingAndWhatIsCutIsRefused() throws {
    #expect(try event("21 01 0000 0800 0300 03000000") == nil, "NL80211_CMD_TRIGGER_SCAN")
    #expect(try event("13 01 0000 0a00 0600 020000000100 0000") == nil, "no interface")
    #expect(throws: NetlinkError.self) { _ = try event("13 01 0000 0800 0300 0300") }
    var events: [LinkEvent] = []
    events.append(events: hex("ffff0000 1c00")[...]) { _ in nil }
    #expect(events == [.overrun], "a datagram that cannot be read counts as lost")
  }

  @Test func renamesComeThroughTheRoutingFamily() throws {
    func message(_ type: UInt8, _ body: String) throws -> NetlinkMessage {
      let body = hex(body)
      // nlmsghdr: length, type, no flags, no numbers.
      let frame = [UInt8(16 + body.count), 0, 0, 0, type, 0] + [UInt8](repeating: 0, count: 10) + body
      return try #require(try NetlinkMessage.split(frame[...]).first)
    }
    let fixed = "00 00 0100 03000000 43100100 00000000"
    #expect(
      try LinkEvent(route: message(16, fixed + "0a00 0300 776c616e3700 0000")) == .interface(index: 3, name: "wlan7"))
    #expect(try LinkEvent(route: message(17, fixed)) == .interfaceGone(index: 3))
    // RTM_DELLINK of AF_BRIDGE: the interface only leaves its bridge.
    #expect(try LinkEvent(route: message(17, "07" + fixed.dropFirst(2))) == nil)
    #expect(try LinkEvent(route: message(24, fixed)) == nil)
    #expect(throws: NetlinkError.self) { _ = try LinkEvent(route: message(16, "0000 0100")) }
  }

  // MARK: Changes

  private func look(
    named name: String = "wlan0", index: UInt32 = 3, mode: InterfaceMode = .station, _ stations: [MACAddress]
  )
    -> LinkAnnouncer.Look
  {
    LinkAnnouncer.Look(interface: WirelessInterface(index: index, name: name, mode: mode), stations: stations)
  }

  private func settled(_ looks: [LinkAnnouncer.Look]) -> LinkAnnouncer {
    var announcer = LinkAnnouncer()
    announcer.look(looks)
    #expect(announcer.take() == [], "what is there at the start is no change")
    return announcer
  }

  @Test func aDeauthenticationIsToldOnceWithItsReason() {
    var announcer = settled([look([accessPoint])])
    announcer.note(.stationGone(interface: 3, accessPoint))
    announcer.note(.disconnect(interface: 3, reason: 7, byAccessPoint: true))
    announcer.look([look([])])
    announcer.note(.disconnect(interface: 3, reason: nil, byAccessPoint: false))
    #expect(
      announcer.take() == [.disconnected(interface: "wlan0", accessPoint, reason: 7, byAccessPoint: true)])
    announcer.note(.station(interface: 3, accessPoint))
    announcer.note(.connect(interface: 3, accessPoint, status: 0))
    announcer.look([look([accessPoint])])
    #expect(announcer.take() == [.connected(interface: "wlan0", accessPoint)])
  }

  @Test func aLossThatNoEventToldIsFoundByLooking() {
    var announcer = settled([look([accessPoint])])
    announcer.look([look([])])
    announcer.look([look([])])
    #expect(
      announcer.take() == [.disconnected(interface: "wlan0", accessPoint, reason: nil, byAccessPoint: false)])
  }

  @Test func aRefusedConnectionIsNoConnection() {
    var announcer = settled([look([])])
    announcer.note(.connect(interface: 3, accessPoint, status: 17))
    #expect(announcer.take() == [])
  }

  @Test func roamingAndChannelSwitchesAreToldOnce() {
    var here = look([accessPoint])
    here.interface.frequencyMegahertz = 2412
    var announcer = settled([here])
    announcer.note(.roam(interface: 3, other))
    announcer.note(.connect(interface: 3, other, status: 0))
    announcer.note(.channel(interface: 3, megahertz: 2437))
    var there = look([other])
    there.interface.frequencyMegahertz = 2437
    announcer.look([there])
    #expect(
      announcer.take() == [
        .roamed(interface: "wlan0", from: accessPoint, to: other), .channel(interface: "wlan0", megahertz: 2437),
      ])
  }

  @Test func removalReturnAndRenamingAreToldOnceEach() {
    var announcer = settled([look([accessPoint])])
    announcer.note(.interface(index: 3, name: "radio0"))
    announcer.look([look(named: "radio0", [accessPoint])])
    #expect(announcer.take() == [.renamed(from: "wlan0", to: "radio0")])
    announcer.note(.interfaceGone(index: 3))
    announcer.note(.interfaceGone(index: 3))
    announcer.look([])
    #expect(announcer.take() == [.gone(interface: "radio0")], "the association went with it")
    announcer.note(.interface(index: 9, name: "wlan0"))
    #expect(announcer.take() == [], "not known to be a radio yet")
    announcer.look([look(index: 9, [])])
    announcer.look([look(index: 9, [])])
    #expect(announcer.take() == [.appeared(interface: "wlan0")])
  }

  @Test func stationsOfAnAccessPointComeAndGo() {
    var announcer = settled([look(mode: .accessPoint, [accessPoint])])
    announcer.note(.station(interface: 3, other))
    announcer.look([look(mode: .accessPoint, [accessPoint, other])])
    announcer.note(.stationGone(interface: 3, accessPoint))
    announcer.look([look(mode: .accessPoint, [other])])
    #expect(announcer.take() == [.joined(interface: "wlan0", other), .left(interface: "wlan0", accessPoint)])
  }

  @Test func anArmedThresholdIsToldWhenItIsCrossedNotWhenItIsRepeated() {
    var announcer = settled([look([accessPoint])])
    for _ in 0..<3 { announcer.note(.signal(interface: 3, isLow: true, level: DecibelMilliwatts(-80))) }
    announcer.note(.beaconLoss(interface: 3))
    announcer.note(.beaconLoss(interface: 3))
    announcer.note(.signal(interface: 3, isLow: false, level: nil))
    #expect(
      announcer.take() == [
        .signalLow(interface: "wlan0", level: DecibelMilliwatts(-80)), .beaconsLost(interface: "wlan0"),
        .signalBack(interface: "wlan0", level: nil),
      ])
  }

  @Test func everyChangeHasAKindOfItsOwnAndNamesItsInterface() {
    let changes: [LinkChange] = [
      .appeared(interface: "w"), .gone(interface: "w"), .renamed(from: "v", to: "w"), .connected(interface: "w", other),
      .disconnected(interface: "w", other, reason: 3, byAccessPoint: false),
      .roamed(interface: "w", from: other, to: accessPoint), .joined(interface: "w", other),
      .left(interface: "w", other), .channel(interface: "w", megahertz: 2412), .signalLow(interface: "w", level: nil),
      .signalBack(interface: "w", level: nil), .beaconsLost(interface: "w"),
    ]
    #expect(Set(changes.map(\.kind)).count == changes.count)
    for change in changes { #expect(change.interface == "w" && change.description.hasPrefix("w: ")) }
  }

  // MARK: Levels

  @Test func aLevelChangesWhenTheSignalStaysBeyondItsMargin() {
    var tracker = LevelTracker()
    func run(_ snr: Double?, _ seconds: Range<Int>, isFresh: Bool = true) {
      for second in seconds { tracker.observe(snr: snr.map { Decibels($0) }, isFresh: isFresh, at: .seconds(second)) }
    }
    run(nil, 0..<1, isFresh: false)
    #expect(tracker.level == nil, "never heard is no level")
    run(25, 1..<2)
    #expect(tracker.level == .strong)
    run(18, 2..<60)
    #expect(tracker.level == .strong, "within the margin")
    run(16, 60..<64)
    run(21, 64..<65)
    run(16, 65..<69)
    #expect(tracker.level == .strong, "never for five seconds")
    run(16, 69..<72)
    #expect(tracker.level == .fair)
    run(2, 72..<80)
    #expect(tracker.level == .weak)
    run(2, 80..<90, isFresh: false)
    #expect(tracker.level == .silent)
    run(30, 90..<100)
    #expect(tracker.level == .strong)
  }

  @Test func aFadingChannelIsAnnouncedOnce() {
    var generator = SeededGenerator(seed: 3)
    let process = FadingProcess(doppler: 2, k: 0, using: &generator)
    var tracker = LevelTracker()
    var levels: [LinkLevel] = []
    for poll in 0..<6000 {
      let snr = Decibels(18 + 10 * log10(process.power(at: Double(poll) / 20)))
      tracker.observe(snr: snr, isFresh: true, at: .milliseconds(50 * poll))
      if let level = tracker.level, level != levels.last { levels.append(level) }
    }
    #expect(levels.count <= 2, "\(levels)")
  }
}

/// Events that a test puts there.
final class QueuedEvents: LinkEventSource {
  private let queue = Mutex<[LinkEvent]>([])
  func put(_ event: LinkEvent) { queue.withLock { $0.append(event) } }
  func drain(into events: inout [LinkEvent]) {
    queue.withLock {
      events += $0
      $0 = []
    }
  }
}
