// Bytes of other programs, and the firmware's mailbox where there is none.

import Foundation
import HostIO
import SiftTestKit
import Testing

@Suite struct SourcesTests {
  private func drained(_ source: any ByteSource, until end: String) async throws -> String {
    var text = ""
    while !text.hasSuffix(end) {
      var bytes = [UInt8](repeating: 0, count: 64)
      let count = try bytes.withUnsafeMutableBytes { try source.take(into: $0) }
      text += String(decoding: bytes[..<count], as: UTF8.self)
      await Task.yield()
    }
    return text
  }

  @Test func aCommandIsDrainedAndItsEndIsTold() async throws {
    let source = try CommandSource(command: "printf 'one\\ntwo\\n'")
    #expect(try await drained(source, until: "two\n") == "one\ntwo\n")
    var failure: SysfsError?
    while failure == nil {
      var byte = [UInt8](repeating: 0, count: 1)
      do { _ = try byte.withUnsafeMutableBytes { try source.take(into: $0) } } catch { failure = error as? SysfsError }
      await Task.yield()
    }
    #expect(failure == .missing(path: "printf 'one\\ntwo\\n'"))
  }

  @Test func aCommandEndsWithItsReader() async throws {
    let folder = try TemporaryFolder()
    let mark = folder.file("ended")
    var source: CommandSource? = try CommandSource(
      command: "trap 'touch \(mark); exit' TERM; echo ready; while :; do sleep 0.05; done")
    if let source { _ = try await drained(source, until: "ready\n") }
    source = nil
    #expect(await eventually { fileExists(mark) })
  }

  // A shell that traps a signal lets it through, whatever it inherited; most programs leave that as they find it.
  @Test func aProgramThatHandlesNoSignalEndsWithItsReaderToo() async throws {
    var source: CommandSource? = try blocking(SIGTERM) { try CommandSource(command: "echo $$; exec sleep 600") }
    var said = ""
    if let source { said = try await drained(source, until: "\n") }
    let process = try #require(Int32(said.dropLast()))
    #expect(!hasEnded(process))
    source = nil
    #expect(await eventually(within: .seconds(60)) { hasEnded(process) })
  }

  /// Runs `body` as on a thread that lets a signal wait, as threads of a pool do.
  private func blocking<Result>(_ signal: Int32, _ body: () throws -> Result) rethrows -> Result {
    var (blocked, before) = (sigset_t(), sigset_t())
    sigemptyset(&blocked)
    sigaddset(&blocked, signal)
    pthread_sigmask(SIG_BLOCK, &blocked, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    return try body()
  }

  /// Gone, or dead and not yet waited for.
  private func hasEnded(_ process: Int32) -> Bool {
    guard let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return true }
    return status.contains(") Z ")
  }

  @Test func aPipeThatIsNotThereIsMissing() {
    #expect(throws: SysfsError.missing(path: "/nowhere/pipe")) { _ = try FifoSource(path: "/nowhere/pipe") }
  }

  @Test func aMachineWithoutTheFirmwareHasNoMailbox() {
    #expect(VideoCoreMailbox.ifPresent("/nowhere/vcio") == nil)
  }

  @Test func aFileThatIsNoMailboxIsRefusedInWords() throws {
    let folder = try TemporaryFolder()
    let mailbox = try #require(VideoCoreMailbox.ifPresent(try folder.write("vcio", "")))
    #expect(throws: SysfsError.unreadable(path: mailbox.path, errno: ENOTTY)) { _ = try mailbox.answer(to: "x") }
    #expect(throws: SysfsError.self) { _ = try mailbox.answer(to: String(repeating: "x", count: 1024)) }
  }
}
