// siftctl links and calibrate-radio: the live table, recordings as files, and the radio's power model learned.

import Foundation
import LinkMonitor
import SiftCore
import SiftTestKit
import SiftTools
import Testing

@Suite struct LinksToolTests {
  private func report(_ signal: Double?, isFresh: Bool = true) -> LinksReport {
    var link = PeerLink(source: .nl80211, topology: .direct)
    link.interface = "wlan0"
    link.peerName = "kitchen"
    link.signal = signal.map { DecibelMilliwatts($0) }
    link.isFresh = isFresh
    return LinksReport(LinkSnapshot(epoch: 1, links: [link]), model: .default)
  }

  @Test func theTableShowsWhatIsKnownAndADashForTheRest() {
    let text = LinksText.of(report(-61), remarks: ["nl80211: gone"])
    #expect(text.contains("kitchen") && text.contains("-61 dBm") && text.contains("–"))
    #expect(text.hasSuffix("Note: nl80211: gone\n"))
    #expect(LinksText.of(LinksReport(links: []), remarks: []) == "No station in reach and no peer named.\n")
  }

  @Test func everyFrameIsDrawnOverTheOneBefore() {
    var screen = LinksScreen(width: 300)
    let first = screen.frame(report(-60), remarks: [])
    #expect(!first.contains("\u{1B}") && first.split(separator: "\n").count == 2)
    let second = screen.frame(report(-50), remarks: ["a remark"])
    #expect(second.hasPrefix("\u{1B}[2A\r\u{1B}[J"), "two lines up, and all below cleared")
    let third = screen.frame(report(-55, isFresh: false), remarks: [])
    #expect(third.hasPrefix("\u{1B}[3A\r\u{1B}[J"))
    // Low, high, and a blank for a signal that was only repeated.
    #expect(third.contains("▁█  -60…-50"))
  }

  @Test func noLineIsLongerThanTheTerminalIsWide() {
    var screen = LinksScreen(width: 40)
    let text = screen.frame(report(-60), remarks: [String(repeating: "long ", count: 40)])
    #expect(text.split(separator: "\n").allSatisfy { $0.count < 40 })
  }

  @Test func aRecordingIsWrittenAndReadBack() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("links.jsonl")
    let recorder = try LinksRecorder(path)
    for second in 0..<3 {
      try recorder.append(LinkRecordingLine(time: Double(second), links: report(-60 - Double(second)).links))
    }
    let recording = try LinksRecordingFile.read(path)
    #expect(recording.lines.count == 3 && recording.lines[2].links[0].signal == -62)
  }

  @Test(arguments: [
    ("", "at least one line"), ("{\"time_s\":0}\n", "line 1 is no line of a link recording"),
    ("{\"time_s\":1,\"links\":[]}\n{\"time_s\":0,\"links\":[]}\n", "times rise"),
    ("{\"time_s\":0,\"links\":[]}\nnonsense\n", "line 2 is no line"),
  ])
  func aFileThatIsNoRecordingIsRefusedInWords(text: String, complaint: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("links.jsonl", text)
    let failure = #expect(throws: ToolFailure.self) { _ = try LinksRecordingFile.read(path) }
    #expect(failure?.status == .badData && failure?.message.contains(complaint) == true)
  }

  // MARK: The radio learned

  /// Windows of a rail with known costs and noise of `noise` watts.
  private func windows(_ count: Int, noise: Double, seed: UInt64, both: Bool = true) -> [RadioWindow] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
      let sending = Double.random(in: 0..<0.6, using: &generator)
      let receiving = both ? Double.random(in: 0..<0.3, using: &generator) : sending / 2
      let frames = Double.random(in: 0..<2000, using: &generator).rounded()
      let error = (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &generator) }
      let joules = 1.3 + 1.75 * sending + 0.06 * receiving + 0.38e-3 * frames + noise * error
      return RadioWindow(
        seconds: 1, joules: joules, sending: sending, receiving: receiving, frames: frames, bytes: 1000 * frames)
    }
  }

  private let truth: [(RadioRegression.Term, Double)] = [
    (.idle, 1.3), (.send, 1.75), (.receive, 0.06), (.frame, 0.38e-3),
  ]

  @Test func withoutNoiseTheCostsAreFoundExactly() throws {
    let found = try RadioRegression(windows(20, noise: 0, seed: 1))
    for (term, value) in truth { #expect(abs(try #require(found.coefficients[term]).value - value) < 1e-9) }
    #expect(found.untold.isEmpty && found.explained > 0.999999)
  }

  @Test func theIntervalsHoldTheTruthAsOftenAsTheySay() throws {
    var held: [RadioRegression.Term: Int] = [:]
    for seed in 0..<200 {
      let found = try RadioRegression(windows(60, noise: 0.05, seed: UInt64(seed)))
      for (term, value) in truth {
        let estimate = try #require(found.coefficients[term])
        if estimate.low <= value && value <= estimate.high { held[term, default: 0] += 1 }
      }
    }
    for (term, _) in truth { #expect((180...199).contains(held[term] ?? 0), "\(term): \(held[term] ?? 0) of 200") }
  }

  @Test func whatOnlyVariesTogetherIsNotToldApart() throws {
    let found = try RadioRegression(windows(40, noise: 0.01, seed: 5, both: false))
    #expect(found.untold == [.receive] && found.coefficients[.receive] == nil)
    #expect(!found.text().contains("measured = true") && found.text().contains("Not to be told"))
  }

  @Test func theLinesForTheConfigurationAreThere() throws {
    let text = try RadioRegression(windows(100, noise: 0.01, seed: 9)).text()
    #expect(text.contains("[radio]\ntransmit-watts = 1.7") && text.contains("frame-mj = 0.3"))
    #expect(text.hasSuffix("measured = true\n"))
  }

  @Test func tooFewWindowsOrNoneThatVaryAreRefused() {
    #expect(throws: ToolFailure.self) { _ = try RadioRegression(windows(11, noise: 0, seed: 1)) }
  }

  @Test func windowsAreWrittenAndReadBack() throws {
    let some = windows(3, noise: 0.1, seed: 2)
    #expect(try RadioWindow.read(RadioWindow.text(some), name: "x") == some)
    for bad in ["seconds\n1\n", RadioWindow.text(some) + "1,2,3\n", RadioWindow.text(some) + "0,1,1,1,1,1\n"] {
      #expect(throws: ToolFailure.self) { _ = try RadioWindow.read(bad, name: "x") }
    }
  }
}
