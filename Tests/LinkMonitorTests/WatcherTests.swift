// The watcher over a replayed kernel: ways, freshness, ages, and sources that fail.

import Glibc
import HostIO
import LinkMonitor
import SiftCore
import SiftTestKit
import Synchronization
import Testing

/// Counts from 0.
final class Counter: Sendable {
  private let value = Atomic<Int>(0)
  func next() -> Int { value.wrappingAdd(1, ordering: .relaxed).oldValue }
  var now: Int { value.load(ordering: .relaxed) }
}

@Suite struct WatcherTests: WatcherSuite {
  @Test func aPeerThatIsAStationIsDirect() throws {
    try watch(nl80211: radio(received: AdjustableByte(10)), routes: routes(station: "020000000100")) { watcher, _, _ in
      watcher.poll()
      let link = try #require(watcher.latest.link(to: "kitchen"))
      #expect(link.topology == .direct && link.source == .nl80211 && link.interface == "wlan0")
      #expect(link.signal == DecibelMilliwatts(-61) && link.noise == DecibelMilliwatts(-92) && !link.isNoiseAssumed)
      #expect(link.snr == Decibels(31) && link.carrier == true)
      #expect(watcher.latest.links.count == 1, "a configured peer is not listed a second time")
    }
  }

  @Test func aPeerBehindTheAccessPointShowsTheAccessPointsSignal() throws {
    try watch(nl80211: radio(received: AdjustableByte(10)), routes: routes(station: "0200000009ff")) { watcher, _, _ in
      watcher.poll()
      let link = try #require(watcher.latest.link(to: "kitchen"))
      #expect(link.topology == .viaAccessPoint && link.station?.description == "02:00:00:00:01:00")
      #expect(link.signal == DecibelMilliwatts(-61))
    }
  }

  @Test func aStationThatTheKernelForgotIsStillThePeer() throws {
    let routes = routes(station: "020000000100")
    try watch(nl80211: radio(received: AdjustableByte(10)), routes: routes) { watcher, clock, _ in
      watcher.poll()
      #expect(watcher.latest.link(to: "kitchen")?.topology == .direct)
      routes.reply { command, sequence in
        [command == 0x1a ? Frames.route(sequence: sequence) : [], Frames.done(sequence: sequence)]
      }
      for _ in 0..<40 {
        clock.advance(by: .milliseconds(50))
        watcher.poll()
      }
      #expect(watcher.latest.link(to: "kitchen")?.topology == .direct)
    }
  }

  @Test func afterALossTheLevelBeginsAnew() throws {
    let received = AdjustableByte(10)
    try watch(nl80211: radio(received: received), routes: routes(station: "020000000100")) { watcher, clock, root in
      func poll(_ count: Int, isHeard: Bool) {
        for _ in 0..<count {
          if isHeard { received.value &+= 1 }
          clock.advance(by: .milliseconds(50))
          watcher.poll()
        }
      }
      poll(5, isHeard: true)
      #expect(watcher.latest.link(to: "kitchen")?.level == .strong)
      try poke(root, "class/net/wlan0/carrier", "0")
      poll(400, isHeard: false)
      #expect(watcher.latest.link(to: "kitchen")?.level == nil, "no carrier is no silence")
      try poke(root, "class/net/wlan0/carrier", "1")
      poll(25, isHeard: true)
      #expect(watcher.latest.link(to: "kitchen")?.level == .strong, "and needs no five seconds to be believed")
    }
  }

  @Test func wiredAndLoopbackAreCalledSo() throws {
    try watch(nl80211: nil, routes: routes(interface: 2, station: "0200000009ff")) { watcher, _, _ in
      watcher.poll()
      let link = try #require(watcher.latest.link(to: "kitchen"))
      #expect(link.topology == .wired && link.source == .transport && link.signal == nil && link.snr == nil)
    }
    try watch(nl80211: nil, routes: routes(interface: 1, station: "0200000009ff", type: 2)) { watcher, _, _ in
      watcher.poll()
      #expect(watcher.latest.link(to: "kitchen")?.topology == .loopback)
    }
  }

  @Test func aSignalIsNewOnlyWhenSomethingWasReceived() throws {
    let received = AdjustableByte(10)
    try watch(nl80211: radio(received: received), routes: routes(station: "020000000100")) { watcher, clock, _ in
      watcher.poll()
      #expect(watcher.latest.links.first?.age == nil && watcher.latest.links.first?.isFresh == false)
      clock.advance(by: .milliseconds(100))
      received.value = 11
      watcher.poll()
      // The frame came at some time between the two polls, so it is at most this old.
      #expect(watcher.latest.links.first?.age == .milliseconds(100) && watcher.latest.links.first?.isFresh == true)
      for _ in 0..<11 {
        clock.advance(by: .milliseconds(100))
        watcher.poll()
      }
      #expect(watcher.latest.links.first?.age == .milliseconds(1200))
      #expect(watcher.latest.links.first?.isFresh == false, "the driver repeats the last signal for ever")
      received.value = 12
      watcher.poll()
      // Ages run on between polls; nothing passed since the poll before.
      clock.advance(by: .milliseconds(30))
      #expect(watcher.latest.links.first?.age == .milliseconds(30))
    }
  }

  @Test func retriesAreCountedAgainstWhatWasSentSince() throws {
    let received = AdjustableByte(10)
    let retries = AdjustableByte(5)
    try watch(nl80211: radio(received: received, retries: retries), routes: routes(station: "020000000100")) {
      watcher, clock, _ in
      watcher.poll()
      #expect(watcher.latest.links.first?.retryRatio == nil)
      received.value = 40
      retries.value = 15
      clock.advance(by: .milliseconds(100))
      watcher.poll()
      #expect(watcher.latest.links.first?.retryRatio == 0.25)
      clock.advance(by: .milliseconds(100))
      watcher.poll()
      #expect(watcher.latest.links.first?.retryRatio == 0.25, "nothing sent: nothing new")
      received.value = 70
      clock.advance(by: .seconds(2))
      watcher.poll()
      // 30 frames without a retry; what was counted before weighs half.
      let ratio = try #require(watcher.latest.links.first?.retryRatio)
      #expect(abs(ratio - 5 / 50.0) < 1e-12)
    }
  }

  @Test func theWirelessExtensionsStandInWhereNL80211IsMissing() throws {
    struct OneAccessPoint: WirelessExtensionsSource {
      func reading(of interface: String) -> WirelessExtensionsReading? {
        interface == "wlan0"
          ? WirelessExtensionsReading(
            signal: DecibelMilliwatts(-70), bitsPerSecond: 54e6, accessPoint: MACAddress([2, 0, 0, 0, 9, 0])) : nil
      }
    }
    try watch(nl80211: nil, routes: routes(station: "0200000009ff"), wext: OneAccessPoint()) { watcher, clock, root in
      watcher.poll()
      let link = try #require(watcher.latest.link(to: "kitchen"))
      #expect(link.source == .wext && link.topology == .viaAccessPoint && link.signal == DecibelMilliwatts(-70))
      #expect(link.isNoiseAssumed && abs((link.noise?.value ?? 0) + 94) < 0.02)
      try poke(root, "class/net/wlan0/statistics/rx_packets", "11")
      clock.advance(by: .milliseconds(100))
      watcher.poll()
      #expect(watcher.latest.link(to: "kitchen")?.isFresh == true)
    }
  }

  @Test func aStationThatTheDumpLeavesOutIsAskedForByAddress() throws {
    let transport = ReplayTransport { command, sequence in
      switch command {
      case 0x05: [Frames.interface(sequence: sequence), Frames.done(sequence: sequence)]
      default: [Frames.done(sequence: sequence)]
      }
    }
    try watch(nl80211: transport, routes: routes(station: "020000000100")) { watcher, _, _ in
      watcher.poll()
      let byAddress = transport.requests.filter { $0[16] == 0x11 && $0.count > 28 }
      #expect(byAddress.count == 1)
      #expect(Array(byAddress.first?.suffix(8).prefix(6) ?? []) == [2, 0, 0, 0, 1, 0])
    }
  }

  @Test func anEventBringsALookAtOnceAndAChangeToldOnce() throws {
    let isThere = AdjustableByte(1)
    let transport = ReplayTransport { command, sequence in
      let answer: [UInt8] =
        switch command {
        case 0x05: Frames.interface(sequence: sequence)
        case 0x11: isThere.value == 1 ? Frames.station(sequence: sequence) : []
        default: []
        }
      return [answer, Frames.done(sequence: sequence)]
    }
    try withSysfs(Self.wlan) { root in
      let clock = ManualClock()
      let events = QueuedEvents()
      let told = Mutex<[LinkChange]>([])
      let sources = LinkSources(
        nl80211: NL80211Client(transport), routes: RouteClient(routes(station: "020000000100")), events: events,
        sysfs: root)
      let watcher = LinkWatcher(configuration: LinkConfiguration(), sources: sources, clock: clock) { change in
        told.withLock { $0.append(change) }
      }
      watcher.poll()
      watcher.poll()
      let looks = { transport.requests.count { $0[16] == 0x05 } }
      #expect(looks() == 1, "nothing happened: the second poll does not look around")
      isThere.value = 0
      events.put(.disconnect(interface: 3, reason: 8, byAccessPoint: true))
      for _ in 0..<25 { watcher.poll() }
      #expect(looks() >= 2)
      let station = try #require(MACAddress("02:00:00:00:01:00"))
      #expect(
        told.withLock { $0 } == [.disconnected(interface: "wlan0", station, reason: 8, byAccessPoint: true)])
    }
  }

  @Test func aStationThatOnlyTriesIsNoConnection() throws {
    // Authorized, authenticated and associated; or authenticated alone.
    let flags = AdjustableByte(0xa2)
    let transport = ReplayTransport { command, sequence in
      let answer: [UInt8] =
        switch command {
        case 0x05: Frames.interface(sequence: sequence)
        case 0x11: flags.value == 0 ? [] : Frames.station(sequence: sequence, flags: flags.value)
        default: []
        }
      return [answer, Frames.done(sequence: sequence)]
    }
    try withSysfs(Self.wlan) { root in
      let clock = ManualClock()
      let told = Mutex<[String]>([])
      let sources = LinkSources(
        nl80211: NL80211Client(transport), routes: RouteClient(routes(station: "020000000100")), sysfs: root)
      let watcher = LinkWatcher(sources: sources, clock: clock) { change in told.withLock { $0.append(change.kind) } }
      for state: UInt8 in [0xa2, 0, 0x20, 0, 0x20, 0xa2] {
        flags.value = state
        for _ in 0..<25 {
          watcher.poll()
          clock.advance(by: .milliseconds(50))
        }
      }
      #expect(told.withLock { $0 } == ["disconnected", "connected"])
    }
  }

  @Test func underTrafficPollsFollowMoreClosely() throws {
    try watch(nl80211: nil, routes: routes(station: "020000000100")) { watcher, clock, _ in
      var figures = TransportFigures()
      func note(_ done: Int) {
        figures.done = done
        watcher.note(figures, with: "kitchen")
      }
      #expect(watcher.pause == .milliseconds(50))
      note(100)
      #expect(watcher.pause == .milliseconds(50), "what was done before counts for nothing")
      clock.advance(by: .milliseconds(100))
      note(103)
      #expect(watcher.pause == .milliseconds(10))
      clock.advance(by: .milliseconds(100))
      note(103)
      #expect(watcher.pause == .milliseconds(10))
      clock.advance(by: .milliseconds(250))
      #expect(watcher.pause == .milliseconds(50))
    }
  }

  @Test func powerSaveIsToldWhereTheDriverSays() throws {
    let transport = ReplayTransport { command, sequence in
      let two = (sequence < 16 ? "0" : "") + String(sequence, radix: 16)
      switch command {
      case 0x05: return [Frames.interface(sequence: sequence), Frames.done(sequence: sequence)]
      case 0x11: return [Frames.station(sequence: sequence), Frames.done(sequence: sequence)]
      case 0x3d, 0x3e:  // NL80211_ATTR_PS_STATE enabled
        return [
          hex("1c000000 1c00 0000 \(two)000000 00000000", "3e 01 0000", "0800 5d00 01000000"),
          hex("24000000 0200 0000 \(two)000000 00000000", "00000000", "00000000000000000000000000000000"),
        ]
      default: return [Frames.done(sequence: sequence)]
      }
    }
    try watch(nl80211: transport, routes: routes(station: "020000000100")) { watcher, _, _ in
      watcher.poll()
      #expect(watcher.latest.link(to: "kitchen")?.powerSave == true)
    }
  }
}
