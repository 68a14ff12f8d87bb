// The configuration in force: replaced by a reload, read by everyone who needs a live key.

import HostIO
import SiftCore
import SiftPolicy
import Synchronization

/// The configuration that runs now.
package final class LiveConfiguration: Sendable {
  private let state: Mutex<Configuration>
  /// The error budget that a quality target was turned into; nil without a target.
  private let derivedBudget = Mutex<Double?>(nil)

  package init(_ configuration: Configuration) { state = Mutex(configuration) }

  package var now: Configuration { state.withLock { $0 } }

  /// Defaults of requests.
  package var requestDefaults: RequestDefaults {
    var defaults = RequestDefaults(now)
    if let budget = derivedBudget.withLock({ $0 }) { defaults.sift.errorBudget = budget }
    return defaults
  }

  /// From now on requests that name no error budget have this one, whatever `policy.error-budget` says.
  package func derive(errorBudget: Double) { derivedBudget.withLock { $0 = errorBudget } }

  /// What a reload did.
  package struct Outcome: Equatable {
    package var applied: [String]
    package var needRestart: [String]

    /// One line.
    package var message: String {
      if applied.isEmpty && needRestart.isEmpty { return "configuration reloaded: nothing changed" }
      var parts: [String] = []
      if !applied.isEmpty { parts.append("changed \(applied.joined(separator: ", "))") }
      if !needRestart.isEmpty { parts.append("a restart is needed for \(needRestart.joined(separator: ", "))") }
      return "configuration reloaded: " + parts.joined(separator: "; ")
    }
  }

  /// Takes the live keys of `other`.
  package func reload(_ other: Configuration) -> Outcome {
    state.withLock { configuration in
      let changes = configuration.changes(to: other)
      configuration = configuration.reloaded(from: other)
      return Outcome(
        applied: changes.filter(\.isLive).map(\.path), needRestart: changes.filter { !$0.isLive }.map(\.path))
    }
  }
}

extension RequestDefaults {
  init(_ configuration: Configuration) {
    self.init(
      maxTokens: configuration[Keys.scheduler.maxTokens],
      sift: SiftChoice(
        policy: configuration[Keys.policy.name], errorBudget: configuration[Keys.policy.errorBudget],
        latency: .seconds(configuration[Keys.policy.latency] / 1000),
        errorCap: configuration[Keys.policy.errorCap], lateness: configuration[Keys.policy.lateness]))
  }
}
