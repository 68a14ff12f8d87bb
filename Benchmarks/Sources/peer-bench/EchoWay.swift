// The floor: blocking sockets, read and write, nothing else.

import Foundation

/// Sends `bytes` and waits until they have come back.
struct EchoWay: Way {
  let name: String
  private let socket: Int32
  private let bytes: Int
  private let buffer: UnsafeMutableRawPointer

  init(port: Int, bytes: Int) throws {
    name = "bare-socket echo, \(bytes / 1024) KiB"
    self.bytes = bytes
    buffer = .allocate(byteCount: bytes, alignment: 8)
    buffer.initializeMemory(as: UInt8.self, repeating: 0x5A, count: bytes)
    socket = Plain.open()
    var address = Plain.loopback(port)
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw BenchFailure("the echo cannot be reached") }
  }

  func exchange() -> Bool { Plain.writeAll(socket, buffer, bytes) && Plain.readAll(socket, buffer, bytes) }
  func end() { close(socket) }
}

/// Blocking TCP with TCP_NODELAY.
enum Plain {
  static func open() -> Int32 {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var on: Int32 = 1
    setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    return number
  }

  static func loopback(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  static func writeAll(_ socket: Int32, _ from: UnsafeRawPointer, _ count: Int) -> Bool {
    var done = 0
    while done < count {
      let put = write(socket, from + done, count - done)
      guard put > 0 else { return false }
      done += put
    }
    return true
  }

  static func readAll(_ socket: Int32, _ into: UnsafeMutableRawPointer, _ count: Int) -> Bool {
    var done = 0
    while done < count {
      let got = read(socket, into + done, count - done)
      guard got > 0 else { return false }
      done += got
    }
    return true
  }

  /// Serves one echo connection on a thread. - Returns: the port.
  static func serveEcho(bytes: Int) -> Int {
    let listener = open()
    var address = loopback(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        _ = bind(listener, pointer, size)
        _ = listen(listener, 1)
        _ = getsockname(listener, pointer, &size)
      }
    }
    let thread = Thread {
      let peer = accept(listener, nil, nil)
      var on: Int32 = 1
      setsockopt(peer, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
      let buffer = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 8)
      while readAll(peer, buffer, bytes), writeAll(peer, buffer, bytes) {}
    }
    thread.start()
    return Int(UInt16(bigEndian: address.sin_port))
  }
}
