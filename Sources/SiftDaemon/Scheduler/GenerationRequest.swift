// A request for text as the scheduler gets it, and what it answers.

import EnergyMeter
import SiftCore

/// One request: one or several prompts, each with one or several answers.
public struct GenerationRequest: Sendable {
  /// As the client sees it: `cmpl-…`, `chatcmpl-…`.
  public var id: String
  public var model: String
  public var prompts: [[Int32]]
  /// Answers a prompt (OpenAI's n).
  public var answers: Int
  public var maxTokens: Int
  public var stops: [String]
  public var sampling: SamplingChoice
  public var sift: SiftChoice
  /// The prompts are scored token by token, and nothing is generated.
  public var scoresPrompts = false

  public init(
    id: String, model: String, prompts: [[Int32]], answers: Int = 1, maxTokens: Int, stops: [String] = [],
    sampling: SamplingChoice, sift: SiftChoice
  ) {
    self.id = id
    self.model = model
    self.prompts = prompts
    self.answers = answers
    self.maxTokens = maxTokens
    self.stops = stops
    self.sampling = sampling
    self.sift = sift
  }

  /// Sequences that it takes. Sequence s answers prompt s ÷ `answers`.
  public var sequences: Int { prompts.count * answers }
}

/// Why an answer ended.
public enum FinishReason: String, Sendable, Hashable {
  /// An end token or a stop string.
  case stop
  /// max_tokens, or the context is full.
  case length
}

/// How a request ended.
public enum GenerationOutcome: Sendable, Hashable {
  case completed
  /// The client went away, or the daemon stops.
  case cancelled
  case failed(String)

  /// For records and metrics.
  public var word: String {
    switch self {
    case .completed: "completed"
    case .cancelled: "cancelled"
    case .failed: "failed"
    }
  }
}

/// What a request cost, in joules.
public struct RequestEnergy: Sendable, Hashable {
  /// This node's share, idle included.
  public var total = 0.0
  /// This node's share above idle; nil while the idle level is not known.
  public var dynamic: Double?
  /// Standard uncertainty of `total`; nil when unknown.
  public var uncertainty: Double?
  public var standing: Standing = .modelled
  /// Above idle, of rails that feed the radio, or by its model; nil where neither is known.
  public var radio: Double?
  public var radioStanding: Standing = .modelled
  /// Above idle, of rails that feed the processor; nil where none is read.
  public var compute: Double?
  /// Above idle, rail by rail; parts stand beside what contains them.
  public var rails: [RailPortion] = []
  /// Share of its time that good samples cover, 0…1.
  public var coverage = 1.0
  /// Good for a sum over many requests, not alone.
  public var isLowConfidence = false

  public init(total: Double = 0, dynamic: Double? = nil, uncertainty: Double? = nil, standing: Standing = .modelled) {
    self.total = total
    self.dynamic = dynamic
    self.uncertainty = uncertainty
    self.standing = standing
  }
}

/// All that is known of a request when it ended.
public struct GenerationSummary: Sendable, Hashable {
  public var outcome: GenerationOutcome
  public var tokensIn = 0
  public var tokensOut = 0
  public var tally = SequenceTally()
  public var energy = RequestEnergy()
  /// From the request's arrival to its end.
  public var latency: Duration = .zero
  /// From arrival to the first token; nil when there was none.
  public var firstToken: Duration?
  /// Peers that were late, lost or gone in its steps.
  public var troubles: [PeerTrouble] = []
  /// Each of them once.
  public var peersInTrouble: [String] {
    troubles.indices.filter { index in !troubles[..<index].contains { $0.peer == troubles[index].peer } }
      .map { troubles[$0].peer }
  }

  public init(outcome: GenerationOutcome) { self.outcome = outcome }

  /// Joules of this node and of its peers.
  public var clusterJoules: Double { energy.total + tally.peerJoules }
  /// Joules of this node's radio, by its rail where there is one, else by its model.
  public var radioJoules: Double { energy.radio ?? tally.radioJoules }

  /// The weakest standing among the request's joules.
  public var standing: Standing { max(energy.standing, tally.peerStanding ?? energy.standing) }
}

/// What the client's side of a request hears, in this order: any text, one end for each sequence, `done` last.
public enum GenerationEvent: Sendable, Hashable {
  /// `text` may be empty: a token that completed no character.
  case text(sequence: Int, text: String)
  /// Every token of the prompt, where that was asked for.
  case scored(sequence: Int, scores: [TokenScore])
  case ended(sequence: Int, reason: FinishReason)
  case done(GenerationSummary)
}
