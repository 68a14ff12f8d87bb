// Errors that add up, in both measures.

import SiftCore
import SiftPolicy
import Testing

@Suite struct ErrorMeasureTests {
  static let replacing: [Float] = [0, 0.5, 2, 0]
  static let skipping: [Float] = [1, .infinity]

  @Test func theLinearMeasureIsWeightTimesDistance() throws {
    let table = try #require(DistanceTable(experts: 2, replacing: Self.replacing, skipping: Self.skipping))
    let errors = LayerErrors(linear: table)
    #expect(errors.routed(1, weight: 0.25) == RoutedExpert(expert: 1, weight: 0.25))
    #expect(errors.error(0.25, 0, TokenChoice(target: 1, place: 0)) == 0.125)
    #expect(errors.error(0.25, 0, .skip) == 0.25 && errors.error(0.25, 1, .skip) == .infinity)
    #expect(errors.carried(0.25, 0, by: 1) == 0.25)
  }

  @Test func theMeanSquareIsSquaredWeightTimesSquaredDistanceTimesSensitivity() throws {
    let errors = try #require(
      LayerErrors(
        meanSquare: 2, replacing: Self.replacing, skipping: Self.skipping, factors: [1, 0.5, 0.25, 1], sensitivity: 3))
    #expect(errors.routed(1, weight: 0.5) == RoutedExpert(expert: 1, weight: 0.25))
    #expect(errors.error(0.5, 0, TokenChoice(target: 1, place: 0)) == 3 * 0.25 * 0.25)
    #expect(errors.error(0.5, 0, .skip) == 0.75 && errors.error(0.5, 1, .skip) == .infinity)
    #expect(errors.error(0, 1, .skip) == 0)
    #expect(errors.carried(0.5, 0, by: 1) == 0.25 && errors.carried(0.5, 0, by: 0) == 0.5)
  }

  @Test func aProblemAddsUpWhatTheMeasureSays() throws {
    let errors = try #require(
      LayerErrors(meanSquare: 2, replacing: Self.replacing, skipping: Self.skipping, sensitivity: 0.5))
    let weights = [0.6, 0.4]
    let choices = [TokenChoice.skip, TokenChoice(target: 0, place: 0)]
    let problem = TokenProblem(
      routed: (0..<2).map { errors.routed($0, weight: weights[$0]) }, distance: errors.matrix,
      places: [ExpertPlace(experts: [0])], errorBudget: 1)
    let sum = (0..<2).reduce(0) { $0 + errors.error(weights[$1], $1, choices[$1]) }
    #expect(abs(DecisionSums(problem, choices).error - sum) < 1e-15)
    #expect(abs(sum - 0.5 * (0.36 + 0.16 * 4)) < 1e-15)
  }

  @Test func whatIsImpossibleStaysSoInALayerThatDoesNotMatter() throws {
    let errors = try #require(
      LayerErrors(meanSquare: 2, replacing: Self.replacing, skipping: Self.skipping, sensitivity: 0))
    #expect(errors.matrix.skipping == [0, .infinity])
    let unknown = LayerErrors(unknown: 2, measure: .meanSquare)
    #expect(unknown.matrix.replacing == [0, .infinity, .infinity, 0])
  }

  @Test func malformedTablesAreRefused() {
    func isRefused(
      _ replacing: [Float] = Self.replacing, _ skipping: [Float] = Self.skipping, _ factors: [Float] = [],
      _ sensitivity: Double = 1
    ) -> Bool {
      LayerErrors(
        meanSquare: 2, replacing: replacing, skipping: skipping, factors: factors, sensitivity: sensitivity) == nil
    }
    #expect(!isRefused())
    #expect(
      isRefused([0, 1, 1]) && isRefused([0, .nan, 1, 0]) && isRefused([0, -1, 1, 0]) && isRefused([1, 1, 1, 0]))
    #expect(isRefused(Self.replacing, [1]) && isRefused(Self.replacing, [1, -.infinity]))
    #expect(isRefused(Self.replacing, Self.skipping, [1, 1]))
    #expect(isRefused(Self.replacing, Self.skipping, [1, .infinity, 1, 1]))
    for sensitivity in [-1, Double.nan, .infinity] {
      #expect(isRefused(Self.replacing, Self.skipping, [], sensitivity))
    }
  }
}
