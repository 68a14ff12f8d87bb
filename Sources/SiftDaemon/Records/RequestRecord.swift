// The journal's record of one request.

import HostIO
import SiftCore
import SiftPolicy

package enum RequestRecord {
  /// - Parameter summary: with closed books.
  package static func make(_ request: GenerationRequest, _ summary: GenerationSummary) -> JournalRecord {
    JournalRecord(
      priority: priority(summary), messageID: MessageID.request.rawValue, message: message(request, summary),
      fields: fields(request, summary))
  }

  private static func priority(_ summary: GenerationSummary) -> JournalPriority {
    switch summary.outcome {
    case .failed: .error
    case _ where !summary.troubles.isEmpty: .warning
    default: .info
    }
  }

  /// One line: what was served, under which policy, at what price; then what went wrong.
  static func message(_ request: GenerationRequest, _ summary: GenerationSummary) -> String {
    var text = "\(request.id) \(summary.outcome.word): \(summary.tokensIn) tokens in, \(summary.tokensOut) out"
    text += " under \(request.sift.policy), \(Figure.text(summary.energy.total)) J (\(summary.standing.rawValue))"
    // In the measure that the policy keeps its budget in.
    let isSquared = request.sift.policy == PolicyName.siftmoe.rawValue
    let error = isSquared ? summary.tally.errorRMS : summary.tally.errorMean
    text += ", \(isSquared ? "root mean square" : "mean") error \(Figure.text(error))"
    text += " of \(Figure.text(request.sift.errorBudget))"
    if case .failed(let why) = summary.outcome { text += "; \(why)" }
    let failed = names(summary, areGone: false)
    if !failed.isEmpty {
      let late = summary.tally.expertsLate
      text += "; \(late) expert\(late == 1 ? "" : "s") fell back because of \(failed)"
    }
    let gone = names(summary, areGone: true)
    if !gone.isEmpty { text += "; went on without \(gone)" }
    return text
  }

  private static func names(_ summary: GenerationSummary, areGone: Bool) -> String {
    summary.troubles.filter { $0.isGone == areGone }.map { "\($0.peer) (\($0.reason))" }.joined(separator: ", ")
  }

  private static func fields(_ request: GenerationRequest, _ summary: GenerationSummary) -> [JournalField] {
    let tally = summary.tally
    var fields: [JournalField] = [
      .init("SIFT_REQUEST", request.id), .init("SIFT_OUTCOME", summary.outcome.word),
      .init("SIFT_POLICY", request.sift.policy), .init("SIFT_MODEL", request.model),
      .init("SIFT_TOKENS_IN", "\(summary.tokensIn)"), .init("SIFT_TOKENS_OUT", "\(summary.tokensOut)"),
      .init("SIFT_ENERGY_J", Figure.text(summary.energy.total)),
      .init("SIFT_ENERGY_STANDING", summary.standing.rawValue),
      .init("SIFT_ENERGY_PEERS_J", Figure.text(tally.peerJoules)),
      .init("SIFT_ENERGY_CLUSTER_J", Figure.text(summary.clusterJoules)),
      .init("SIFT_ENERGY_COVERAGE", Figure.text(summary.energy.coverage)),
      .init("SIFT_RADIO_J", Figure.text(summary.radioJoules)),
      .init("SIFT_RADIO_STANDING", summary.energy.radioStanding.rawValue),
      .init("SIFT_VISITS", "\(tally.visits)"),
      .init("SIFT_VISITS_LATE", "\(tally.visitsLate)"),
      .init("SIFT_EXPERTS_LOCAL", "\(tally.expertsLocal)"), .init("SIFT_EXPERTS_REMOTE", "\(tally.expertsRemote)"),
      .init("SIFT_EXPERTS_REPLACED", "\(tally.expertsReplaced)"),
      .init("SIFT_EXPERTS_SKIPPED", "\(tally.expertsSkipped)"), .init("SIFT_EXPERTS_LATE", "\(tally.expertsLate)"),
      .init("SIFT_BYTES_UP", "\(tally.bytesUp)"), .init("SIFT_BYTES_DOWN", "\(tally.bytesDown)"),
      .init("SIFT_ERROR_MEAN", Figure.text(tally.errorMean)), .init("SIFT_ERROR_RMS", Figure.text(tally.errorRMS)),
      .init("SIFT_ERROR_BUDGET", Figure.text(request.sift.errorBudget)),
      .init("SIFT_LATENCY_MS", Figure.text(summary.latency.seconds * 1000)),
    ]
    // Absent rather than 0 when nobody knows.
    if let dynamic = summary.energy.dynamic { fields.append(.init("SIFT_ENERGY_DYNAMIC_J", Figure.text(dynamic))) }
    if let doubt = summary.energy.uncertainty {
      fields.append(.init("SIFT_ENERGY_UNCERTAINTY_J", Figure.text(doubt)))
    }
    if let compute = summary.energy.compute { fields.append(.init("SIFT_COMPUTE_J", Figure.text(compute))) }
    if let first = summary.firstToken {
      fields.append(.init("SIFT_FIRST_TOKEN_MS", Figure.text(first.seconds * 1000)))
    }
    for peer in summary.peersInTrouble { fields.append(.init("SIFT_PEER", peer)) }
    return fields
  }
}

/// Numbers for people: six significant digits, no exponent where one can be avoided.
enum Figure {
  static func text(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    if value == 0 { return "0" }
    var scale = 1.0
    // Digits after the point so that six significant ones stand, at most nine.
    var digits = 0
    while digits < 9, abs(value) * scale < 100_000 {
      scale *= 10
      digits += 1
    }
    let rounded = (value * scale).rounded() / scale
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? String(Int(rounded)) : "\(rounded)"
  }
}
