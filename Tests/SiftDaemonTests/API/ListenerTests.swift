// The listener on real sockets: bodies of 100 MB, clients that go away, many at once.

import Dispatch
import Foundation
import HostIO
import Logging
import NIOPosix
import ServiceLifecycle
import SiftDaemon
import Testing

/// A blocking client that does what well-behaved ones do not.
private final class RawClient: Sendable {
  let descriptor: Int32

  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    let answer = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(answer == 0)
  }

  deinit { close(descriptor) }

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      try #require(count > 0, "the server closed after \(sent) of \(bytes.count) bytes")
      sent += count
    }
  }

  /// Reads until `text` came, or the end.
  func read(until text: String) -> String {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !String(decoding: all, as: UTF8.self).contains(text) {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      all += buffer.prefix(count)
    }
    return String(decoding: all, as: UTF8.self)
  }
}

@Suite("The HTTP listener", .timeLimit(.minutes(1)))
struct ListenerTests {
  /// Serves `bench` on a free port while `body` runs.
  private func serve(_ bench: APIBench, limit: Int = 100_000, _ body: @Sendable (UInt16) async throws -> Void)
    async throws
  {
    let socket = try ListeningSocket.open(.internet(host: "127.0.0.1", port: 0))
    guard case .internet(_, let port) = socket.address else { return }
    let (serving, ready) = AsyncStream<Void>.makeStream()
    let listener = HTTPListener(
      socket: socket, responder: bench.responder, bodyLimit: limit, connectionLimit: 64,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, group: MultiThreadedEventLoopGroup.singleton,
      whenServing: { ready.yield() })
    let group = ServiceGroup(
      configuration: .init(services: [listener], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      for await _ in serving { break }
      try await body(port)
      await group.triggerGracefulShutdown()
      bench.scheduler.close()
      try await tasks.waitForAll()
    }
  }

  /// Blocking calls belong on a thread of their own.
  private func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { done in
      DispatchQueue.global().async { done.resume(with: Result { try body() }) }
    }
  }

  private static func post(_ body: String, path: String = "/v1/completions", length: Int? = nil) -> String {
    "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: \(length ?? body.utf8.count)\r\n\r\n\(body)"
  }

  @Test("an announced body of 100 MB is refused before any of it was read")
  func announcedBody() async throws {
    try await serve(try await APIBench()) { port in
      let answer = try await blocking {
        let client = try RawClient(port: port)
        try client.send(Self.post("", length: 100_000_000))
        return client.read(until: "\r\n\r\n{")
      }
      #expect(answer.hasPrefix("HTTP/1.1 413 "))
      #expect(answer.contains("onnection: close"))
    }
  }

  @Test("a client that sends all 100 MB before it reads still gets the 413, and nobody else waits for it")
  func sentBody() async throws {
    let bench = try await APIBench()
    try await serve(bench) { port in
      async let large = blocking {
        let client = try RawClient(port: port)
        try client.send(Self.post("", length: 100_000_000))
        let piece = [UInt8](repeating: 32, count: 1_000_000)
        for _ in 0..<100 { try client.send(piece) }
        return client.read(until: "request_too_large")
      }
      let small = try await blocking {
        let client = try RawClient(port: port)
        try client.send(Self.post(#"{"model":"fake","prompt":"say:fine|","temperature":0}"#))
        return client.read(until: "usage")
      }
      #expect(small.contains(#""text":"fine""#))
      #expect(try await large.contains("request_too_large"))
    }
  }

  @Test("Expect: 100-continue gets its 100 for a body that will be taken")
  func expectContinue() async throws {
    try await serve(try await APIBench()) { port in
      let answers = try await blocking {
        let client = try RawClient(port: port)
        let body = #"{"model":"fake","prompt":"say:fine|","temperature":0}"#
        try client.send(
          "POST /v1/completions HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        )
        let first = client.read(until: "\r\n\r\n")
        try client.send(body)
        return [first, client.read(until: "usage")]
      }
      #expect(answers[0].hasPrefix("HTTP/1.1 100 "))
      #expect(answers[1].contains("fine"))
    }
  }

  @Test("a client that goes away while it waits frees its sequence", arguments: [true, false])
  func clientGone(streams: Bool) async throws {
    let bench = try await APIBench(model: FakeModel(context: 100_000_000))
    try await serve(bench) { port in
      // No end: only the client's leaving stops it.
      var client: RawClient? = try await blocking {
        let client = try RawClient(port: port)
        try client.send(
          Self.post(#"{"model":"fake","prompt":"endless","max_tokens":90000000,"stream":\#(streams)}"#))
        if streams { _ = client.read(until: "data: ") }
        return client
      }
      for await _ in bench.log.openings { break }
      #expect(client != nil)
      client = nil
      for await id in bench.log.closings {
        #expect(id == 1)
        break
      }
      for await summary in bench.finished {
        #expect(summary.outcome == .cancelled)
        break
      }
      #expect(bench.log.open.isEmpty)
    }
  }

  @Test("requests follow one another on a kept connection")
  func keepAlive() async throws {
    try await serve(try await APIBench()) { port in
      let answers = try await blocking {
        let client = try RawClient(port: port)
        var answers: [String] = []
        for word in ["one", "two", "three"] {
          try client.send(Self.post(#"{"model":"fake","prompt":"say:\#(word)|","temperature":0}"#))
          answers.append(client.read(until: "total_tokens\":"))
        }
        return answers
      }
      #expect(zip(answers, ["one", "two", "three"]).allSatisfy { $0.contains("\"text\":\"\($1)\"") })
    }
  }

  @Test("nonsense instead of HTTP ends its own connection only")
  func nonsense() async throws {
    try await serve(try await APIBench()) { port in
      let answer = try await blocking {
        let bad = try RawClient(port: port)
        try bad.send("\u{1}\u{2}\u{3} nonsense\r\n\r\n")
        _ = bad.read(until: "never")
        let good = try RawClient(port: port)
        try good.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        return good.read(until: "ok\n")
      }
      #expect(answer.contains("200 OK"))
    }
  }
}
