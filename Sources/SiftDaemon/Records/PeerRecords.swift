// Records about peers, gateways and radios: one for each change, never one for each visit or sample.

import HostIO
import LinkMonitor
import SiftCluster

package enum PeerRecords {
  /// The record of a change of a peer.
  package static func make(_ event: PeerEvent) -> JournalRecord {
    let (kind, priority, text): (MessageID, JournalPriority, String) =
      switch event.change {
      case .connected(let same):
        (
          .peerUp, same ? .info : .warning,
          "peer \(event.name) is connected" + (same ? "" : "; its arithmetic differs, results agree only to rounding")
        )
      case .recovered: (.peerUp, .notice, "peer \(event.name) is back")
      case .lost(let reason): (.peerDown, .warning, "peer \(event.name) is lost: \(reason); its experts fall back")
      case .refused(let reason): (.peerDown, .error, "peer \(event.name) is refused: \(reason)")
      }
    var fields = [JournalField("SIFT_PEER", event.name)]
    if let reason = event.reason { fields.append(JournalField("SIFT_REASON", reason)) }
    return JournalRecord(priority: priority, messageID: kind.rawValue, message: text, fields: fields)
  }

  /// The record of a change of a radio interface or an association.
  package static func make(_ change: LinkChange) -> JournalRecord {
    let isTrouble =
      switch change {
      case .gone, .disconnected, .beaconsLost, .signalLow: true
      default: false
      }
    return JournalRecord(
      priority: isTrouble ? .warning : .notice, messageID: MessageID.radio.rawValue, message: "\(change)",
      fields: [JournalField("SIFT_INTERFACE", change.interface), JournalField("SIFT_CHANGE", change.kind)])
  }

  /// The record of a change at an expert host.
  package static func make(_ event: ServerEvent) -> JournalRecord {
    switch event {
    case .listening(let address, let port):
      return JournalRecord(message: "experts are served on \(address):\(port)")
    case .connected(let gateway, let address):
      return JournalRecord(
        messageID: MessageID.peerUp.rawValue, message: "gateway \(gateway) is connected from \(address)",
        fields: [JournalField("SIFT_PEER", gateway)])
    case .disconnected(let gateway, let reason):
      return JournalRecord(
        priority: .notice, messageID: MessageID.peerDown.rawValue, message: "gateway \(gateway) is gone: \(reason)",
        fields: [JournalField("SIFT_PEER", gateway), JournalField("SIFT_REASON", reason)])
    case .refused(let peer, let reason):
      return JournalRecord(
        priority: .warning, messageID: MessageID.peerDown.rawValue, message: "\(peer) was not let in: \(reason)",
        fields: [JournalField("SIFT_PEER", peer), JournalField("SIFT_REASON", reason)])
    }
  }
}

extension PeerEvent {
  var reason: String? {
    switch change {
    case .lost(let reason), .refused(let reason): reason
    case .connected, .recovered: nil
    }
  }
}
