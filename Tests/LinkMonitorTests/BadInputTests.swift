// Sources that fail, lie by omission or overwhelm: a clear state, never a wrong number.

import HostIO
import LinkMonitor
import SiftCore
import SiftTestKit
import Testing

@Suite struct BadInputTests: WatcherSuite {
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

  @Test func aRadioThatNL80211DoesNotKnowIsRemarkedOn() throws {
    let empty = ReplayTransport { _, sequence in [Frames.done(sequence: sequence)] }
    try watch(nl80211: empty, routes: routes(station: "020000000100")) { watcher, _, _ in
      watcher.poll()
      let link = try #require(watcher.latest.link(to: "kitchen"))
      #expect(link.signal == nil && link.snr == nil && link.channel == nil)
      #expect(watcher.latest.remarks.contains { $0.hasPrefix("wlan0: nl80211 does not know this radio") })
    }
  }

  @Test func withoutAnyWiFiThereAreWiresAndNothingElse() throws {
    let wires = Self.wlan.filter { !$0.key.hasPrefix("class/net/wlan0") }
    try watch(nl80211: nil, routes: routes(interface: 2, station: "020000000100"), files: wires) { watcher, clock, _ in
      for _ in 0..<30 {
        watcher.poll()
        clock.advance(by: .milliseconds(50))
      }
      let links = watcher.latest.links
      #expect(links.count == 1 && links.first?.topology == .wired && links.first?.source == .transport)
      #expect(
        links.allSatisfy { $0.signal == nil && $0.noise == nil && $0.snr == nil && $0.level == nil && $0.age == nil })
    }
  }

  // A process in one network namespace with the sysfs of another: the route's interface is not among those that are shown.
  @Test func anInterfaceOfAnotherNamespaceIsNoWay() throws {
    let empty = ReplayTransport { _, sequence in [Frames.done(sequence: sequence)] }
    let others = Self.wlan.filter { $0.key.hasPrefix("class/net/lo") }
    try watch(nl80211: empty, routes: routes(station: "020000000100"), files: others) { watcher, _, _ in
      watcher.poll()
      let links = watcher.latest.links
      #expect(links.count == 1 && links.first?.topology == nil && links.first?.interface == nil)
      #expect(links.first?.signal == nil && links.first?.isFresh == false)
      #expect(watcher.latest.remarks.contains { $0.hasPrefix("route to kitchen: interface 3 is not") })
    }
  }

  @Test func fortyStationsAreFortyLinks() throws {
    let crowd = ReplayTransport { command, sequence in
      switch command {
      case 0x05: [Frames.interface(sequence: sequence), Frames.done(sequence: sequence)]
      case 0x11:
        (0..<40).map { number in
          var frame = Frames.station(sequence: sequence)
          frame[36] = UInt8(number)  // the address's fifth byte
          return frame
        } + [Frames.done(sequence: sequence)]
      default: [Frames.done(sequence: sequence)]
      }
    }
    try watch(nl80211: crowd, routes: routes(station: "020000000100")) { watcher, _, _ in
      watcher.poll()
      let links = watcher.latest.links
      #expect(links.count == 40 && Set(links.compactMap(\.station)).count == 40)
      #expect(links.allSatisfy { $0.signal == DecibelMilliwatts(-61) && !$0.isFresh && $0.fading == nil })
    }
  }

  @Test func aDumpThatFailsOnceForgetsNothing() throws {
    let received = AdjustableByte(10)
    let working = radio(received: received)
    try watch(nl80211: working, routes: routes(station: "020000000100")) { watcher, clock, _ in
      for poll in 0..<40 {
        received.value = UInt8(10 + poll)
        watcher.poll()
        clock.advance(by: .milliseconds(50))
      }
      let before = try #require(watcher.latest.link(to: "kitchen")?.fading)
      working.reply { _, sequence in [[1, 2, 3]] }
      watcher.poll()
      clock.advance(by: .milliseconds(50))
      #expect(watcher.latest.link(to: "kitchen")?.signal == nil)
      let again = radio(received: received)
      working.reply { command, sequence in again.answerTo(command, sequence) }
      for poll in 0..<21 {
        received.value = UInt8(60 + poll)
        watcher.poll()
        clock.advance(by: .milliseconds(50))
      }
      let after = try #require(watcher.latest.link(to: "kitchen")?.fading)
      #expect(after.independentSamples > before.independentSamples)
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
