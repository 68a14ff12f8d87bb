// What a request wants of the policy, in the terms that the policy selector works with.

import SiftCore
import SiftPolicy

/// How the experts of one sequence are to be chosen.
public struct SiftSettings: Sendable, Hashable {
  public var policy: PolicyName
  /// Error a layer may make for a token, ≥ 0, relative to what the layer adds.
  public var errorBudget: Double
  /// Time that a layer's experts may take for one token; also how long a remote node is waited for.
  public var latency: Duration

  public init(policy: PolicyName, errorBudget: Double, latency: Duration) {
    self.policy = policy
    self.errorBudget = errorBudget
    self.latency = latency
  }
}

/// Bytes of one visit on the wire, both directions, TLS and below left out.
public struct VisitBytes: Sendable, Hashable {
  /// Headers, whatever a visit carries.
  public var fixedUp: Int
  public var fixedDown: Int
  /// For each row: its hidden state and count, and its partial sum.
  public var rowUp: Int
  public var rowDown: Int
  /// For each (row, expert) pair: id and weight.
  public var pairUp: Int

  /// - Parameters:
  ///   - width: width of the hidden state (d).
  ///   - hiddenBytes: bytes of one element of a hidden state on the wire.
  ///   - sumBytes: bytes of one element of a partial sum on the wire.
  public init(width: Int, hiddenBytes: Int, sumBytes: Int, header: Int = 40) {
    fixedUp = header
    fixedDown = header
    rowUp = 4 + width * hiddenBytes
    rowDown = width * sumBytes
    pairUp = 8
  }

  /// Bytes that one row with `pairs` experts adds to a visit, both directions.
  public func row(pairs: Int) -> Int { rowUp + rowDown + pairUp * pairs }
  /// Bytes of a visit without rows, both directions.
  public var fixed: Int { fixedUp + fixedDown }
}
