// What a request wants of the policy, in the terms that the policy selector works with.

import SiftCore
import SiftPolicy

/// How the experts of one sequence are to be chosen.
public struct SiftSettings: Sendable, Hashable {
  public var policy: PolicyName
  /// Error a layer may make for a token, ≥ 0, relative to what the layer adds: of each token; of `siftmoe` the root mean
  /// square over the tokens and layers of the sequence, each layer's squares weighted by its sensitivity.
  public var errorBudget: Double
  /// Time that a layer's experts may take for one token; also how long a remote node is waited for.
  public var latency: Duration
  /// What `siftmoe` may expect of a single token and layer, in multiples of `errorBudget`, ≥ 1.
  public var errorCap: Double
  /// Chance of missing `latency` that `siftmoe` accepts, 0 … 1.
  public var lateness: Double

  /// What `siftmoe` keeps on average.
  var squareBudget: Double { errorBudget * errorBudget }

  public init(
    policy: PolicyName, errorBudget: Double, latency: Duration, errorCap: Double = 4, lateness: Double = 0.1
  ) {
    self.policy = policy
    self.errorBudget = errorBudget
    self.latency = latency
    self.errorCap = errorCap
    self.lateness = lateness
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
