// The edges towards the service manager: the notify datagram, listening sockets, journal lines.

import Glibc
import HostIO
import Testing

/// A datagram socket that stands in for the service manager's.
private struct FakeManager: ~Copyable {
  let path: String
  let descriptor: Int32

  init() throws {
    path = "/tmp/siftd-notify-\(getpid())-\(UInt64.random(in: 0 ..< .max)).sock"
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let answer = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(answer == 0)
  }

  /// The next datagram that already arrived; a datagram socket delivers before `sendto` returns.
  func next() -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
  }

  deinit {
    close(descriptor)
    unlink(path)
  }
}

@Suite("Notifying the service manager")
struct SystemdNotifierTests {
  @Test("READY, STATUS, WATCHDOG and STOPPING arrive as one datagram each")
  func states() throws {
    let manager = try FakeManager()
    let notifier = SystemdNotifier(path: manager.path)
    notifier.ready("serving tiny")
    notifier.watchdog()
    notifier.stopping("draining 2 requests")
    #expect(manager.next() == "READY=1\nSTATUS=serving tiny")
    #expect(manager.next() == "WATCHDOG=1")
    #expect(manager.next() == "STOPPING=1\nSTATUS=draining 2 requests")
    #expect(manager.next() == nil)
  }

  @Test("a manager that is gone, and no manager at all, are no error")
  func nobody() {
    SystemdNotifier(path: "/nonexistent/notify").ready("x")
    SystemdNotifier(path: nil).ready("x")
    SystemdNotifier(path: "relative").ready("x")
  }

  @Test("the watchdog interval counts only for the process it was meant for")
  func interval() {
    let mine = ["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"]
    #expect(WatchdogInterval.fromEnvironment({ mine[$0] }, processID: 42) == .seconds(30))
    #expect(WatchdogInterval.fromEnvironment({ mine[$0] }, processID: 43) == nil)
    #expect(WatchdogInterval.fromEnvironment({ ["WATCHDOG_USEC": "1000"][$0] }, processID: 1) == .milliseconds(1))
    for nonsense in ["0", "-5", "soon", ""] {
      #expect(WatchdogInterval.fromEnvironment({ ["WATCHDOG_USEC": nonsense][$0] }, processID: 1) == nil)
    }
  }
}

@Suite("Listening sockets")
struct ListeningSocketTests {
  @Test("a port in use is named in one line")
  func portInUse() throws {
    let first = try ListeningSocket.open(.internet(host: "127.0.0.1", port: 0))
    defer { close(first.descriptor) }
    let error = #expect(throws: SocketError.self) { try ListeningSocket.open(first.address) }
    #expect(error?.description == "cannot listen on \(first.address): the port is in use by another process (bind)")
  }

  @Test("a Unix socket has the mode it was asked for, replaces a stale file, and never another process's")
  func unixSocket() throws {
    let path = "/tmp/siftd-listen-\(getpid())-\(UInt64.random(in: 0 ..< .max)).sock"
    defer { unlink(path) }
    let first = try ListeningSocket.open(.unix(path), mode: 0o660)
    var facts = stat()
    #expect(lstat(path, &facts) == 0)
    #expect(facts.st_mode & 0o777 == 0o660)
    let taken = #expect(throws: SocketError.self) { try ListeningSocket.open(.unix(path)) }
    #expect(taken?.reason == "another process listens there")
    close(first.descriptor)
    let second = try ListeningSocket.open(.unix(path))
    close(second.descriptor)
  }

  @Test("a file that is no socket is left alone")
  func notASocket() throws {
    let path = "/tmp/siftd-file-\(getpid())-\(UInt64.random(in: 0 ..< .max))"
    let descriptor = Glibc.open(path, O_CREAT | O_WRONLY, 0o600)
    close(descriptor)
    defer { unlink(path) }
    #expect(throws: SocketError.self) { try ListeningSocket.open(.unix(path)) }
    #expect(access(path, F_OK) == 0)
  }

  @Test("addresses are read in numbers, with a port")
  func addresses() {
    #expect(ListenAddress(internet: "127.0.0.1:8080") == .internet(host: "127.0.0.1", port: 8080))
    #expect(ListenAddress(internet: "[::1]:80")?.description == "[::1]:80")
    #expect(ListenAddress(internet: "127.0.0.1:0")?.isLoopback == true)
    #expect(ListenAddress(internet: "0.0.0.0:80")?.isLoopback == false)
    for nonsense in ["", "8080", "localhost:80", "::1:80", "127.0.0.1:99999", "[127.0.0.1]:80", "1.2.3.4:"] {
      #expect(ListenAddress(internet: nonsense) == nil, "\(nonsense)")
    }
  }
}

@Suite("Reserved ports")
struct ReservedPortsTests {
  private func open(_ port: UInt16) throws -> ListeningSocket {
    try ListeningSocket.open(.internet(host: "127.0.0.1", port: port))
  }

  /// Whether the kernel gives `port` to a socket that shares with nobody; it never gives another one unasked.
  private func isFree(_ port: UInt16) throws -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    } == 0
  }

  @Test("they are different, and one server after another can listen on them")
  func listening() throws {
    let ports = try ReservedPorts(20)
    #expect(Set(ports.numbers).count == 20 && !ports.numbers.contains(0))
    for _ in 0..<2 {
      for port in ports.numbers { close(try open(port).descriptor) }
    }
  }

  @Test("they are given to nobody else until they are let go")
  func kept() throws {
    var ports: ReservedPorts? = try ReservedPorts(1)
    let port = try #require(ports?.numbers.first)
    #expect(try !isFree(port))
    let server = try open(port)
    #expect(try !isFree(port))
    close(server.descriptor)
    #expect(try !isFree(port))
    ports = nil
    #expect(try isFree(port))
  }
}

@Suite("Journal records")
struct JournalRecordTests {
  @Test("the line for standard error has the message and every field, and a client cannot forge a second line")
  func line() {
    let record = JournalRecord(
      message: "request done\nfake", fields: [.init("SIFT_POLICY", "topk"), .init("SIFT_MODEL", "a \"b\"")])
    #expect(record.line == "request done\u{FFFD}fake SIFT_POLICY=topk SIFT_MODEL=\"a \\\"b\\\"\"")
  }

  @Test("field names that journald would refuse are known")
  func names() {
    #expect(JournalField("SIFT_BYTES_UP", "1").hasValidName)
    for bad in ["", "_SYSTEM", "lower", "1A", "A B", String(repeating: "A", count: 65)] {
      #expect(!JournalField(bad, "").hasValidName, "\(bad)")
    }
  }
}
