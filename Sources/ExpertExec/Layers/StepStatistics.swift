// What a step did: counts and times that the ledger, the metrics and the tests read.

import SiftCore

/// Figures of the latest step of a session.
public struct StepStatistics: Sendable, Hashable {
  /// Figures of one remote node. Index n − 1 of `nodes` is node n.
  public struct Node: Sendable, Hashable {
    /// Visits sent (one a layer at most).
    public var visits = 0
    /// Rows that the visits carried.
    public var rows = 0
    /// (row, expert) pairs that the visits carried.
    public var experts = 0
    /// Visits without a reply in time.
    public var late = 0
    /// Visits that failed, were refused, could not be sent, or came back as nonsense.
    public var lost = 0
    /// Why the first of them was; nil when none was.
    public var lostReason: String?
    /// Time that the node says it computed.
    public var execution: Duration = .zero
    /// Joules that the node says it spent; 0 while it tells nothing.
    public var joules = 0.0
    /// The weakest standing among those joules; nil while it tells nothing.
    public var standing: Standing?
    public init() {}

    mutating func lose(_ reason: String) {
      lost += 1
      if lostReason == nil { lostReason = reason }
    }
  }

  /// Rows of the step.
  public var rows = 0
  /// (row, expert) pairs executed here, fallbacks included.
  public var localExperts = 0
  /// (row, expert) pairs that came back from other nodes.
  public var remoteExperts = 0
  /// Routed experts whose place another expert took, fallbacks included.
  public var replacedExperts = 0
  /// Routed experts left out, fallbacks included.
  public var skippedExperts = 0
  /// Routed experts whose fallback was used, because a node was late or lost.
  public var fellBack = 0
  /// Choices that named an expert or a node that does not exist; their fallback was used.
  public var refusedChoices = 0
  /// Layers in which at least one node was visited.
  public var visitedLayers = 0
  /// Time spent waiting for other nodes.
  public var waiting: Duration = .zero
  /// Time of the whole step.
  public var duration: Duration = .zero
  /// Element n − 1 is node n; nodes that were never named are missing at the end.
  public var nodes: [Node] = []

  public init() {}

  /// Zeroes everything but keeps the storage.
  mutating func reset(rows: Int) {
    self.rows = rows
    (localExperts, remoteExperts, replacedExperts, skippedExperts) = (0, 0, 0, 0)
    (fellBack, refusedChoices, visitedLayers) = (0, 0, 0)
    (waiting, duration) = (.zero, .zero)
    for index in nodes.indices { nodes[index] = Node() }
  }

  /// Makes room for node `number` (≥ 1).
  mutating func admit(node number: Int) {
    while nodes.count < number { nodes.append(Node()) }
  }
}
