// What a router says of the tokens of a step, and what a policy answers. Buffers that live as long as the engine:
// both keep their capacity, so that the token path allocates nothing.

/// The routed experts of every token (row) of one layer and step: `experts` and `weights` are `[row, rank]`, by
/// falling weight, with `perToken` ranks a row.
public struct RoutedTokens: Sendable {
  /// Rows in use.
  public private(set) var rows: Int
  /// Routed experts a token (K).
  public let perToken: Int
  /// `[row, rank]` expert ids, 0 ..< experts of the layer.
  public var experts: [Int32]
  /// `[row, rank]` router weights, ≥ 0, by the model's own rule (renormalised or not).
  public var weights: [Float]

  public init(perToken: Int, capacity: Int) {
    precondition(perToken > 0 && capacity > 0, "a router needs rows and ranks, got \(capacity) × \(perToken)")
    self.rows = 0
    self.perToken = perToken
    self.experts = Array(repeating: -1, count: capacity * perToken)
    self.weights = Array(repeating: 0, count: capacity * perToken)
  }

  /// Sets the number of rows in use; grows the buffers only beyond what they ever held.
  public mutating func reset(rows: Int) {
    self.rows = rows
    let needed = rows * perToken
    if experts.count < needed {
      experts.append(contentsOf: repeatElement(-1, count: needed - experts.count))
      weights.append(contentsOf: repeatElement(0, count: needed - weights.count))
    }
  }
}

/// One decision: what stands in for one routed expert of one token.
public struct ExpertChoice: Sendable, Hashable {
  /// The expert that is executed, or `ExpertChoice.skip`.
  public var target: Int32
  /// Where it is executed (0 = the gateway); meaningless for a skip.
  public var node: Int32
  /// The weight it carries: the router's, times the scale of a scaled replacement.
  public var weight: Float
  /// The relative error booked for this choice: router weight × calibrated distance, ≥ 0.
  public var error: Float
  /// What is done instead when `node` is late or lost: a local expert, or `ExpertChoice.skip`.
  public var fallbackTarget: Int32
  /// The weight that the fallback carries.
  public var fallbackWeight: Float
  /// The error booked when the fallback is used.
  public var fallbackError: Float

  public static let skip: Int32 = -1
  public var isSkip: Bool { target == Self.skip }

  /// - Parameter fallbackWeight: nil: `weight`.
  public init(
    target: Int32, node: Int32, weight: Float, error: Float = 0, fallbackTarget: Int32 = ExpertChoice.skip,
    fallbackWeight: Float? = nil, fallbackError: Float = 0
  ) {
    self.target = target
    self.node = node
    self.weight = weight
    self.error = error
    self.fallbackTarget = fallbackTarget
    self.fallbackWeight = fallbackWeight ?? weight
    self.fallbackError = fallbackError
  }
}

/// The decisions of one layer and step: `choices` is `[row, rank]`, parallel to `RoutedTokens.experts`.
public struct LayerPlan: Sendable {
  public private(set) var rows: Int
  public let perToken: Int
  public var choices: [ExpertChoice]
  /// How long remote nodes are waited for, from the moment the visits are sent. Never infinite.
  public var patience: Duration

  public init(perToken: Int, capacity: Int) {
    self.rows = 0
    self.perToken = perToken
    self.choices = Array(
      repeating: ExpertChoice(target: ExpertChoice.skip, node: 0, weight: 0), count: perToken * capacity)
    self.patience = .seconds(1)
  }

  public mutating func reset(rows: Int) {
    self.rows = rows
    let needed = rows * perToken
    if choices.count < needed {
      choices.append(
        contentsOf: repeatElement(
          ExpertChoice(target: ExpertChoice.skip, node: 0, weight: 0), count: needed - choices.count))
    }
  }
}
