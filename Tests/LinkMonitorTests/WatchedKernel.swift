// A kernel of frames and files to watch: one radio, one station, one peer.

import HostIO
import LinkMonitor
import SiftTestKit
import Synchronization

/// What the watcher's tests are given.
protocol WatcherSuite {}

extension WatcherSuite {
  static var wlan: [String: String] {
    [
      "class/net/wlan0/ifindex": "3", "class/net/wlan0/operstate": "up", "class/net/wlan0/carrier": "1",
      "class/net/wlan0/phy80211/name": "phy0", "class/net/wlan0/statistics/rx_packets": "10",
      "class/net/eth0/ifindex": "2", "class/net/eth0/operstate": "up", "class/net/lo/ifindex": "1",
    ]
  }

  /// nl80211 with one interface, one station whose counters the test sets, and a survey.
  func radio(received: AdjustableByte, retries: AdjustableByte = AdjustableByte(5)) -> ReplayTransport {
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

  func routes(interface: UInt8 = 3, station: String, gateway: String? = nil, type: UInt8 = 1)
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

  func watch(
    nl80211: ReplayTransport?, routes: ReplayTransport, wext: any WirelessExtensionsSource = NoWirelessExtensions(),
    files: [String: String]? = nil, _ body: (LinkWatcher, ManualClock, SysfsRoot) throws -> Void
  ) throws {
    try withSysfs(files ?? Self.wlan) { root in
      let clock = ManualClock()
      let peers = [MonitoredPeer(name: "kitchen", address: NetworkAddress("10.0.0.2"))]
      let sources = LinkSources(
        nl80211: nl80211.map { NL80211Client($0) }, routes: RouteClient(routes), wext: wext, sysfs: root)
      try body(LinkWatcher(configuration: LinkConfiguration(peers: peers), sources: sources, clock: clock), clock, root)
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
