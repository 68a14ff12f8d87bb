// What the scheduler needs of an engine, and what the API needs of a model: the seams that tests fill with fakes.

import ExpertExec
import SiftCore

/// What a request wants of the policy.
public struct SiftChoice: Sendable, Hashable {
  /// Name of the policy, one of `policy.name`'s range.
  public var policy: String
  /// Error a layer may make for a token, ≥ 0.
  public var errorBudget: Double
  /// Time a layer's experts may take.
  public var latency: Duration
  /// See `SiftSettings`.
  public var errorCap: Double
  public var lateness: Double

  public init(
    policy: String, errorBudget: Double, latency: Duration, errorCap: Double = 4, lateness: Double = 0.1
  ) {
    self.policy = policy
    self.errorBudget = errorBudget
    self.latency = latency
    self.errorCap = errorCap
    self.lateness = lateness
  }
}

/// How the next token is picked.
public struct SamplingChoice: Sendable, Hashable {
  /// 0 takes the likeliest token.
  public var temperature: Double
  /// Least probability mass to pick from, 0 < p ≤ 1.
  public var topP: Double
  public var seed: UInt64

  public init(temperature: Double, topP: Double, seed: UInt64) {
    self.temperature = temperature
    self.topP = topP
    self.seed = seed
  }
}

/// What became of the experts of one or several sequences: sums over tokens and layers.
public struct SequenceTally: Sendable, Hashable {
  /// Exchanges with other nodes.
  public var visits = 0
  /// Those of them that were not back in time, or never.
  public var visitsLate = 0
  /// (token, layer) pairs decided.
  public var decisions = 0
  public var expertsLocal = 0
  public var expertsRemote = 0
  public var expertsReplaced = 0
  public var expertsSkipped = 0
  /// Routed experts whose fallback was used, because a node was late or lost.
  public var expertsLate = 0
  /// Sum of the booked errors over (token, layer) pairs.
  public var errorSum = 0.0
  /// Sum of the booked mean squares a_ℓ·Σ w²·D² over them: what the loss of quality follows.
  public var squareSum = 0.0
  public var bytesUp = 0
  public var bytesDown = 0
  /// Modelled energy of this node's radio, in joules.
  public var radioJoules = 0.0
  /// What peers said they spent, in joules, and the weakest standing among them.
  public var peerJoules = 0.0
  public var peerStanding: Standing?

  public init() {}

  /// Mean booked error of a token in a layer; 0 before the first.
  public var errorMean: Double { decisions > 0 ? errorSum / Double(decisions) : 0 }

  /// Root mean square booked error of a token in a layer; 0 before the first.
  public var errorRMS: Double { decisions > 0 ? (squareSum / Double(decisions)).squareRoot() : 0 }

  public static func += (total: inout SequenceTally, part: SequenceTally) {
    total.visits += part.visits
    total.visitsLate += part.visitsLate
    total.decisions += part.decisions
    total.expertsLocal += part.expertsLocal
    total.expertsRemote += part.expertsRemote
    total.expertsReplaced += part.expertsReplaced
    total.expertsSkipped += part.expertsSkipped
    total.expertsLate += part.expertsLate
    total.errorSum += part.errorSum
    total.squareSum += part.squareSum
    total.bytesUp += part.bytesUp
    total.bytesDown += part.bytesDown
    total.radioJoules += part.radioJoules
    total.peerJoules += part.peerJoules
    total.peerStanding = [total.peerStanding, part.peerStanding].compactMap { $0 }.max()
  }
}

/// A node that was late or lost in a step.
public struct PeerTrouble: Sendable, Hashable {
  public var peer: String
  /// It was out of reach when the step began, and decisions were made without it; otherwise it was late or lost in the
  /// step, and fallbacks were used.
  public var isGone: Bool
  public var reason: String
  public init(peer: String, isGone: Bool = false, reason: String) {
    self.peer = peer
    self.isGone = isGone
    self.reason = reason
  }
}

/// What a sequence took part in.
public struct SequenceEffort: Sendable, Hashable {
  /// Multiplications of its latest step here: its attention, and its experts that were executed here.
  public var operations: Double
  /// Since it was opened: exchanges, their payload, and the radio's energy by its model.
  public var visits = 0
  public var bytes = 0
  public var radioJoules = 0.0

  public init(operations: Double) { self.operations = operations }
}

/// One thread's engine: sequences that grow by shared steps. Every call is made on the scheduler's thread.
public protocol TokenEngine: AnyObject {
  /// Opens a sequence for at most `capacity` tokens. - Throws: `TokenEngineError.full` while others hold the room.
  func open(capacity: Int, choice: SiftChoice) throws -> SequenceID
  /// Closes a sequence and says what became of its experts.
  func close(_ id: SequenceID) -> SequenceTally
  /// One step. After an error every sequence stands as before.
  func forward(_ chunks: [Chunk]) throws
  /// Logits of the wanted row `row` of the latest step, counted in chunk order; valid until the next step.
  func logits(row: Int) -> UnsafeBufferPointer<Float>
  /// Nodes that were late or lost in the latest step, or out of reach.
  var troubles: [PeerTrouble] { get }
  /// - Parameter rows: that the sequence had in the latest step.
  func effort(of id: SequenceID, rows: Int) -> SequenceEffort
  /// Does one piece, some milliseconds long, of what waits for idle time. Called when nobody waits for a token.
  /// - Returns: whether there was anything to do.
  func rest() -> Bool
}

extension TokenEngine {
  /// Where nothing better is known a row is as much work as any other.
  public func effort(of id: SequenceID, rows: Int) -> SequenceEffort { SequenceEffort(operations: Double(rows)) }
  public func rest() -> Bool { false }
}

/// Why an engine did not open a sequence.
public enum TokenEngineError: Error, Hashable {
  /// No room just now.
  case full(String)
}

/// A model as the API sees it. Shared by all threads.
public protocol ServedModel: Sendable {
  /// What the API calls it.
  var name: String { get }
  /// Content hash, 64 hexadecimal digits.
  var identity: String { get }
  /// Most tokens of a sequence, prompt and answer together.
  var context: Int { get }
  var vocabulary: Int { get }
  /// Tokens that end an answer.
  var endTokens: Set<Int32> { get }
  /// Special tokens written out in `text` are text.
  func encode(_ text: String) -> [Int32]
  /// Renders a conversation with the model's template, ready for the assistant's turn. - Throws: `ServedModelError`.
  func encode(_ messages: [ChatTurn]) throws(ServedModelError) -> [Int32]
  /// Text of an answer, whole characters at a time.
  func makeAssembler() -> any TokenAssembling
  func makeSampler(_ choice: SamplingChoice) -> any TokenSampling
}

/// One turn of a conversation.
public struct ChatTurn: Sendable, Hashable {
  public var role: String
  public var content: String
  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }
}

/// Why a conversation could not be rendered.
public enum ServedModelError: Error, Hashable {
  case noTemplate
  case template(String)
}

/// Turns tokens into text as they come.
public protocol TokenAssembling {
  /// - Returns: the characters that `token` completed.
  mutating func append(_ token: Int32) -> String
  /// - Returns: what an incomplete character at the end becomes.
  mutating func finish() -> String
}

/// Picks tokens.
public protocol TokenSampling {
  mutating func pick(_ logits: UnsafeBufferPointer<Float>) -> Int32
}
