// Meters of the user's own: one JSON line a sample, from a command or a named pipe.

import EnergyMeter
import Foundation
import HostIO
import SiftCore
import SiftTestKit
import Synchronization
import Testing

@Suite struct ExternalMeterTests {
  @Test(arguments: [
    (#"{"power_w": 5.25}"#, RailValue.watts(5.25)),
    (#"{"time": "12:00 \"UTC\"", "power_w": 5, "unit": "W", "ok": true, "x": null}"#, .watts(5)),
    (#"{"power_w": 1, "energy_j": 2.5}"#, .microjoules(2_500_000)),
    (#" { "energy_j" : 1e3 } "#, .microjoules(1_000_000_000)),
    (#"{"power_w": -0.5}"#, .watts(-0.5)),
  ])
  func aLineIsReadForItsFigure(line: String, value: RailValue) {
    #expect(ExternalSample.value(of: Array(line.utf8)) == value)
  }

  @Test(arguments: [
    "", "5.2", "{}", "{\"power_w\": \"5\"}", "{\"power_w\": nan}", "{\"power_w\": 5", "{\"power_w\": 5} x", "[1]",
    "{\"power_w\": {\"a\": 5}}", "{\"energy_j\": -1}", "{\"energy_j\": 1e300}", "{\"power_w\" 5}", "{\"power_w\": 5,}",
    "{\"a\\", "{\"power_w\": [5]}",
  ])
  func aLineThatIsNoneIsRefused(line: String) { #expect(ExternalSample.value(of: Array(line.utf8)) == nil) }

  @Test(arguments: [
    "", "wall", "wall=", "wall=fifo:relative", "=command:x", "wall=serial:/dev/ttyUSB0", "a b=command:x",
    "wall=command: ",
  ])
  func aMeterThatIsNoneIsRefused(text: String) { #expect(ExternalMeter(text) == nil) }

  @Test func aMeterOfTheUsersStandsForTheMachine() throws {
    let meter = ExternalMeter(name: "wall") { () throws(SysfsError) in FakeBytes { "{\"power_w\": 7.5}\n" } }
    try withSysfs(Boards.orinNX) { root in
      let catalog = RailCatalog.discover(MeterSources(sysfs: root, external: [meter]), rules: RailRules())
      #expect(catalog.total == ["external:wall"] && catalog.rail("external:wall")?.power == .watts(7.5))
      #expect(catalog.rail("external:wall")?.standing == .measured)
    }
  }

  /// Says what the test puts in, in pieces of the test's choosing.
  private final class Scripted: ByteSource {
    private let pieces: Mutex<[String]>
    init(_ pieces: [String]) { self.pieces = Mutex(pieces) }
    func take(into buffer: UnsafeMutableRawBufferPointer) throws(SysfsError) -> Int {
      guard let piece = pieces.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { return 0 }
      if piece == "END" { throw .missing(path: "script") }
      buffer.copyBytes(from: piece.utf8)
      return piece.utf8.count
    }
  }

  @Test func theNewestWholeLineCountsAndSilenceIsNoSample() throws {
    let source = Scripted(["{\"power_w\": 1}\n{\"power_w\": 2}\r\n\n{\"pow", "", "er_w\": 3}\n", "", ""])
    let reader = ExternalMeterReader(ExternalMeter(name: "m") { () throws(SysfsError) in source })
    #expect(try reader.read() == .watts(2))
    #expect(try reader.read() == .watts(3))
    #expect(try reader.read() == .nothingNew)
  }

  @Test func aProgramThatEndedIsTriedAgainAfterAWhile() throws {
    let opened = Knob(0)
    let meter = ExternalMeter(name: "m") { () throws(SysfsError) in
      opened.change { $0 += 1 }
      return Scripted(["{\"power_w\": 1}\n", "", "END"])
    }
    let reader = ExternalMeterReader(meter)
    #expect(try reader.read() == .watts(1))
    var failures = 0
    while opened.value == 1, failures < 1000 {
      do { _ = try reader.read() } catch { failures += 1 }
    }
    #expect(failures == 51)
  }

  @Test func aCommandIsRunAndItsLinesAreRead() async throws {
    let meter = try #require(ExternalMeter("echo=command:echo '{\"power_w\": 4.5}'; exec sleep 600"))
    let reader = ExternalMeterReader(meter)
    var value = RailValue.nothingNew
    while value == .nothingNew {
      value = try reader.read()
      await Task.yield()
    }
    #expect(value == .watts(4.5))
  }

  @Test func theLastLineOfAProgramThatHasEndedIsStillRead() throws {
    let reader = ExternalMeterReader(ExternalMeter(name: "m") { () in Scripted(["{\"power_w\": 7}\n", "END", "END"]) })
    #expect(try reader.read() == .watts(7))
    #expect(throws: SysfsError.self) { try reader.read() }
  }

  @Test func aNamedPipeOutlivesItsWriters() throws {
    let path = NSTemporaryDirectory() + "sift-fifo-\(UUID().uuidString)"
    #expect(mkfifo(path, 0o600) == 0)
    defer { unlink(path) }
    let reader = ExternalMeterReader(try #require(ExternalMeter("pipe = fifo:\(path)")))
    #expect(try reader.read() == .nothingNew)
    for watts in [1.5, 2.5] {
      let writer = try #require(FileHandle(forWritingAtPath: path))
      try writer.write(contentsOf: Data("{\"power_w\": \(watts)}\n".utf8))
      #expect(try reader.read() == .watts(watts))
      try writer.close()
    }
    #expect(try reader.read() == .nothingNew)
  }
}
