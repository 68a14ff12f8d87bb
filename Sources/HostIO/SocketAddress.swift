// Socket addresses as the kernel wants them, from text and back.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A Unix, IPv4 or IPv6 address.
struct SocketAddress {
  private var storage = sockaddr_storage()
  private var length: socklen_t = 0

  var family: Int32 { Int32(storage.ss_family) }

  /// `/path`, or `@name` for the abstract name space. - Returns: nil when it does not fit or holds a NUL.
  static func unix(_ path: String) -> SocketAddress? {
    var bytes = Array(path.utf8)
    guard !bytes.isEmpty, bytes.count < 108, !bytes.contains(0) else { return nil }
    let isAbstract = bytes[0] == UInt8(ascii: "@")
    if isAbstract { bytes[0] = 0 }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let head = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
    return SocketAddress(copying: address, length: head + bytes.count + (isAbstract ? 0 : 1))
  }

  /// An address in numbers. - Returns: nil for names and nonsense.
  static func internet(host: String, port: UInt16) -> SocketAddress? {
    var four = sockaddr_in()
    if inet_pton(AF_INET, host, &four.sin_addr) == 1 {
      four.sin_family = sa_family_t(AF_INET)
      four.sin_port = port.bigEndian
      return SocketAddress(copying: four, length: MemoryLayout<sockaddr_in>.size)
    }
    var six = sockaddr_in6()
    guard inet_pton(AF_INET6, host, &six.sin6_addr) == 1 else { return nil }
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = port.bigEndian
    return SocketAddress(copying: six, length: MemoryLayout<sockaddr_in6>.size)
  }

  /// What a socket is bound to.
  static func local(of descriptor: Int32) -> SocketAddress? {
    var address = SocketAddress()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let answer = withUnsafeMutablePointer(to: &address.storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard answer == 0 else { return nil }
    address.length = length
    return address
  }

  var listenAddress: ListenAddress? {
    switch family {
    case AF_UNIX:
      let path = read(sockaddr_un.self) { withUnsafeBytes(of: $0.sun_path) { Array($0.prefix { $0 != 0 }) } }
      return .unix(String(decoding: path, as: UTF8.self))
    case AF_INET:
      return read(sockaddr_in.self) { four in
        var address = four.sin_addr
        return Self.text(AF_INET, &address).map { .internet(host: $0, port: UInt16(bigEndian: four.sin_port)) }
      }
    case AF_INET6:
      return read(sockaddr_in6.self) { six in
        var address = six.sin6_addr
        return Self.text(AF_INET6, &address).map { .internet(host: $0, port: UInt16(bigEndian: six.sin6_port)) }
      }
    default: return nil
    }
  }

  mutating func withPointer<Answer>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Answer) -> Answer {
    let length = length
    return withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }

  private init() {}

  private init<Address>(copying address: Address, length: Int) {
    withUnsafeBytes(of: address) { source in
      withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[...])) }
    }
    self.length = socklen_t(length)
  }

  private func read<Address, Answer>(_: Address.Type, _ body: (Address) -> Answer) -> Answer {
    body(withUnsafeBytes(of: storage) { $0.loadUnaligned(as: Address.self) })
  }

  private static func text(_ family: Int32, _ address: UnsafeRawPointer) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(family, address, &buffer, socklen_t(buffer.count)) != nil else { return nil }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
