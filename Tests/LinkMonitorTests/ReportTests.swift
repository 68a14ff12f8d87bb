// Rows of the links format, and recordings of them that play in the place of the machine.

import Foundation
import LinkMonitor
import SiftCore
import SiftTestKit
import Testing

@Suite struct ReportTests {
  private func radioLink() -> PeerLink {
    var link = PeerLink(source: .nl80211, topology: .direct)
    link.interface = "wlan0"
    link.peerName = "kitchen"
    link.station = MACAddress("02:00:00:00:01:00")
    link.age = .milliseconds(120)
    link.isFresh = true
    link.signal = DecibelMilliwatts(-61)
    link.noise = DecibelMilliwatts(-94)
    link.isNoiseAssumed = true
    link.snr = Decibels(33)
    link.sendRate = 72.2e6
    return link
  }

  private func json(_ report: LinksReport) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report))
    let links = try #require((object as? [String: Any])?["links"] as? [[String: Any]])
    return try #require(links.first)
  }

  @Test func everyFieldOfTheFormatIsThereAndUnknownOnesAreNull() throws {
    let row = try json(LinksReport(LinkSnapshot(epoch: 1, links: [radioLink()]), model: .default))
    let fields: Set<String> = [
      "interface", "peer", "peer_name", "source", "topology", "age_s", "fresh", "signal_dbm", "noise_dbm",
      "noise_assumed", "snr_db", "tx_rate_bps", "rx_rate_bps", "retry_ratio", "goodput_bps", "round_trip_s", "fading",
      "outage", "visit",
    ]
    #expect(Set(row.keys) == fields)
    #expect(row["signal_dbm"] as? Double == -61 && row["peer"] as? String == "02:00:00:00:01:00")
    for unknown in ["rx_rate_bps", "retry_ratio", "goodput_bps", "round_trip_s"] { #expect(row[unknown] is NSNull) }
    let fading = try #require(row["fading"] as? [String: Any])
    #expect(Set(fading.keys) == ["kind", "k", "k_interval", "doppler_hz", "coherence_s_at_least"])
    #expect(fading["kind"] as? String == "unknown" && fading["k"] is NSNull)
    let outage = try #require(row["outage"] as? [String: Any])
    #expect(outage["bytes"] as? Int == 4096 && outage["deadline_s"] as? Double == 0.02)
    #expect(outage["probability"] is NSNull, "an outage is not known before the fading is")
    let visit = try #require(row["visit"] as? [String: Any])
    #expect(visit["energy_j"] is Double && visit["airtime_s"] is Double)
  }

  @Test func aKnownChannelHasAnOutage() throws {
    var link = radioLink()
    var generator = SeededGenerator(seed: 3)
    let levels = (0..<400).map { _ in -61 + 10 * log10(generator.ricianPower(k: 0)) }
    let fading = FadingEstimate(levels: levels, spacing: .milliseconds(50))
    link.fading = fading
    link.channel = ChannelEstimate(
      fading, noise: DecibelMilliwatts(-94), sample: DecibelMilliwatts(-61), age: .milliseconds(120))
    let report = LinksReport(LinkSnapshot(epoch: 1, links: [link]), model: .default)
    let chance = try #require(report.links[0].outage.probability)
    #expect(chance > 0 && chance < 0.05)
    // The same visit in a tenth of the time needs a faster rate.
    let hurried = LinksReport(
      LinkSnapshot(epoch: 1, links: [link]), model: .default,
      demand: VisitDemand(bytes: 4096, deadline: .milliseconds(2)))
    #expect(try #require(hurried.links[0].outage.probability) > chance)
  }

  @Test func aWiredPeersOutageComesFromItsExchanges() throws {
    var link = PeerLink(source: .transport, topology: .wired)
    link.peerName = "kitchen"
    var forecaster = GoodputForecaster()
    for second in 0..<40 { forecaster.observe(GoodputSample(goodput: second % 4 == 0 ? 1e6 : 50e6)) }
    let snapshot = LinkSnapshot(epoch: 1, links: [link])
    let silent = LinksReport(snapshot, model: .default)
    #expect(silent.links[0].outage.probability == nil && silent.links[0].visit.energy == nil)
    var figures = TransportFigures(goodput: 6e6, roundTrip: .milliseconds(1))
    figures.done = 40
    let known = LinksReport(
      snapshot, transport: ["kitchen": figures], forecasts: ["kitchen": forecaster], model: .default)
    let chance = try #require(known.links[0].outage.probability)
    #expect(chance > 0.1 && chance < 0.5)
    #expect(known.links[0].goodput == 48e6)
  }

  @Test func aRowSurvivesItsJSON() throws {
    let report = LinksReport(LinkSnapshot(epoch: 1, links: [radioLink()]), model: .default)
    #expect(try JSONDecoder().decode(LinksReport.self, from: JSONEncoder().encode(report)) == report)
  }

  // MARK: Recordings

  /// A minute of a channel of 1 Hz, twenty lines a second, all fresh.
  private func recording(k: Double = 3, lines: Int = 1200) throws -> LinkRecording {
    var generator = SeededGenerator(seed: 31)
    let process = FadingProcess(doppler: 1, k: k, using: &generator)
    var link = radioLink()
    return try #require(
      LinkRecording(
        (0..<lines).map { line in
          let time = Double(line) / 20
          link.signal = DecibelMilliwatts((-60 + 10 * log10(process.power(at: time))).rounded())
          link.snr = Decibels((link.signal?.value ?? 0) + 94)
          link.age = .milliseconds(1)
          return LinkRecordingLine(
            time: time, links: LinksReport(LinkSnapshot(epoch: 1, links: [link]), model: .default).links)
        }))
  }

  @Test func aRecordingThatIsPlayedGivesItsSignalsAndAnEstimateOfItsOwn() throws {
    let recording = try recording()
    let clock = ManualClock()
    let watcher = LinkWatcher(feed: .recording(recording), clock: clock)
    watcher.poll()
    #expect(watcher.latest.links.first?.signal?.value == recording.lines[0].links[0].signal)
    clock.advance(by: .milliseconds(120))
    watcher.poll()
    #expect(watcher.latest.links.first?.signal?.value == recording.lines[2].links[0].signal)
    for _ in 0..<1200 {
      clock.advance(by: .milliseconds(50))
      watcher.poll()
    }
    let fading = try #require(watcher.latest.link(to: "kitchen")?.fading)
    #expect(fading.kind == .slow)
    #expect(abs(try #require(fading.doppler).hertz - 1) < 0.2)
    #expect(try #require(fading.interval).contains(3))
    #expect(watcher.latest.link(to: "kitchen")?.channel != nil)
  }

  @Test func afterItsEndNothingIsFresh() throws {
    let recording = try recording(lines: 40)
    let clock = ManualClock()
    let watcher = LinkWatcher(feed: .recording(recording), clock: clock)
    watcher.poll()
    clock.advance(by: .seconds(2))
    watcher.poll()
    #expect(watcher.latest.links.first?.isFresh == true && watcher.latest.remarks == ["the recording is over"])
    clock.advance(by: .seconds(2))
    watcher.poll()
    #expect(watcher.latest.links.first?.isFresh == false)
    #expect(recording.end.links.first?.signal?.value == recording.lines[39].links[0].signal)
  }

  @Test func aRepeatedSampleCountsOnce() throws {
    var link = radioLink()
    let lines = (0..<100).map { line in
      // One frame at the beginning, repeated with a growing age.
      link.age = .milliseconds(10 + 5 * line)
      return LinkRecordingLine(
        time: Double(line) * 0.005, links: LinksReport(LinkSnapshot(epoch: 1, links: [link]), model: .default).links)
    }
    let end = try #require(LinkRecording(lines)).end
    #expect(end.links.first?.fading == nil)
  }

  @Test func linesThatGoBackInTimeAreNoRecording() {
    let line = { LinkRecordingLine(time: $0, links: []) }
    #expect(LinkRecording([]) == nil && LinkRecording([line(1), line(1)]) == nil)
    #expect(LinkRecording([line(-1)]) == nil && LinkRecording([line(0), line(.nan)]) == nil)
  }
}
