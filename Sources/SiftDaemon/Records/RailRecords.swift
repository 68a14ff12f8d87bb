// Records about power rails: one when a rail falls silent, one when it speaks again.

import EnergyMeter
import HostIO
import Synchronization

/// Which rails speak: what is announced when that changes.
package struct RailLevels {
  private struct Seen {
    var samples: Int
    var silentLooks = 0
    var isSilent = false
  }
  /// Looks without a new sample before a rail counts as silent: one missed answer of a bus is nobody's news, and an
  /// outside meter may speak every few seconds only.
  package static func patience(_ id: String) -> Int { id.hasPrefix("external:") ? 10 : 3 }
  private var seen: [String: Seen] = [:]

  package init() {}

  /// - Returns: records of the rails that fell silent or speak again since the last look.
  package mutating func changes(in snapshot: MeterSnapshot) -> [JournalRecord] {
    (snapshot.rails.map { ($0, true) } + snapshot.parts.map { ($0, false) }).compactMap { rail, isInTotal in
      guard var last = seen[rail.id] else {
        seen[rail.id] = Seen(samples: rail.samples)
        return nil
      }
      defer { seen[rail.id] = last }
      let speaks = rail.samples > last.samples
      last.samples = rail.samples
      last.silentLooks = speaks ? 0 : last.silentLooks + 1
      guard speaks == last.isSilent, speaks || last.silentLooks >= Self.patience(rail.id) else { return nil }
      last.isSilent = !speaks
      return Self.record(rail.id, speaks: speaks, isInTotal: isInTotal)
    }
  }

  private static func record(_ id: String, speaks: Bool, isInTotal: Bool) -> JournalRecord {
    let loss =
      isInTotal
      ? "joules until it does are unknown, and the coverage of windows falls" : "what it is a part of is still measured"
    return JournalRecord(
      priority: speaks ? .notice : .warning, messageID: MessageID.rail.rawValue,
      message: speaks ? "rail \(id) gives figures again" : "rail \(id) gives no figure: \(loss)",
      fields: [JournalField("SIFT_RAIL", id)])
  }
}

/// Levels for a task that runs on any thread.
final class RailKeeper: Sendable {
  private let levels = Mutex(RailLevels())
  func changes(in snapshot: MeterSnapshot) -> [JournalRecord] { levels.withLock { $0.changes(in: snapshot) } }
}
