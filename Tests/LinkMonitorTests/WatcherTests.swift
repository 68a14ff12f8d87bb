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

@Suite struct WatcherTests {
  private static let wlan: [String: String] = [
    "class/net/wlan0/ifindex": "3", "class/net/wlan0/operstate": "up", "class/net/wlan0/carrier": "1",
    "class/net/wlan0/phy80211/name": "phy0", "class/net/wlan0/statistics/rx_packets": "10",
    "class/net/eth0/ifindex": "2", "class/net/eth0/operstate": "up", "class/net/lo/ifindex": "1",
  ]

  /// nl80211 with one interface, one station whose counters the test sets, and a survey.
  private func radio(received: AdjustableByte, retries: AdjustableByte = AdjustableByte(5)) -> ReplayTransport {
    ReplayTransport { command, sequence in
      let answer: [UInt8] =
        switch command {
        case 0x05: Frames.interface(sequence: sequence)
        case 0x11:
          Frames.station(
            sequence: sequence, received: received.value, sent: received.value, retries: retries.value)
        case 0x32: Frames.survey(sequence: sequence)
        default: []
        }
      return [answer, Frames.done(sequence: sequence)]
    }
  }

  private func routes(interface: UInt8 = 3, station: String, gateway: String? = nil, type: UInt8 = 1)
    -> ReplayTransport
  {
    ReplayTransport(family: 0) { command, sequence in
      command == 0x1a
        ? [
          Frames.route(sequence: sequence, interface: interface, gateway: gateway, type: type),
          Frames.done(sequence: sequence),
        ]
        : [Frames.neighbour(sequence: sequence, station: station), Frames.done(sequence: sequence)]
    }
  }

  private func watch(
    nl80211: ReplayTransport?, routes: ReplayTransport, wext: any WirelessExtensionsSource = NoWirelessExtensions(),
    _ body: (LinkWatcher, ManualClock, SysfsRoot) throws -> Void
  ) throws {
    try withSysfs(Self.wlan) { root in
      let clock = ManualClock()
      let peers = [MonitoredPeer(name: "kitchen", address: NetworkAddress("10.0.0.2"))]
      let sources = LinkSources(
        nl80211: nl80211.map { NL80211Client($0) }, routes: RouteClient(routes), wext: wext, sysfs: root)
      try body(LinkWatcher(configuration: LinkConfiguration(peers: peers), sources: sources, clock: clock), clock, root)
    }
  }

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

  @Test func aKernelThatRefusesLeavesAClearState() throws {
    let refusing = ReplayTransport { _, sequence in
      let two = (sequence < 16 ? "0" : "") + String(sequence, radix: 16)
      return [hex("24000000 0200 0000 \(two)000000 00000000", "ffffffff", "00000000000000000000000000000000")]
    }
    try watch(nl80211: refusing, routes: routes(station: "020000000100")) { watcher, _, _ in
      watcher.poll()
      let link = try #require(watcher.latest.link(to: "kitchen"))
      #expect(link.signal == nil && link.topology == .direct && link.source == .transport)
      #expect(watcher.latest.remarks.contains { $0.hasPrefix("nl80211 interfaces: netlink request refused") })
    }
  }

  @Test func aPeerWithoutARouteSaysSo() throws {
    let nowhere = ReplayTransport(family: 0) { _, sequence in
      let two = (sequence < 16 ? "0" : "") + String(sequence, radix: 16)
      return [hex("24000000 0200 0000 \(two)000000 00000000", "9bffffff", "00000000000000000000000000000000")]
    }
    try watch(nl80211: nil, routes: nowhere) { watcher, _, _ in
      watcher.poll()
      #expect(watcher.latest.link(to: "kitchen")?.topology == nil)
      #expect(watcher.latest.remarks.contains { $0.hasPrefix("route to kitchen") })
    }
  }
}

/// A byte that a test changes between polls.
final class AdjustableByte: Sendable {
  private let box: Atomic<UInt8>
  init(_ value: UInt8) { box = Atomic(value) }
  var value: UInt8 {
    get { box.load(ordering: .relaxed) }
    set { box.store(newValue, ordering: .relaxed) }
  }
}
