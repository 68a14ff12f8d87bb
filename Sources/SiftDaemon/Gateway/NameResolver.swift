// Host names of peers to addresses, for the link monitor (connections resolve names themselves, each time anew).

import Glibc
import LinkMonitor

enum NameResolver {
  /// - Returns: the address written in numbers, or the first one the system knows; nil when there is none.
  static func address(of host: String) -> NetworkAddress? {
    if let address = NetworkAddress(host) { return address }
    var answer: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, nil, &answer) == 0, let answer else { return nil }
    defer { freeaddrinfo(answer) }
    var text = [UInt8](repeating: 0, count: Int(NI_MAXHOST))
    let status = text.withUnsafeMutableBytes { buffer in
      getnameinfo(
        answer.pointee.ai_addr, answer.pointee.ai_addrlen, buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
        socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
    }
    return status == 0
      ? NetworkAddress(String(decoding: text.prefix { $0 != 0 && $0 != UInt8(ascii: "%") }, as: UTF8.self)) : nil
  }
}
