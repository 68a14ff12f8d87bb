// The parts of the daemon's completion API that siftctl uses.

/// What a request asks of the policy. nil leaves it to the daemon's configuration.
public struct PolicySetting: Hashable, Sendable, Codable, CustomStringConvertible {
  public var policy: String?
  /// Error a layer may make for a token, ≥ 0.
  public var errorBudget: Double?
  public var latencyMilliseconds: Double?

  private enum CodingKeys: String, CodingKey {
    case policy
    case errorBudget = "error_budget"
    case latencyMilliseconds = "latency_ms"
  }

  public init(policy: String? = nil, errorBudget: Double? = nil, latencyMilliseconds: Double? = nil) {
    self.policy = policy
    self.errorBudget = errorBudget
    self.latencyMilliseconds = latencyMilliseconds
  }

  /// Reads `NAME` or `NAME:BUDGET`, such as `siftmoe:0.05`. Whether there is such a policy is for the daemon to say.
  /// - Throws: `ToolFailure(.usage)`.
  public init(_ text: String) throws(ToolFailure) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard let name = parts.first, !name.isEmpty, parts.count <= 2 else {
      throw ToolFailure(.usage, "“\(text)” is not a policy: write NAME or NAME:BUDGET, such as siftmoe:0.05")
    }
    policy = String(name)
    guard parts.count == 2 else { return }
    guard let budget = Double(parts[1]), budget >= 0, budget.isFinite else {
      throw ToolFailure(.usage, "“\(text)”: the error budget must be a number, 0 or more")
    }
    errorBudget = budget
  }

  /// As it is read.
  public var description: String { (policy ?? "default") + (errorBudget.map { ":\($0)" } ?? "") }
}

/// A request to /v1/completions.
public struct CompletionRequest: Encodable, Sendable {
  public var model: String
  public var prompt: String
  public var maxTokens: Int
  public var temperature: Double = 0
  public var topP: Double = 1
  public var seed: UInt32 = 0
  public var stream = false
  public var streamOptions: StreamOptions?
  public var sift = PolicySetting()

  /// What a stream tells besides text.
  public struct StreamOptions: Encodable, Sendable {
    /// Whether a last chunk has the tokens.
    public var includeUsage: Bool
    public init(includeUsage: Bool) { self.includeUsage = includeUsage }
    private enum CodingKeys: String, CodingKey { case includeUsage = "include_usage" }
  }

  private enum CodingKeys: String, CodingKey {
    case model, prompt, temperature, seed, stream, sift
    case maxTokens = "max_tokens"
    case topP = "top_p"
    case streamOptions = "stream_options"
  }

  public init(model: String, prompt: String, maxTokens: Int) {
    self.model = model
    self.prompt = prompt
    self.maxTokens = maxTokens
  }
}

/// An answer of /v1/completions, or one chunk of it.
public struct CompletionAnswer: Decodable, Sendable {
  public struct Choice: Decodable, Sendable {
    public var text: String
    public var finishReason: String?
    private enum CodingKeys: String, CodingKey {
      case text
      case finishReason = "finish_reason"
    }
  }
  public struct Usage: Decodable, Sendable {
    public var promptTokens: Int
    public var completionTokens: Int
    private enum CodingKeys: String, CodingKey {
      case promptTokens = "prompt_tokens"
      case completionTokens = "completion_tokens"
    }
  }
  public var choices: [Choice]
  public var usage: Usage?
  /// What was decided and what it cost; in a stream only in the last chunk.
  public var sift: SiftFigures?
}

/// The `sift` object of an answer.
public struct SiftFigures: Decodable, Sendable {
  public struct Experts: Decodable, Sendable {
    public var local: Int
    public var remote: Int
    public var replaced: Int
    public var skipped: Int
    public var late: Int
  }
  public var policy: String
  public var errorBudget: Double
  /// Mean booked error of a token in a layer.
  public var errorMean: Double
  /// Root mean square booked error, which `siftmoe` keeps its budget in; nil of a daemon that does not tell.
  public var errorRMS: Double?
  /// Joules of the gateway, idle included.
  public var energy: Double
  /// Joules of the gateway above idle; nil where the idle level is not known.
  public var dynamicEnergy: Double?
  public var energyStanding: String
  /// Joules that peers say they spent.
  public var peerEnergy: Double
  public var radioEnergy: Double
  public var visits: Int
  public var bytesUp: Int
  public var bytesDown: Int
  public var experts: Experts

  private enum CodingKeys: String, CodingKey {
    case policy, visits, experts
    case errorBudget = "error_budget"
    case errorMean = "error_mean"
    case errorRMS = "error_rms"
    case energy = "energy_j"
    case dynamicEnergy = "energy_dynamic_j"
    case energyStanding = "energy_standing"
    case peerEnergy = "energy_peers_j"
    case radioEnergy = "radio_j"
    case bytesUp = "bytes_up"
    case bytesDown = "bytes_down"
  }
}

/// The answer of /v1/models.
public struct ModelList: Decodable, Sendable {
  public struct Entry: Decodable, Sendable { public var id: String }
  public var data: [Entry]
}

extension ControlClient {
  /// The name of the model that the daemon serves.
  public func modelName() async throws(ToolFailure) -> String {
    guard let name = try await get("/v1/models", as: ModelList.self).data.first?.id else {
      throw ToolFailure(.failure, "siftd at \(address) serves no model")
    }
    return name
  }
}
