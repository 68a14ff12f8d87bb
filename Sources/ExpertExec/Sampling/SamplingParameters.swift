// How the next token is chosen.

/// The knobs of sampling, in the order in which they act: temperature, then the `topK` most probable, then the fewest
/// of these that hold `topP` of their probability.
public struct SamplingParameters: Sendable, Hashable {
  /// What logits are divided by; 0 chooses the most probable token (ties to the lower id).
  public var temperature: Double
  /// Share of probability kept, above 0 and at most 1.
  public var topP: Double
  /// Most tokens kept; nil keeps all.
  public var topK: Int?
  /// Where the random numbers begin: the same seed, model and prompt give the same text on every machine whose
  /// arithmetic is the same.
  public var seed: UInt64

  public init(temperature: Double = 0, topP: Double = 1, topK: Int? = nil, seed: UInt64 = 0) {
    self.temperature = temperature
    self.topP = topP
    self.topK = topK
    self.seed = seed
  }

  public static let greedy = SamplingParameters()

  /// What is wrong with these figures, naming the figure; nil when nothing is.
  public var problem: String? {
    if !(temperature >= 0 && temperature <= 100) { return "temperature \(temperature): expected 0 to 100" }
    if !(topP > 0 && topP <= 1) { return "top_p \(topP): expected more than 0 and at most 1" }
    if let topK, topK < 1 { return "top_k \(topK): expected at least 1" }
    return nil
  }
}
