// What is announced of links: a loss once, a return once, a level when it stayed.

import LinkMonitor
import SiftCore
import SiftDaemon
import Testing

@Suite("What is announced of links")
struct LinkLevelTests {
  private let good: PeerLink = {
    var link = PeerLink(source: .nl80211, topology: .direct)
    link.peerName = "attic"
    link.interface = "wlan0"
    link.carrier = true
    link.level = .strong
    return link
  }()

  /// Looks ten times a second, each thing for so long.
  private struct Looks {
    private var levels = LinkLevels()
    private var looks: UInt64 = 0
    private(set) var told: [String] = []

    mutating func see(_ link: PeerLink, for seconds: Double) {
      for _ in 0..<Int((seconds * 10).rounded()) {
        looks += 1
        let records = levels.changes(
          in: LinkSnapshot(epoch: looks, links: [link]), at: .milliseconds(100 * Int64(looks)))
        told += records.compactMap { $0["SIFT_LINK"] }
      }
    }
  }

  @Test("nothing is told before the first poll")
  func beforeTheFirstPoll() {
    var levels = LinkLevels()
    for second in 0..<5 {
      #expect(levels.changes(in: LinkSnapshot(epoch: 0, links: [good]), at: .seconds(second)).isEmpty)
    }
  }

  @Test("a link is announced when it stayed as it is, not with every sample")
  func samples() {
    var looks = Looks()
    var link = good
    link.level = nil
    looks.see(link, for: 0.5)
    looks.see(good, for: 3)
    link = good
    link.signal = DecibelMilliwatts(-60)
    link.sendRate = 1e6
    looks.see(link, for: 3)
    #expect(looks.told == ["direct through wlan0, signal strong, figures from nl80211"])
    link.level = .fair
    looks.see(link, for: 3)
    #expect(looks.told.count == 2)
  }

  @Test("a loss is told at once and once, whatever else is missing meanwhile; and so is the return")
  func lossAndReturn() {
    var looks = Looks()
    looks.see(good, for: 3)
    var link = good
    link.level = .silent
    looks.see(link, for: 0.1)
    #expect(looks.told.count == 2, "\(looks.told)")
    link.carrier = false
    looks.see(link, for: 2)
    link.topology = nil
    looks.see(link, for: 2)
    link = good
    link.carrier = false
    looks.see(link, for: 0.3)
    // Carrier, then the station, then the peer's address, then a level.
    link = good
    link.level = nil
    link.source = .transport
    looks.see(link, for: 0.3)
    link.source = .nl80211
    link.topology = .viaAccessPoint
    looks.see(link, for: 0.9)
    #expect(looks.told.count == 2, "\(looks.told)")
    looks.see(good, for: 3)
    #expect(
      looks.told == [
        "direct through wlan0, signal strong, figures from nl80211",
        "direct through wlan0, signal silent, figures from nl80211",
        "direct through wlan0, signal strong, figures from nl80211",
      ])
  }

  @Test("a link that is lost from the start is told, too")
  func lostFromTheStart() {
    var looks = Looks()
    var link = good
    link.topology = nil
    looks.see(link, for: 5)
    #expect(looks.told == ["no route"])
    looks.see(good, for: 5)
    #expect(looks.told.count == 2)
  }
}
