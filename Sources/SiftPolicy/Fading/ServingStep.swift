// The seam between the search over places and what an error is.

/// What one run of the fading search minimises and keeps.
struct FadingRules {
  /// λ, joules a unit of error.
  var price: Double
  /// ε_max.
  var errorLimit: Double
  /// All energies count as zero.
  var ignoresEnergy = false
}

/// The best decision met so far, and how much search is left.
struct FadingIncumbent {
  /// energy + λ·error; infinite before the first.
  var cost = Double.infinity
  var error = Double.infinity
  var isFound = false
  var stepsLeft: Int
  var isProved = true

  /// Takes a step; true when there are none left, which ends the search without a proof.
  mutating func isExhausted() -> Bool {
    stepsLeft -= 1
    if stepsLeft < 0 { isProved = false }
    return !isProved
  }

  /// Whether something of at least this cost and error could still be better: a smaller cost, or the same cost and a
  /// smaller error.
  func permits(cost: Double, error: Double) -> Bool {
    if Tolerance.isBelow(cost, self.cost) { return true }
    return !Tolerance.isBelow(self.cost, cost) && Tolerance.isBelow(error, self.error)
  }
}

/// The inner step: how a token is best served by the experts of a given set of places.
///
/// `PlaceSetSearch` chooses the places and knows radios and time; a `ServingStep` knows distances, weights and outages and
/// says what a token's error is, given which experts are executed where. It sees places as bits of a mask (bit 0: the
/// gateway). The two bounds may be as loose as 0; the looser, the longer the search.
protocol ServingStep {
  /// Takes in a problem. Allocates only beyond what it ever needed.
  /// - Parameter isRoomy: every place has time for all the experts that a token could want.
  mutating func read(_ problem: FadingProblem, _ rules: FadingRules, isRoomy: Bool)
  /// Lower bounds of `computing + λ·error` and of the error over all decisions that use no place outside `places`.
  func floor(within places: UInt64) -> (cost: Double, error: Double)
  /// Looks for decisions within `places` that are better than the incumbent and keeps the best of them.
  /// - Parameters:
  ///   - room: `[place]`: the most distinct experts that may be executed there.
  ///   - base: joules that are spent whatever is decided: radios and wake-up.
  mutating func serve(
    within places: UInt64, room: UnsafePointer<Int>, base: Double, _ incumbent: inout FadingIncumbent)
  /// Writes the incumbent's choices. - Precondition: `choices` has an element for every routed expert.
  func write(into choices: inout [TokenChoice])
  func deallocate()
}
