// The system calls of one outgoing TCP connection. No call here waits but `await`, which waits in poll(2).

import CPeer
import Glibc
import SiftCore

/// An open descriptor; closed when nobody uses it any more, so that no thread ever polls a number that means another file.
final class Descriptor: Sendable {
  let number: Int32
  init(_ number: Int32) { self.number = number }
  deinit { close(number) }
}

/// What a wait may say.
struct Readiness: OptionSet, Sendable {
  let rawValue: Int32
  static let readable = Readiness(rawValue: Int32(PS_READABLE))
  static let writable = Readiness(rawValue: Int32(PS_WRITABLE))
  /// The other side has closed, or the connection is broken.
  static let hungUp = Readiness(rawValue: Int32(PS_HUNG_UP))
  /// Somebody called `Alarm.ring`.
  static let alarm = Readiness(rawValue: Int32(PS_ALARM))
}

/// Wakes a thread that waits in `SocketHandle.await` or in `wait`.
final class Alarm: Sendable {
  fileprivate let descriptor: Descriptor?

  init() {
    let number = ps_alarm_make()
    descriptor = number >= 0 ? Descriptor(number) : nil
  }

  func ring() { if let descriptor { ps_alarm_ring(descriptor.number) } }
  func silence() { if let descriptor { ps_alarm_silence(descriptor.number) } }

  /// Waits for a ring, at most for `nanoseconds`.
  func wait(nanoseconds: Int64) {
    _ = ps_wait(-1, 0, descriptor?.number ?? -1, nanoseconds)
    silence()
  }
}

final class SocketHandle: Sendable {
  private let descriptor: Descriptor
  private init(_ descriptor: Descriptor) { self.descriptor = descriptor }

  /// The result of a call that never waits.
  enum Transfer {
    case bytes(Int)
    case wouldBlock
    case ended
    case failed(String)
  }

  /// Begins to connect. `await` tells when it is done, `connectError` how it went.
  static func connecting(
    to address: UnsafePointer<addrinfo>, traffic: TrafficClass
  ) -> Result<SocketHandle, SocketFailure> {
    let info = address.pointee
    let number = socket(
      info.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { return .failure(SocketFailure(text: words(errno))) }
    let handle = SocketHandle(Descriptor(number))
    handle.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    for option in traffic.options { handle.set(option.level, option.name, option.value) }
    // TCP_USER_TIMEOUT (18): the kernel gives a connection up whose data nobody acknowledged for this long
    // (milliseconds): a machine that is gone is told apart from a host that is busy, whose kernel still acknowledges.
    handle.set(Int32(IPPROTO_TCP), 18, 5000)
    guard connect(number, info.ai_addr, info.ai_addrlen) == 0 || errno == EINPROGRESS else {
      return .failure(SocketFailure(text: words(errno)))
    }
    return .success(handle)
  }

  /// Why the attempt failed; nil when it did not.
  var connectError: String? {
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor.number, SOL_SOCKET, SO_ERROR, &code, &size)
    return code == 0 ? nil : Self.words(code)
  }

  func receive(into bytes: UnsafeMutableRawBufferPointer) -> Transfer {
    while true {
      let got = recv(descriptor.number, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT))
      if got > 0 { return .bytes(got) }
      if got == 0 { return .ended }
      if errno == EINTR { continue }
      return errno == EAGAIN ? .wouldBlock : .failed(Self.words(errno))
    }
  }

  func send(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    while true {
      let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
      let put = Glibc.send(descriptor.number, bytes.baseAddress, bytes.count, flags)
      if put >= 0 { return .bytes(put) }
      if errno == EINTR { continue }
      return errno == EAGAIN ? .wouldBlock : .failed(Self.words(errno))
    }
  }

  /// Ends the connection at once; whoever polls it wakes up.
  func shut() { shutdown(descriptor.number, Int32(SHUT_RDWR)) }

  /// Waits until something of `wanted`, a hang-up or the alarm is there, at most for `nanoseconds`.
  func await(_ wanted: Readiness, alarm: Alarm?, nanoseconds: Int64) -> Readiness {
    Readiness(
      rawValue: ps_wait(descriptor.number, wanted.rawValue, alarm?.descriptor?.number ?? -1, nanoseconds))
  }

  /// What the kernel knows of this connection (struct tcp_info of linux/tcp.h, whose offsets are its ABI).
  func figures(at now: ContinuousClock.Instant) -> TCPFigures? {
    withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { raw in
      raw.initializeMemory(as: UInt8.self, repeating: 0)
      var size = socklen_t(raw.count)
      guard getsockopt(descriptor.number, Int32(IPPROTO_TCP), TCP_INFO, raw.baseAddress, &size) == 0, size >= 104 else {
        return nil
      }
      func word(_ offset: Int) -> UInt32 { raw.load(fromByteOffset: offset, as: UInt32.self) }
      return TCPFigures(
        roundTrip: .microseconds(Int64(word(68))),
        roundTripMin: size >= 152 && word(148) != .max ? .microseconds(Int64(word(148))) : nil,
        retransmits: Int(word(100)), congestionWindow: Int(word(80)) * Int(word(16)),
        deliveryRate: size >= 168 ? Double(raw.load(fromByteOffset: 160, as: UInt64.self)) : nil, at: now)
    }
  }

  private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(descriptor.number, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  static func words(_ code: Int32) -> String { String(cString: strerror(code)).lowercased() }
}

struct SocketFailure: Error {
  let text: String
}

/// The addresses of a host name. Resolving may wait for the network: never on the engine's thread.
final class ResolvedAddress {
  private let list: UnsafeMutablePointer<addrinfo>
  var first: UnsafePointer<addrinfo> { UnsafePointer(list) }

  static func resolve(host: String, port: Int) -> Result<ResolvedAddress, SocketFailure> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    var code = getaddrinfo(host, String(port), &hints, &list)
    if code != 0 {
      // Without a configured interface, not even 127.0.0.1 passes AI_ADDRCONFIG.
      hints.ai_flags = AI_NUMERICSERV
      code = getaddrinfo(host, String(port), &hints, &list)
    }
    guard code == 0, let list else {
      return .failure(SocketFailure(text: "\(host) cannot be resolved: \(String(cString: gai_strerror(code)))"))
    }
    return .success(ResolvedAddress(list))
  }

  private init(_ list: UnsafeMutablePointer<addrinfo>) { self.list = list }
  deinit { freeaddrinfo(list) }
}
