// The three seams of the expert layer: who decides (ExpertSelecting), who carries a visit to another node
// (ExpertTransport), and who executes experts for others (ExpertHosting).

import SiftCore

/// Decides, between router and experts, what stands in for each routed expert. One selector serves one engine; it is
/// called on the engine's thread only, never allocates in steady state and never waits.
public protocol ExpertSelecting: AnyObject {
  /// A step begins: `rows[r]` is the sequence that row r of every layer belongs to. The world is looked at once, here.
  func beginStep(rows: [SequenceID])
  /// Decides one layer: fills `plan` (already reset to `routed.rows`), element for element.
  func decide(layer: Int, routed: RoutedTokens, plan: inout LayerPlan)
  /// What became of the plan of `layer`: `fellBack[row * K + rank]` tells whose fallback was used (late or lost node).
  func settle(layer: Int, plan: LayerPlan, fellBack: [Bool])
}

/// The rows that one node serves in one layer and step. The pointers are valid during the call that receives them.
public struct ExpertVisit {
  public var node: NodeIndex
  public var layer: Int
  /// Width of the hidden state (d).
  public var width: Int
  /// Number of rows.
  public var rows: Int
  /// `[row, width]`: the normalised inputs of the layer.
  public var hidden: UnsafePointer<Float>
  /// `[row]`: how many (expert, weight) pairs each row has, ≥ 1; their sum is the length of the two below.
  public var counts: UnsafeBufferPointer<Int32>
  public var experts: UnsafeBufferPointer<Int32>
  public var weights: UnsafeBufferPointer<Float>
  /// How long the gateway will wait.
  public var patience: Duration

  public init(
    node: NodeIndex, layer: Int, width: Int, rows: Int, hidden: UnsafePointer<Float>,
    counts: UnsafeBufferPointer<Int32>, experts: UnsafeBufferPointer<Int32>, weights: UnsafeBufferPointer<Float>,
    patience: Duration
  ) {
    self.node = node
    self.layer = layer
    self.width = width
    self.rows = rows
    self.hidden = hidden
    self.counts = counts
    self.experts = experts
    self.weights = weights
    self.patience = patience
  }
}

/// A visit that was sent. Redeemed once with `receive`.
public struct VisitTicket: Sendable, Hashable {
  public var node: NodeIndex
  public var number: UInt64
  public init(node: NodeIndex, number: UInt64) {
    self.node = node
    self.number = number
  }
}

/// How a visit ended.
public enum VisitOutcome: Sendable, Hashable {
  /// The sums were written. `execution`: time the node spent computing; `energy`: what it says that cost, if it can tell.
  case done(execution: Duration, energy: Energy?, standing: Standing?)
  /// No reply in time. A reply that still comes is dropped.
  case late
  /// The node is unreachable, or answered nonsense; the reason is for the journal.
  case lost(reason: String)
}

/// Carries visits to other nodes. Called from the engine's thread; `send` never waits.
public protocol ExpertTransport: AnyObject, Sendable {
  /// - Returns: nil when the node cannot be reached at all just now (use the fallback at once).
  func send(_ visit: ExpertVisit) -> VisitTicket?
  /// Waits for the reply of `ticket`, at most until `deadline`, and writes `[row, width]` partial sums.
  ///
  /// Sums are f64 on the grid of `ek_kernels.accumulate`, so that adding them up gives the same bits in any order.
  func receive(_ ticket: VisitTicket, until deadline: ContinuousClock.Instant, sums: UnsafeMutableBufferPointer<Double>)
    -> VisitOutcome
}

/// Executes experts for other nodes.
public protocol ExpertHosting: AnyObject, Sendable {
  /// The model whose experts these are.
  var modelHash: ContentHash { get }
  /// Name of the arithmetic (`ek_arithmetic`): nodes that differ in it agree only to rounding.
  var arithmetic: String { get }
  /// Width of the hidden state (d).
  var width: Int { get }
  /// The experts of `layer` that can be executed here, in rising order.
  func hostedExperts(layer: Int) -> [Int]
  var layers: Int { get }
  /// Executes a visit and writes `[row, width]` partial sums (not added to what was there).
  /// Thread-safe; one visit at a time is executed, with all cores.
  /// - Throws: `ExpertHostingError` for a layer or an expert that is not here, or non-finite input or output.
  func execute(_ visit: ExpertVisit, sums: UnsafeMutableBufferPointer<Double>) throws(ExpertHostingError)
}

/// Why a visit was refused.
public enum ExpertHostingError: Error, Hashable, CustomStringConvertible {
  case noSuchLayer(Int, layers: Int)
  case notHosted(layer: Int, expert: Int)
  case shape(String)
  case notFinite(layer: Int)

  public var description: String {
    switch self {
    case .noSuchLayer(let layer, let layers): "layer \(layer) does not exist: the model has \(layers)"
    case .notHosted(let layer, let expert): "expert \(expert) of layer \(layer) is not hosted here"
    case .shape(let what): what
    case .notFinite(let layer): "layer \(layer): input or output is not finite"
    }
  }
}
