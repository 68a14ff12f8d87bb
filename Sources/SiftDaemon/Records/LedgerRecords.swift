// From closed books to the ledger's entries, and what the ledger has to say to the journal.

import EnergyLedger
import EnergyMeter
import HostIO
import SiftCore

extension RequestEntry {
  /// - Parameter at: when the request ended, in seconds since 1970.
  package init(_ request: GenerationRequest, _ summary: GenerationSummary, at: Double) {
    let tally = summary.tally
    self.init(
      id: request.id, at: at, policy: request.sift.policy, model: request.model, outcome: summary.outcome.word)
    tokensIn = summary.tokensIn
    tokensOut = summary.tokensOut
    seconds = summary.latency.seconds
    firstTokenSeconds = summary.firstToken?.seconds
    joules = summary.energy.total
    dynamicJoules = summary.energy.dynamic
    uncertaintyJoules = summary.energy.uncertainty
    standing = summary.standing
    peerJoules = tally.peerJoules
    radioJoules = summary.radioJoules
    radioStanding = summary.energy.radioStanding
    visits = tally.visits
    (bytesUp, bytesDown) = (tally.bytesUp, tally.bytesDown)
    (expertsLocal, expertsRemote) = (tally.expertsLocal, tally.expertsRemote)
    (expertsReplaced, expertsSkipped) = (tally.expertsReplaced, tally.expertsSkipped)
    expertsLate = tally.expertsLate
    errorMean = tally.errorMean
    errorBudget = request.sift.errorBudget
  }
}

extension EpochEntry {
  /// - Parameters:
  ///   - configuration: in force from `at` on.
  ///   - model: content hash.
  init(_ configuration: Configuration, model: String, cause: String, at: Double) {
    self.init(
      at: at, version: SiftVersion.current, model: model, cause: cause,
      settings: ConfigurationTables.settings(of: configuration))
  }
}

/// What the ledger says in the journal: once for each change.
package enum LedgerRecords {
  /// - Returns: nil for what needs no words.
  package static func make(_ notice: LedgerNotice, path: String) -> JournalRecord? {
    let (priority, text): (JournalPriority, String)
    switch notice {
    case .opened: return nil
    case .movedAside(let file):
      (priority, text) = (
        .warning, "the energy ledger \(path) was \(file.reason): it is now \(file.path), and a new ledger was begun"
      )
    case .failing(let reason):
      (priority, text) = (
        .error, "the energy ledger \(path) cannot be written: \(reason); serving goes on, entries are kept for a while"
      )
    case .recovered(let lost):
      (priority, text) = (
        lost > 0 ? .warning : .notice,
        "the energy ledger \(path) can be written again; " + (lost > 0 ? "\(lost) entries are lost" : "nothing is lost")
      )
    }
    return JournalRecord(priority: priority, messageID: MessageID.ledger.rawValue, message: text)
  }
}

/// Where the ledger is: the configuration's place, or the service manager's folder for state.
package enum LedgerPlace {
  /// - Returns: nil when there is neither.
  package static func path(_ configured: String, environment: (String) -> String?) -> String? {
    if !configured.isEmpty { return configured == "none" ? nil : configured }
    // systemd gives several folders with colons between them; the first is ours.
    let folder = environment("STATE_DIRECTORY")?.split(separator: ":").first.map(String.init)
    return folder.map { $0 + "/energy.sqlite" }
  }
}
