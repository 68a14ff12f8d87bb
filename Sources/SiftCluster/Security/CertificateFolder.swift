// The folder that `siftctl certs` fills: ca.pem, ca-key.pem, and NODE.pem, NODE-key.pem for every node.

import Foundation

/// Writes an authority and node certificates into a folder; takes up the authority that is there already.
public struct CertificateFolder {
  public let path: String
  /// Replace node files that exist. An existing authority is never replaced: every node trusts it.
  public var force: Bool

  public init(path: String, force: Bool = false) {
    self.path = path
    self.force = force
  }

  /// Makes what is missing.
  /// - Parameters:
  ///   - nodes: names, each with further names or addresses for its certificate.
  ///   - days: validity.
  /// - Returns: the files that were written, in order.
  /// - Throws: `ClusterTLSError`; nothing is written before all names are known to be good and free.
  public func fill(nodes: [(name: String, addresses: [String])], now: Date, days: Int) throws -> [String] {
    for node in nodes {
      guard NodeName.isValid(node.name), node.name != "ca" else { throw ClusterTLSError.badName(node.name) }
      for file in [file(node.name + ".pem"), file(node.name + "-key.pem")] where !force && exists(file) {
        throw ClusterTLSError.exists(path: file)
      }
    }
    try makeFolder()
    var written: [String] = []
    let authority = try takeUp() ?? makeAuthority(now: now, days: days, &written)
    for node in nodes {
      let issued = try authority.issue(node: node.name, addresses: node.addresses, now: now, days: days)
      try put(issued.certificate, node.name + ".pem", mode: 0o644, force: force, &written)
      try put(issued.key, node.name + "-key.pem", mode: 0o600, force: force, &written)
    }
    return written
  }

  private func takeUp() throws -> CertificateAuthority? {
    guard exists(file("ca.pem")) || exists(file("ca-key.pem")) else { return nil }
    let certificate = try PrivateFile.read(file("ca.pem"), secret: false)
    let key = try PrivateFile.read(file("ca-key.pem"), secret: true)
    guard let authority = try? CertificateAuthority(certificate: certificate, key: key) else {
      throw ClusterTLSError.malformed(path: file("ca.pem"), problem: "it or ca-key.pem is not what PEM should hold")
    }
    guard authority.isConsistent else {
      throw ClusterTLSError.mismatch(certificate: file("ca.pem"), key: file("ca-key.pem"))
    }
    return authority
  }

  private func makeAuthority(now: Date, days: Int, _ written: inout [String]) throws -> CertificateAuthority {
    let authority = try CertificateAuthority.make(now: now, days: days)
    try put(authority.certificate, "ca.pem", mode: 0o644, force: false, &written)
    try put(authority.key, "ca-key.pem", mode: 0o600, force: false, &written)
    return authority
  }

  private func put(_ text: String, _ name: String, mode: mode_t, force: Bool, _ written: inout [String]) throws {
    try PrivateFile.write(text, to: file(name), mode: mode, force: force)
    written.append(file(name))
  }

  private func makeFolder() throws(ClusterTLSError) {
    guard mkdir(path, 0o700) != 0, errno != EEXIST else { return }
    throw .unreadable(path: path, problem: "cannot be made: \(PrivateFile.reason())")
  }

  private func file(_ name: String) -> String { path + "/" + name }
  private func exists(_ file: String) -> Bool { access(file, F_OK) == 0 }
}
