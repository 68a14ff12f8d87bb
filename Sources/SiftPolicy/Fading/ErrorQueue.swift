// The virtual queue that turns a limit on the average error into a price for the next token.

/// Drift-plus-penalty for the average error: λ grows by η(error − ε) with every token, never below zero, and each token
/// solves min E[energy] + λ·E[error]. After T tokens the average error exceeds ε by at most (λ_T − λ_0)/(ηT), whatever the
/// channel did; the long-run energy is within O(η) of the best stationary policy's
/// (M. J. Neely, Stochastic Network Optimization, 2010, ch. 4).
///
/// What is kept is the debt Q = λ/η, the error by which the tokens so far are behind their budget, so that η may change on
/// the way: the bound, (Q_T − Q_0)/T, does not know η. With a target, η follows slowly so that the debt comes back to it:
/// then the average meets the budget from both sides, and the price is not stopped at zero all the time where a
/// single error is large beside it.
public struct ErrorQueue: Sendable, Hashable {
  /// The limit ε on the average error, ≥ 0.
  public let budget: Double
  /// The step η in joules per squared unit of error, > 0: large learns fast and wastes, small saves and learns slowly.
  public private(set) var step: Double
  /// Q in units of error, ≥ 0.
  public private(set) var debt: Double
  /// Tokens booked.
  public private(set) var tokens: Int
  /// Sum of the booked errors.
  public private(set) var errorSum: Double
  private let startDebt: Double
  /// Where η leads the debt; nil keeps η.
  private let target: Double?
  /// Least and greatest η that a target leads to, in multiples of the first one.
  private static let stepRange = 1e-4...1e4
  private var stepFactor = 1.0
  /// How much of a debt that is off by its target η makes up for with every token.
  private static let pace = 0.002

  /// λ, joules a unit of error, ≥ 0.
  public var price: Double { step * debt }

  /// - Parameters:
  ///   - price: where λ starts; a good guess saves the first tokens from paying for the lesson.
  ///   - isSteady: η follows so that the debt comes back to where it starts; needs a price > 0.
  /// - Returns: nil unless budget ≥ 0, step > 0 and price ≥ 0, all finite.
  public init?(budget: Double, step: Double, price: Double = 0, isSteady: Bool = false) {
    guard budget >= 0, step > 0, price >= 0, (budget + step + price / step).isFinite else { return nil }
    self.budget = budget
    self.step = step
    debt = price / step
    startDebt = price / step
    target = isSteady && price > 0 ? price / step : nil
    tokens = 0
    errorSum = 0
  }

  /// Books the error of one token, as it really came (fallbacks included) or as it is expected, to be corrected later.
  /// - Precondition: `error ≥ 0`, finite.
  public mutating func book(error: Double) {
    precondition(error >= 0 && error.isFinite, "an error is finite and never negative, got \(error)")
    debt = max(0, debt + error - budget)
    tokens += 1
    errorSum += error
    guard let target else { return }
    let factor = 1 + Self.pace * min(1, max(-1, debt / target - 1))
    guard Self.stepRange.contains(stepFactor * factor) else { return }
    stepFactor *= factor
    step *= factor
  }

  /// Sets a booked error right, once it is known how the visits went. - Parameter difference: what came less what was
  /// booked, finite.
  public mutating func correct(by difference: Double) {
    debt = max(0, debt + difference)
    errorSum += difference
  }

  /// Multiplies η, as when all energies do: prices follow, the debt stays. Ignored unless > 0 and finite.
  public mutating func rescale(by factor: Double) {
    if factor > 0 && factor.isFinite && (step * factor).isFinite && step * factor > 0 { step *= factor }
  }

  /// The average so far; nil before the first token.
  public var meanError: Double? { tokens > 0 ? errorSum / Double(tokens) : nil }
  /// What the average can exceed the budget by, (Q_T − Q_0)/T: a certainty, not an estimate. Nil before the first token.
  public var excessBound: Double? { tokens > 0 ? max(0, debt - startDebt) / Double(tokens) : nil }
}

/// First price and step of a queue from what is known before the first token, whatever the unit of energy.
///
/// The natural unit of λ is the joules of one visit over the budget: at that price it pays to visit a node in order to
/// save an error of ε. A token whose error is off by ε moves λ by the share `gain` of the first price, so that the price
/// follows over some 1/gain tokens and then trembles by about the square root of gain.
public struct PriceScale: Sendable, Hashable {
  /// Share of the price by which one ε of error moves it.
  public static let gain = 0.02
  /// The first price, in units, where nothing was learned: rather too high, so that who comes first gets better text
  /// than promised, not worse.
  public static let firstPrice = 2.0

  /// The unit of λ: joules a unit of error, > 0.
  public let unit: Double
  /// ε, > 0.
  public let budget: Double

  /// - Parameters:
  ///   - visit: joules of a visit on average over the fading, wake-up included, > 0.
  ///   - budget: ε, > 0.
  /// - Returns: nil unless both are > 0 and what follows from them is finite.
  public init?(visit: Double, budget: Double) {
    unit = visit / budget
    self.budget = budget
    guard visit > 0, budget > 0, unit > 0, (unit / budget).isFinite else { return nil }
  }

  /// A queue that starts at the first price, or at `units` of the scale where a price was learned before.
  /// - Returns: nil unless `units` > 0 and finite.
  public func queue(units: Double = firstPrice) -> ErrorQueue? {
    guard units > 0, units.isFinite else { return nil }
    let price = units * unit
    return ErrorQueue(budget: budget, step: Self.gain * price / budget, price: price, isSteady: true)
  }
}
