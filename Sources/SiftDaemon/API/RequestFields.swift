// The fields that completions and chat completions share, and what is done with those that are not supported.

import SiftCore

/// Defaults of requests; a reload changes them.
public struct RequestDefaults: Sendable, Hashable {
  public var maxTokens: Int
  public var sift: SiftChoice
  public init(maxTokens: Int, sift: SiftChoice) {
    self.maxTokens = maxTokens
    self.sift = sift
  }
}

/// Fields of a request for text that do not depend on the endpoint.
struct CommonFields {
  var maxTokens: Int
  var isMaxTokensGiven: Bool
  var answers: Int
  var stops: [String]
  var sampling: SamplingChoice
  var sift: SiftChoice
  var streams: Bool
  var includesUsage: Bool

  /// Largest `n`, and most prompts × n, of one request.
  static let mostAnswers = 16
  static let mostSequences = 256
  static let mostStops = 4
  static let longestStop = 256

  /// - Parameters:
  ///   - seed: used when the client gives none.
  ///   - leastTokens: least `max_tokens`; 0 where nothing need be generated.
  init(
    _ fields: inout FieldReader, defaults: RequestDefaults, seed: UInt64, leastTokens: Int = 1
  ) throws(APIError) {
    let limit = try fields.integer("max_tokens", in: leastTokens...Int.max)
    let newer = try fields.integer("max_completion_tokens", in: 1...Int.max)
    isMaxTokensGiven = limit != nil || newer != nil
    maxTokens = newer ?? limit ?? defaults.maxTokens
    answers = try fields.integer("n", in: 1...Self.mostAnswers) ?? 1
    stops = try Self.stops(&fields)
    sampling = SamplingChoice(
      temperature: try fields.number("temperature", in: 0...2) ?? 1, topP: try Self.topP(&fields),
      seed: try fields.integer("seed", in: Int.min...Int.max).map { UInt64(bitPattern: Int64($0)) } ?? seed)
    streams = try fields.boolean("stream") ?? false
    includesUsage = try Self.includesUsage(&fields, streams: streams)
    sift = try SiftFields.read(fields.take("sift"), defaults: defaults.sift)
  }

  private static func topP(_ fields: inout FieldReader) throws(APIError) -> Double {
    let mass = try fields.number("top_p", in: 0...1) ?? 1
    guard mass > 0 else { throw fields.wrong("top_p", "must be above 0: nothing is left to pick from") }
    return mass
  }

  private static func stops(_ fields: inout FieldReader) throws(APIError) -> [String] {
    let values: [JSONValue]
    switch fields.take("stop") {
    case nil: return []
    case .array(let several): values = several
    case .some(let one): values = [one]
    }
    guard values.count <= mostStops else {
      throw fields.wrong("stop", "takes at most \(mostStops) strings, got \(values.count)")
    }
    var stops: [String] = []
    for value in values {
      guard case .string(let text) = value else {
        throw fields.wrong("stop", "must be a string or an array of strings, got \(value.words)")
      }
      guard (1...longestStop).contains(text.utf8.count) else {
        throw fields.wrong("stop", "takes strings of 1 to \(longestStop) bytes, got \(text.utf8.count)")
      }
      stops.append(text)
    }
    return stops
  }

  private static func includesUsage(_ fields: inout FieldReader, streams: Bool) throws(APIError) -> Bool {
    guard let value = fields.take("stream_options") else { return false }
    guard streams else { throw fields.wrong("stream_options", "needs 'stream': true") }
    var options = try FieldReader(value, prefix: "stream_options.")
    return try options.boolean("include_usage") ?? false
  }

  /// Refuses what would silently change the meaning of a request, lets pass what does nothing, and names what nobody
  /// knows.
  /// - Parameter refused: further fields of the endpoint that are refused whatever their value.
  static func checkRest(_ fields: inout FieldReader, refused: [String]) throws(APIError) {
    for name in ["frequency_penalty", "presence_penalty"] {
      if let value = try fields.number(name, in: -2...2), value != 0 {
        throw fields.wrong(name, "is not supported: only 0 is", code: "unsupported_parameter")
      }
    }
    if case .object(let biases)? = fields.take("logit_bias"), !biases.isEmpty {
      throw fields.wrong("logit_bias", "is not supported", code: "unsupported_parameter")
    }
    for name in refused where fields.take(name) != nil {
      throw fields.wrong(name, "is not supported", code: "unsupported_parameter")
    }
    // These say nothing about the text.
    for name in ["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"] {
      _ = fields.take(name)
    }
    if let unknown = fields.rest.first {
      throw fields.wrong(unknown, "is not a field of this request", code: "unknown_parameter")
    }
  }
}

/// The `sift` object of a request.
enum SiftFields {
  static func read(_ value: JSONValue?, defaults: SiftChoice) throws(APIError) -> SiftChoice {
    guard let value else { return defaults }
    var fields = try FieldReader(value, prefix: "sift.")
    var choice = defaults
    if let policy = try fields.string("policy") {
      guard Keys.policy.name.range.allows(policy) else {
        throw fields.wrong(
          "policy", "must be one of \(Keys.policy.name.range.text), got \(policy.prefix(60).description.literal)")
      }
      choice.policy = policy
    }
    choice.errorBudget = try fields.number("error_budget", in: 0...10) ?? choice.errorBudget
    if let milliseconds = try fields.number("latency_ms", in: 0.01...60_000) {
      choice.latency = .seconds(milliseconds / 1000)
    }
    if let seconds = try fields.number("latency", in: 0.000_01...60) { choice.latency = .seconds(seconds) }
    if let unknown = fields.rest.first {
      throw fields.wrong(
        unknown, "is unknown; sift takes policy, error_budget, latency, latency_ms", code: "unknown_parameter")
    }
    return choice
  }
}
