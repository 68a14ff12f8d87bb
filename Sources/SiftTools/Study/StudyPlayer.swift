// Plays a policy against a simulated channel, token by token and layer by layer, and keeps its books.

import SiftPolicy
import SiftSimulation

/// What a run added up.
struct StudyBooks: Sendable, Hashable {
  var tokens = 0
  var radioJoules = 0.0
  var computeJoules = 0.0
  var visits = 0
  var layersWithVisit = 0
  /// Visits that came to nothing.
  var failed = 0
  /// Σ over tokens and layers of the mean-square error measure, fallbacks as they came.
  var squareSum = 0.0
  /// (token, layer) pairs.
  var decisions = 0

  /// Radio and computing together.
  var joulesPerToken: Double { (radioJoules + computeJoules) / Double(max(1, tokens)) }
  var squareMean: Double { squareSum / Double(max(1, decisions)) }
}

/// Decides, looks up how the visits went, and falls back where they failed.
final class StudyPlayer {
  var books = StudyBooks()
  private let decider: StudyDecider
  private let world: any ChannelWorld
  private let layers: [StudyLayer?]
  private let scenario: StudyScenario
  private var executed: [TokenChoice] = []

  init(_ decider: StudyDecider, world: any ChannelWorld, layers: [StudyLayer?], scenario: StudyScenario) {
    self.decider = decider
    self.world = world
    self.layers = layers
    self.scenario = scenario
  }

  /// Whether `layer` has experts to decide about.
  func decides(_ layer: Int) -> Bool { layers[layer] != nil }

  /// What the output of a choice of the layer played last is multiplied with. - Parameter weight: the router's.
  func carried(_ weight: Double, _ expert: Int, _ choice: TokenChoice) -> Double {
    decider.carried(weight, expert, choice)
  }

  /// One token in one layer. - Returns: what is executed for each routed expert in the end.
  func play(token: Int, layer: Int, routed: [RoutedExpert]) -> [TokenChoice] {
    guard let tables = layers[layer] else { return routed.map { _ in .skip } }
    decider.enter(tables, experts: scenario.experts, index: layer)
    for node in 0..<world.nodes {
      decider.see(
        node + 1, world.known(node: node, token: token, layer: layer, view: decider.policy.view),
        forecast: world.known(node: node, token: token, layer: layer, view: .forecast))
    }
    var choices = decider.decide(routed)
    visit(token, layer, &choices)
    book(choices, routed, tables)
    return choices
  }

  private func visit(_ token: Int, _ layer: Int, _ choices: inout [TokenChoice]) {
    var isVisited = false
    for node in 0..<world.nodes where choices.contains(where: { !$0.isSkip && $0.place == node + 1 }) {
      let truth = world.truth(node: node, token: token, layer: layer)
      isVisited = true
      books.visits += 1
      books.radioJoules += truth.energy
      if truth.arrives { continue }
      books.failed += 1
      for rank in choices.indices where !choices[rank].isSkip && choices[rank].place == node + 1 {
        choices[rank] = decider.fallback(rank)
      }
    }
    if isVisited { books.layersWithVisit += 1 }
  }

  private func book(_ choices: [TokenChoice], _ routed: [RoutedExpert], _ tables: StudyLayer) {
    executed.removeAll(keepingCapacity: true)
    for (rank, choice) in choices.enumerated() {
      let expert = routed[rank].expert
      let square = tables.squared.error(routed[rank].weight, expert, choice)
      if square.isFinite { books.squareSum += square }
      if !choice.isSkip && !executed.contains(choice) { executed.append(choice) }
    }
    books.decisions += 1
    books.computeJoules += Double(executed.count) * scenario.computeEnergy
  }
}
