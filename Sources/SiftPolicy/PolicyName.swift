// The names under which policies are asked for, in the configuration, in requests and on the command line.

/// A policy that decides one token at a time.
public enum PolicyName: String, Sendable, Hashable, CaseIterable {
  /// The daemon's default.
  case siftmoe
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
  /// Skips each expert that is not at the gateway with the budget as its chance; a floor for comparisons.
  case random

  /// All names, for messages.
  public static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
