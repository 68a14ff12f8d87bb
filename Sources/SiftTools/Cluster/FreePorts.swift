// TCP ports on loopback that nobody listens on at this moment.

import Foundation

/// Finds free ports. Another program may take one before it is used; whoever uses it then sees "address in use".
public enum FreePorts {
  /// - Returns: `count` different ports.
  public static func find(_ count: Int) throws(ToolFailure) -> [UInt16] {
    var held: [Int32] = []
    // All are held until the last is found, so that none is found twice.
    defer { held.forEach { close($0) } }
    var ports: [UInt16] = []
    for _ in 0..<count {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      guard descriptor >= 0 else { throw failure() }
      held.append(descriptor)
      guard let port = bindAnywhere(descriptor) else { throw failure() }
      ports.append(port)
    }
    return ports
  }

  private static func failure() -> ToolFailure {
    ToolFailure(.failure, "no free port on 127.0.0.1: \(String(cString: strerror(errno)))")
  }

  private static func bindAnywhere(_ descriptor: Int32) -> UInt16? {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    return isBound ? UInt16(bigEndian: address.sin_port) : nil
  }
}
