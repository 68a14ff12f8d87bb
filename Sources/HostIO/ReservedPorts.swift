// TCP ports on loopback that are kept for whoever is told their numbers.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Ports that were free, kept until this object goes.
///
/// Each is bound with SO_REUSEADDR and does not listen. Linux gives such a port to nobody who asks for any port, refuses
/// connections to it, and lets a socket listen there that names it and has SO_REUSEADDR too: one server after another.
public final class ReservedPorts: Sendable {
  /// All different.
  public let numbers: [UInt16]
  private let descriptors: [Int32]

  /// - Throws: `SocketError` when the system has no socket or no port left.
  public init(_ count: Int) throws(SocketError) {
    var numbers: [UInt16] = []
    var descriptors: [Int32] = []
    do throws(SocketError) {
      for _ in 0..<count {
        let descriptor = try ListeningSocket.bound(host: "127.0.0.1", port: 0)
        descriptors.append(descriptor)
        guard case .internet(_, let port)? = SocketAddress.local(of: descriptor)?.listenAddress else {
          throw SocketError(address: "127.0.0.1:0", operation: "getsockname", reason: "the system tells no port")
        }
        numbers.append(port)
      }
    } catch {
      for descriptor in descriptors { close(descriptor) }
      throw error
    }
    self.numbers = numbers
    self.descriptors = descriptors
  }

  deinit { for descriptor in descriptors { close(descriptor) } }
}
