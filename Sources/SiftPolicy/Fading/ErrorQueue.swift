// The virtual queue that turns a limit on the average error into a price for the next token.

/// Drift-plus-penalty for the average error: λ grows by η(error − ε) with every token, never below zero, and each token
/// solves min E[energy] + λ·E[error]. After T tokens the average error exceeds ε by at most λ_T/(ηT), whatever the
/// channel did; the long-run energy is within O(η) of the best stationary policy's
/// (M. J. Neely, Stochastic Network Optimization, 2010, ch. 4).
public struct ErrorQueue: Sendable, Hashable {
  /// The limit ε on the average error, ≥ 0.
  public let budget: Double
  /// The step η in joules per squared unit of error, > 0: large learns fast and wastes, small saves and learns slowly.
  public let step: Double
  /// λ, joules a unit of error, ≥ 0.
  public private(set) var price: Double
  /// Tokens booked.
  public private(set) var tokens: Int
  /// Sum of the booked errors.
  public private(set) var errorSum: Double
  private let startPrice: Double

  /// - Parameter price: where λ starts; a good guess saves the first tokens from paying for the lesson.
  /// - Returns: nil unless budget ≥ 0, step > 0 and price ≥ 0, all finite.
  public init?(budget: Double, step: Double, price: Double = 0) {
    guard budget >= 0, step > 0, price >= 0, (budget + step + price).isFinite else { return nil }
    self.budget = budget
    self.step = step
    self.price = price
    self.startPrice = price
    self.tokens = 0
    self.errorSum = 0
  }

  /// Books the error of one token, as it really came (fallbacks included). - Precondition: `error ≥ 0`.
  public mutating func book(error: Double) {
    precondition(error >= 0, "an error is never negative, got \(error)")
    price = max(0, price + step * (error - budget))
    tokens += 1
    errorSum += error
  }

  /// The average so far; nil before the first token.
  public var meanError: Double? { tokens > 0 ? errorSum / Double(tokens) : nil }
  /// What the average can exceed the budget by, (λ_T − λ_0)/(ηT): a certainty, not an estimate. Nil before the first token.
  public var excessBound: Double? {
    tokens > 0 ? max(0, price - startPrice) / (step * Double(tokens)) : nil
  }
}
