// The names under which policies are asked for, in the configuration, in requests and on the command line.

/// A policy that decides one token at a time.
public enum PolicyName: String, Sendable, Hashable, CaseIterable {
  /// The daemon's default. docs/theory §7: the least expected energy at an average error, over channels that fade. To
  /// `ExpertPolicy`, which sees one token and no forecast, the same as `siftmoe-token`.
  case siftmoe
  /// Every token within its error budget, on the expected channel; in the daemon, rows of one step share visits.
  case siftmoeSlow = "siftmoe-slow"
  /// docs/theory §5: the least energy within the error budget and the latency limit of each token and layer.
  case siftmoeToken = "siftmoe-token"
  /// Every routed expert itself, wherever it is.
  case topk
  /// Nothing leaves the gateway: the nearest local expert, or a skip where that is nearer.
  case localOnly = "local-only"
  /// Rerouting by similarity alone: who is near enough to a local expert is replaced, the rest go to themselves.
  case nearest
  /// Drops experts of poor weight-to-latency ratio; the budget is the ratio's threshold (after WDMoE, arXiv 2411.06681).
  case wdmoe
  /// The least energy that keeps all but a share (the budget) of the gate weight (after DES, arXiv 2503.13421).
  case des
  /// Keeps the heaviest experts until all but a share (the budget) of the gate weight is kept.
  case adaptive
  /// A set of experts for the whole batch, all but a share (the budget) of the distinct ones, by summed gate weight; every
  /// token's heaviest always (after XShare, arXiv 2602.07265). To a single token: its heaviest experts.
  case xshare
  /// Skips each expert that is not at the gateway with the budget as its chance; a floor for comparisons.
  case random

  /// Whether one token alone is decided exactly under this name: SiftMoE in any of its forms.
  public var isExact: Bool { self == .siftmoe || self == .siftmoeSlow || self == .siftmoeToken }

  /// All names, for messages.
  public static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
