// What can be wrong with the certificate files of a node, each in one line that says what to do.

/// A certificate, key or authority file that cannot be used.
public enum ClusterTLSError: Error, Hashable, CustomStringConvertible, Sendable {
  case unreadable(path: String, problem: String)
  case exposedKey(path: String, mode: UInt32)
  case malformed(path: String, problem: String)
  /// The certificate was not made for the key.
  case mismatch(certificate: String, key: String)
  /// The certificate was not signed by the authority.
  case foreignAuthority(certificate: String, authority: String)
  case expired(path: String, when: String)
  case noName(path: String)
  case exists(path: String)
  case badName(String)
  case library(String)

  public var description: String {
    switch self {
    case .unreadable(let path, let problem): "\(path): cannot be read: \(problem)"
    case .exposedKey(let path, let mode):
      "\(path): others can read this key (mode \(String(mode, radix: 8))); run: chmod 600 \(path)"
    case .malformed(let path, let problem): "\(path): \(problem)"
    case .mismatch(let certificate, let key): "\(certificate) was not made for the key \(key); use the pair of one node"
    case .foreignAuthority(let certificate, let authority): "\(certificate) was not signed by \(authority)"
    case .expired(let path, let when): "\(path): not valid at this time (\(when)); make a new one: siftctl certs"
    case .noName(let path): "\(path): has no DNS name among its alternative names, which is the node's name"
    case .exists(let path): "\(path) exists; --force replaces it"
    case .badName(let name):
      "\"\(name)\" is not a node name: 1 to 63 letters, digits, '-', '_' or '.', beginning with a letter or digit"
    case .library(let problem): "TLS cannot be set up: \(problem)"
    }
  }
}

/// Names of nodes: they stand in certificates, in the configuration and in file names.
public enum NodeName {
  /// 1 to 63 letters, digits, '-', '_', '.', beginning with a letter or digit.
  public static func isValid(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    guard (1...FrameLimits.nameBytes).contains(bytes.count), let first = bytes.first, isAlphanumeric(first) else {
      return false
    }
    return bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
}
