// Records about peers, gateways and links: one for each change, never one for each visit or sample.

import HostIO
import LinkMonitor
import SiftCluster
import Synchronization

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

/// Which level every link has: what is announced when it changes.
package struct LinkLevels {
  private var levels: [String: String] = [:]

  package init() {}

  /// - Returns: records of the links whose level is another than at the last call. The first look announces all.
  package mutating func changes(in snapshot: LinkSnapshot) -> [JournalRecord] {
    guard snapshot.epoch > 0 else { return [] }
    var records: [JournalRecord] = []
    for link in snapshot.links {
      guard let peer = link.peerName else { continue }
      let level = Self.words(link)
      guard levels.updateValue(level, forKey: peer) != level else { continue }
      records.append(
        JournalRecord(
          messageID: MessageID.link.rawValue, message: "link to \(peer): \(level)",
          fields: [JournalField("SIFT_PEER", peer), JournalField("SIFT_LINK", level)]))
    }
    return records
  }

  private static func words(_ link: PeerLink) -> String {
    guard let topology = link.topology else { return "no route" }
    var words = "\(topology.rawValue) through \(link.interface ?? "an unknown interface")"
    if link.carrier == false { words += ", no carrier" }
    return words + ", figures from \(link.source == .transport ? "the exchanges" : link.source.rawValue)"
  }
}
