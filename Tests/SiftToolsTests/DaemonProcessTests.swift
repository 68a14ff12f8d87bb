// Child processes that say they are ready, fall silent, or end at once: played by shell scripts.

import Foundation
import SiftTools
import Testing

@Suite("Daemon process")
struct DaemonProcessTests {
  /// Runs `script` as if it were siftd. `say` in it sends a datagram to the notify socket.
  private func launch(_ script: String, in folder: String) -> DaemonProcess.Launch {
    let say = """
      say() { python3 -c 'import os,socket,sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[1].encode(), os.environ["NOTIFY_SOCKET"])' "$1"; }

      """
    return DaemonProcess.Launch(
      program: "/bin/sh", arguments: ["-c", say + script], name: "node", log: folder + "/node.log",
      notifySocket: folder + "/n")
  }

  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/st-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
  }

  @Test("It is started when it says READY, and ends with the status it chose after SIGTERM")
  func readyAndStopped() async throws {
    try await withFolder { folder in
      let script = "trap 'exit 7' TERM; say 'STATUS=loading'; say 'READY=1\nSTATUS=up'; while :; do sleep 0.05; done"
      let process = try await DaemonProcess.start(launch(script, in: folder))
      #expect(process.identifier > 0)
      #expect(await process.stop() == .exited(7))
      #expect(!FileManager.default.fileExists(atPath: folder + "/n"))
    }
  }

  @Test("One can wait for what it says, also for what it said before, and is not left waiting when it ends")
  func log() async throws {
    try await withFolder { folder in
      let script = "echo early; trap 'echo going; exit 0' TERM; say READY=1; while :; do sleep 0.05; done"
      let process = try await DaemonProcess.start(launch(script, in: folder))
      #expect(await process.log.line(containing: "arl") == "early")
      async let going = process.log.line(containing: "going")
      async let never = process.log.line(containing: "never")
      #expect(await process.stop() == .exited(0))
      #expect(await going == "going")
      #expect(await never == nil)
      #expect(await process.log.line(containing: "early", from: 1) == nil)
      #expect(try String(contentsOfFile: launch("", in: folder).log, encoding: .utf8) == "early\ngoing\n")
    }
  }

  @Test("A process that ignores SIGTERM is killed")
  func stubborn() async throws {
    try await withFolder { folder in
      let process = try await DaemonProcess.start(
        launch("trap '' TERM; say READY=1; while :; do sleep 0.05; done", in: folder))
      #expect(await process.stop(within: .milliseconds(200)) == .signalled(9))
    }
  }

  @Test("A process that ends before it is ready is an error with its last words and its log")
  func endsEarly() async throws {
    try await withFolder { folder in
      let failure = await #expect(throws: ToolFailure.self) {
        try await DaemonProcess.start(launch("echo first; echo 'port 1 is in use' >&2; exit 78", in: folder))
      }
      let expected =
        "node ended (exit status 78) before it was ready: “port 1 is in use”; its log is \(folder)/node.log"
      #expect(failure?.message == expected)
    }
  }

  @Test("A process that never gets ready is killed and reported")
  func silent() async throws {
    try await withFolder { folder in
      var launch = launch("echo $$; exec sleep 1000", in: folder)
      launch.patience = .milliseconds(300)
      let failure = await #expect(throws: ToolFailure.self) { try await DaemonProcess.start(launch) }
      #expect(failure?.message.contains("was not ready within") == true)
      let identifier = try #require(
        Int32(try String(contentsOfFile: launch.log, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)))
      #expect(kill(identifier, 0) == -1 && errno == ESRCH)
    }
  }

  @Test("A program that does not exist is named")
  func missing() async throws {
    try await withFolder { folder in
      var launch = launch("", in: folder)
      launch.program = folder + "/nothing"
      let failure = await #expect(throws: ToolFailure.self) { try await DaemonProcess.start(launch) }
      #expect(failure?.message.hasPrefix("\(folder)/nothing cannot be started") == true)
    }
  }

  @Test("A path too long for a socket is refused in words")
  func longPath() throws {
    let path = "/tmp/" + String(repeating: "x", count: 120)
    let failure = #expect(throws: ToolFailure.self) { try NotifySocket(path: path) }
    #expect(failure?.message == "\(path): the path has more than 107 bytes")
  }
}
