// How well the model foretells each token of a text: what `echo` with `logprobs` answers.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One token of a scored text.
public struct TokenScore: Sendable, Hashable {
  public var token: Int32
  /// ln of its probability after the tokens before it; nil for the first, which nothing comes before.
  public var logProbability: Double?
  /// The likeliest token there (ties to the lower id), and ln of its probability; nil for the first.
  public var best: Int32?
  public var bestLogProbability: Double?

  public init(token: Int32, logProbability: Double? = nil, best: Int32? = nil, bestLogProbability: Double? = nil) {
    self.token = token
    self.logProbability = logProbability
    self.best = best
    self.bestLogProbability = bestLogProbability
  }

  /// - Parameter logits: before the token, one for each of the vocabulary; `token` is one of them.
  init(token: Int32, after logits: UnsafeBufferPointer<Float>) {
    var best = 0
    for index in logits.indices where logits[index] > logits[best] { best = index }
    let greatest = Double(logits[best])
    var sum = 0.0
    for logit in logits { sum += exp(Double(logit) - greatest) }
    let logarithm = log(sum)
    self.init(
      token: token, logProbability: Double(logits[Int(token)]) - greatest - logarithm, best: Int32(best),
      bestLogProbability: -logarithm)
  }
}
