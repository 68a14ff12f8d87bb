// Records about the links to peers: a loss and a return told once each, and a level that stays.

import HostIO
import LinkMonitor

/// What was announced of every link, and so what is news.
package struct LinkLevels {
  /// A loss is told at once. What is better is told when it stayed for so long: while a link is found again its figures come
  /// one after the other.
  package static let patience = Duration.seconds(1)

  private struct Told {
    /// What was announced last; nil before anything was.
    var words: String?
    var isLost = false
    /// What is there now instead, and since when.
    var candidate: (words: String, since: Duration)?
  }
  private var links: [String: Told] = [:]

  package init() {}

  /// - Parameter instant: of any clock that runs on.
  /// - Returns: records of the links that were lost, came back or changed their level since the last call.
  package mutating func changes(in snapshot: LinkSnapshot, at instant: Duration) -> [JournalRecord] {
    guard snapshot.epoch > 0 else { return [] }
    var records: [JournalRecord] = []
    for link in snapshot.links {
      guard let peer = link.peerName, let words = news(of: link, peer, at: instant) else { continue }
      records.append(
        JournalRecord(
          messageID: MessageID.link.rawValue, message: "link to \(peer): \(words)",
          fields: [JournalField("SIFT_PEER", peer), JournalField("SIFT_LINK", words)]))
    }
    return records
  }

  private mutating func news(of link: PeerLink, _ peer: String, at instant: Duration) -> String? {
    let words = Self.words(link)
    let isLost = Self.isLost(link)
    var told = links[peer] ?? Told()
    defer { links[peer] = told }
    // Why it is lost may change while it is; the way back is what counts.
    if isLost && told.isLost || !isLost && !told.isLost && told.words == words {
      told.candidate = nil
      return nil
    }
    if told.candidate?.words != words { told.candidate = (words, instant) }
    let isLoss = isLost && told.words != nil
    guard isLoss || instant - (told.candidate?.since ?? instant) >= Self.patience else { return nil }
    told = Told(words: words, isLost: isLost)
    return words
  }

  /// Nothing gets through: no way, no association, or nothing is heard.
  private static func isLost(_ link: PeerLink) -> Bool {
    link.topology == nil || link.carrier == false || link.level == .silent
  }

  /// The level of a link in words.
  static func words(_ link: PeerLink) -> String {
    guard let topology = link.topology else { return "no route" }
    let interface = link.interface ?? "an unknown interface"
    // What else is known is of the past then, and changes from look to look while the link is found again.
    if link.carrier == false { return "through \(interface), no carrier" }
    var words = "\(topology.rawValue) through \(interface)"
    if let level = link.level { words += ", signal \(level.rawValue)" }
    return words + ", figures from \(link.source == .transport ? "the exchanges" : link.source.rawValue)"
  }
}
