// A small private certificate authority: one key, one root certificate, one certificate a node. P-256, nothing else.

import Crypto
import Foundation
import SwiftASN1
import X509

/// A certificate and the key it was made for, as PEM.
public struct IssuedCertificate: Sendable {
  public let certificate: String
  public let key: String
}

/// Makes the certificates with which nodes know one another.
public struct CertificateAuthority {
  /// The root certificate, as PEM.
  public let certificate: String
  /// Its key, as PEM. Whoever has it can join the cluster under any name.
  public let key: String
  private let root: Certificate
  private let signer: Certificate.PrivateKey

  /// Makes a new authority, valid from an hour before `now` (clocks of gateways differ) for `days`.
  public static func make(now: Date, days: Int) throws -> CertificateAuthority {
    let secret = P256.Signing.PrivateKey()
    let signer = Certificate.PrivateKey(secret)
    let subject = try DistinguishedName {
      OrganizationName("siftd")
      CommonName("siftd cluster authority")
    }
    let extensions = try Certificate.Extensions {
      Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
      Critical(KeyUsage(keyCertSign: true))
      SubjectKeyIdentifier(hash: signer.publicKey)
    }
    let root = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: signer.publicKey,
      notValidBefore: now.addingTimeInterval(-3600), notValidAfter: now.addingTimeInterval(Double(days) * 86_400),
      issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
      issuerPrivateKey: signer)
    return CertificateAuthority(
      certificate: try root.serializeAsPEM().pemString + "\n", key: secret.pemRepresentation + "\n", root: root,
      signer: signer)
  }

  /// Takes up an authority that was made before.
  public init(certificate: String, key: String) throws {
    self.certificate = certificate
    self.key = key
    root = try Certificate(pemEncoded: certificate)
    signer = try Certificate.PrivateKey(pemEncoded: key)
  }

  private init(certificate: String, key: String, root: Certificate, signer: Certificate.PrivateKey) {
    self.certificate = certificate
    self.key = key
    self.root = root
    self.signer = signer
  }

  /// Whether the key belongs to the certificate.
  public var isConsistent: Bool { root.publicKey == signer.publicKey }

  /// Makes a key and a certificate for the node `name`.
  /// - Parameter addresses: further names or IP addresses that stand in the certificate, for other tools.
  public func issue(node name: String, addresses: [String] = [], now: Date, days: Int) throws -> IssuedCertificate {
    guard NodeName.isValid(name) else { throw ClusterTLSError.badName(name) }
    let secret = P256.Signing.PrivateKey()
    let names = [GeneralName.dnsName(name)] + addresses.map(Self.alternative)
    let extensions = try Certificate.Extensions {
      Critical(BasicConstraints.notCertificateAuthority)
      Critical(KeyUsage(digitalSignature: true))
      try ExtendedKeyUsage([.serverAuth, .clientAuth])
      SubjectAlternativeNames(names)
      AuthorityKeyIdentifier(keyIdentifier: SubjectKeyIdentifier(hash: root.publicKey).keyIdentifier)
    }
    let certificate = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: Certificate.PrivateKey(secret).publicKey,
      notValidBefore: now.addingTimeInterval(-3600), notValidAfter: now.addingTimeInterval(Double(days) * 86_400),
      issuer: root.subject, subject: try DistinguishedName { CommonName(name) },
      signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions, issuerPrivateKey: signer)
    return IssuedCertificate(
      certificate: try certificate.serializeAsPEM().pemString + "\n", key: secret.pemRepresentation + "\n")
  }

  /// An IP address in network order, or else a DNS name.
  private static func alternative(_ address: String) -> GeneralName {
    var v4 = in_addr()
    if inet_pton(AF_INET, address, &v4) == 1 { return .ipAddress(ASN1OctetString(contentBytes: bytes(of: v4)[...])) }
    var v6 = in6_addr()
    if inet_pton(AF_INET6, address, &v6) == 1 { return .ipAddress(ASN1OctetString(contentBytes: bytes(of: v6)[...])) }
    return .dnsName(address)
  }

  private static func bytes<Address>(of address: Address) -> [UInt8] { withUnsafeBytes(of: address) { Array($0) } }
}
