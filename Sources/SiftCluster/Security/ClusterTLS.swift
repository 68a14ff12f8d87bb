// A node's identity: certificate, key and authority, checked when they are loaded, and the TLS contexts made of them.

import Crypto
import Foundation
import NIOSSL
import X509

/// Mutual TLS 1.3 among the nodes of one private authority. The identity of a peer is the first DNS name among the
/// alternative names of its certificate; where it is reached does not matter.
public struct ClusterTLS: Sendable {
  /// The name in this node's certificate.
  public let nodeName: String
  /// When this node's certificate ends.
  public let notValidAfter: Date
  package let client: NIOSSLContext
  package let server: NIOSSLContext

  /// Loads three PEM files.
  /// - Parameter now: for the check of the certificate's validity.
  /// - Throws: `ClusterTLSError`: what is wrong with which file, and what to do.
  public init(certificate: String, key: String, authority: String, now: Date = Date()) throws(ClusterTLSError) {
    let keyText = try PrivateFile.read(key, secret: true)
    let own = try Self.certificate(certificate)
    let root = try Self.certificate(authority)
    guard let privateKey = try? Certificate.PrivateKey(pemEncoded: keyText) else {
      throw .malformed(path: key, problem: "holds no private key in PEM form")
    }
    guard privateKey.publicKey == own.publicKey else { throw .mismatch(certificate: certificate, key: key) }
    guard root.publicKey.isValidSignature(own.signature, for: own) else {
      throw .foreignAuthority(certificate: certificate, authority: authority)
    }
    try Self.checkDates(own, path: certificate, now: now)
    try Self.checkDates(root, path: authority, now: now)
    guard let name = PeerIdentity.name(of: own) else { throw .noName(path: certificate) }
    self.nodeName = name
    self.notValidAfter = own.notValidAfter
    do {
      let chain = try NIOSSLCertificate.fromPEMFile(certificate)
      let roots = try NIOSSLCertificate.fromPEMFile(authority)
      let secret = try NIOSSLPrivateKey(bytes: Array(keyText.utf8), format: .pem)
      client = try NIOSSLContext(configuration: Self.clientSettings(chain, secret, roots))
      server = try NIOSSLContext(configuration: Self.serverSettings(chain, secret, roots))
    } catch {
      throw .library("\(error)")
    }
  }

  private static func clientSettings(
    _ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey, _ roots: [NIOSSLCertificate]
  ) -> TLSConfiguration {
    var settings = TLSConfiguration.makeClientConfiguration()
    settings.certificateChain = chain.map { .certificate($0) }
    settings.privateKey = .privateKey(key)
    tighten(&settings, roots)
    return settings
  }

  private static func serverSettings(
    _ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey, _ roots: [NIOSSLCertificate]
  ) -> TLSConfiguration {
    var settings = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
    tighten(&settings, roots)
    return settings
  }

  /// The chain must end at our authority and nowhere else. The host name is not compared: `PeerIdentity` compares the
  /// node's name, which does not depend on how the node is reached.
  private static func tighten(_ settings: inout TLSConfiguration, _ roots: [NIOSSLCertificate]) {
    settings.minimumTLSVersion = .tlsv13
    settings.trustRoots = .certificates(roots)
    settings.certificateVerification = .noHostnameVerification
    settings.renegotiationSupport = .none
    // How long a side that closes waits for the other's farewell. A gateway that has nothing under way does not read
    // and learns of the end by the end of the stream, so this is what a host's goodbye takes to be noticed.
    settings.shutdownTimeout = .milliseconds(200)
  }

  private static func certificate(_ path: String) throws(ClusterTLSError) -> Certificate {
    let text = try PrivateFile.read(path, secret: false)
    do {
      return try Certificate(pemEncoded: text)
    } catch {
      throw .malformed(path: path, problem: "holds no certificate in PEM form")
    }
  }

  private static func checkDates(_ certificate: Certificate, path: String, now: Date) throws(ClusterTLSError) {
    guard now >= certificate.notValidBefore, now <= certificate.notValidAfter else {
      let style = Date.ISO8601FormatStyle().year().month().day()
      throw .expired(
        path: path,
        when:
          "valid from \(certificate.notValidBefore.formatted(style)) to \(certificate.notValidAfter.formatted(style))")
    }
  }
}

/// Whose certificate this is.
enum PeerIdentity {
  /// The first DNS name among the alternative names: the node's name. Later ones are addresses.
  static func name(of certificate: Certificate) -> String? {
    guard let names = try? certificate.extensions.subjectAlternativeNames else { return nil }
    for case .dnsName(let name) in names { return name }
    return nil
  }

  /// The name in a certificate that the TLS handshake has verified.
  static func name(of certificate: NIOSSLCertificate) -> String? {
    guard let der = try? certificate.toDERBytes(), let parsed = try? Certificate(derEncoded: der) else { return nil }
    return name(of: parsed)
  }
}
