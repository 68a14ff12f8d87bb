// What a failed handshake means to the person who reads the journal.

import NIOCore
import NIOSSL

enum TLSProblem {
  /// The library's error in words where they are known.
  static func words(_ error: any Error) -> String {
    let text = "\(error)"
    for (sign, meaning) in meanings where text.contains(sign) { return meaning }
    return text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  /// Whether the connection ended rather than that TLS found something wrong.
  static func isEnd(_ error: any Error) -> Bool {
    guard let tls = error as? NIOSSLError else { return false }
    if case .uncleanShutdown = tls { return true }
    return "\(tls)".contains("EOF during")
  }

  private static let meanings = [
    ("CERTIFICATE_EXPIRED", "the peer refuses our certificate: it has expired"),
    ("certificate has expired", "the peer's certificate has expired"),
    ("CERTIFICATE_VERIFY_FAILED", "the peer's certificate has expired or was not signed by our authority"),
    ("UNKNOWN_CA", "the peer refuses our certificate: it does not know our authority"),
    ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "the peer has no certificate"),
    ("CERTIFICATE_REQUIRED", "the peer wants a certificate of us"),
    ("WRONG_VERSION_NUMBER", "the peer does not speak TLS"),
    ("HTTP_REQUEST", "the peer speaks plain HTTP"),
    ("UNSUPPORTED_PROTOCOL", "the peer does not speak TLS 1.3"),
    ("EOF during", "the peer closed the connection during the handshake"),
    ("uncleanShutdown", "closed by the peer"),
  ]
}
