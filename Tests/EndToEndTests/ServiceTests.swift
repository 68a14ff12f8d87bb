// One process and the world around it: starting, refusing, draining.

import Foundation
import HostIO
import SiftTestKit
import SiftTools
import Testing

extension EndToEnd {
  @Test("SIGTERM lets a running answer finish; then the process ends with status 0")
  func drains() async throws {
    let expected = try Self.alone(tokens: 100)
    try await Self.withCluster(nodes: 1) { cluster, client in
      let answer = try await Self.stream(client, tokens: 100) { pieces in
        if pieces == 3 { cluster.process(0)?.signal(15) }
      }
      #expect(answer.text == expected)
      #expect(await cluster.process(0)?.end == .exited(0))
    }
  }

  @Test("A port in use is one line with the address, and status 69")
  func portInUse() async throws {
    try await Self.withCluster(nodes: 1) { cluster, _ in
      let port = cluster.layout.apiPort
      let failure = await #expect(throws: ToolFailure.self) {
        try await Self.withCluster(nodes: 1, change: { $0.apiPort = port }) { _, _ in }
      }
      let message = try #require(failure?.message)
      #expect(message.contains("exit status 69"))
      #expect(message.contains("127.0.0.1:\(port)"))
    }
  }

  @Test("Key files that are missing, damaged or open to all are refused by name, with status 78", arguments: 0..<3)
  func badKeys(kind: Int) async throws {
    let folder = try TemporaryFolder()
    let ports = try ReservedPorts(2)
    defer { withExtendedLifetime(ports) {} }
    let layout = try Self.layout(ports, in: folder)
    // Makes the certificates; then one key is spoilt, and the host started by hand.
    try await LocalCluster.with(layout, program: try Self.siftd(), isWhole: false) { _ in }
    let key = layout.certificates + "/host-1-key.pem"
    switch kind {
    case 0: try FileManager.default.removeItem(atPath: key)
    case 1: try "not a key\n".write(toFile: key, atomically: false, encoding: .utf8)
    default: try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
    }
    let failure = await #expect(throws: ToolFailure.self) {
      try await DaemonProcess.start(
        DaemonProcess.Launch(
          program: try Self.siftd(), arguments: ["--config", layout.configurationFile(of: 1)], name: "host-1",
          log: folder.file("again.log"), notifySocket: folder.file("again.notify")))
    }
    let message = try #require(failure?.message)
    #expect(message.contains("exit status 78"))
    #expect(message.contains(key))
  }

  @Test("Bad requests get their status and disturb no other answer")
  func badRequests() async throws {
    let expected = try Self.alone(tokens: 200)
    try await Self.withCluster(nodes: 1) { cluster, client in
      async let answer = Self.stream(client, tokens: 200)
      let long = "{\"model\": \"reference\", \"prompt\": \"" + String(repeating: "word ", count: 5000) + "\"}"
      let bad: [(name: String, body: [UInt8], status: Int)] = [
        ("nothing", [], 400),
        ("no JSON", Array("{\"model\": ".utf8), 400),
        ("invalid UTF-8", Array("{\"model\": \"reference\", \"prompt\": \"".utf8) + [0xFF] + Array("\"}".utf8), 400),
        ("an empty prompt", Array("{\"model\": \"reference\", \"prompt\": \"\"}".utf8), 400),
        ("a prompt longer than the context", Array(long.utf8), 400),
        ("another model", Array("{\"model\": \"x\", \"prompt\": \"a\"}".utf8), 404),
      ]
      for request in bad {
        for path in ["/v1/completions", "/v1/chat/completions"] {
          let (status, body) = try await client.post(raw: request.body, to: path)
          // What is a prompt there is no message here: still refused, as a body that lacks its messages.
          #expect(status == request.status, "\(request.name) to \(path): \(body)")
          #expect(body.contains("\"error\""), "\(request.name) to \(path)")
        }
      }
      let undisturbed = try await answer.text
      #expect(undisturbed == expected)
      let health = try await client.text("/healthz")
      #expect(health == "ok\n")
    }
  }

  @Test("siftctl's status reads the daemon's report")
  func status() async throws {
    try await Self.withCluster(nodes: 2) { _, client in
      _ = try await Self.stream(client, tokens: 3)
      let text = StatusText.of(try await client.status())
      #expect(text.contains("gateway, gateway, up"))
      #expect(text.contains("host-1"))
      #expect(text.contains("topk"))
    }
  }

  @Test("siftctl demo compares two policies, serves on, and Ctrl-C stops all three daemons")
  func demo() async throws {
    let folder = try TemporaryFolder()
    let siftd = try Self.siftd()
    var launch = DaemonProcess.Launch(
      program: String(siftd.dropLast("siftd".count)) + "siftctl",
      arguments: [
        "demo", "--model", ReferenceModel.folder, "--folder", folder.file("run"), "--max-tokens", "8", "--rounds", "1",
      ], name: "siftctl", log: folder.file("demo.log"), notifySocket: folder.file("demo.notify"))
    launch.saysReady = false
    let demo = try await DaemonProcess.start(launch)
    #expect(await demo.log.line(containing: "node visits per token") != nil)
    #expect(await demo.log.line(containing: "Serving on http://127.0.0.1:") != nil)
    demo.signal(2)
    #expect(await demo.end == .exited(0))
    for node in ["gateway", "host-1", "host-2"] {
      let log = try String(contentsOfFile: folder.file("run/\(node).log"), encoding: .utf8)
      #expect(log.contains("stopping: "), "\(node) was not stopped in order")
    }
  }
}
