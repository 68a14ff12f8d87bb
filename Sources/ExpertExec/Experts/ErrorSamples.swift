// A sampled fraction of decisions, kept until there is time to execute what they left out (docs/theory, §9).

import SiftCore

/// One layer's decision for one token.
public struct ErrorSample: Sendable {
  public var layer = 0
  /// `[width]`: the normalised input of the layer.
  public var hidden: [Float]
  /// `[rank]`: the routed experts, their router weights, and what was done for each.
  public var experts: [Int32]
  public var weights: [Float]
  public var choices: [ExpertChoice]

  init(width: Int, perToken: Int) {
    hidden = Array(repeating: 0, count: width)
    experts = Array(repeating: 0, count: perToken)
    weights = Array(repeating: 0, count: perToken)
    choices = Array(
      repeating: ExpertChoice(target: ExpertChoice.skip, node: 0, weight: 0), count: perToken)
  }

  /// Whether something else was done for `rank` than to execute the routed expert.
  public func isChanged(_ rank: Int) -> Bool { choices[rank].target != experts[rank] }
}

/// Keeps every `period`-th (row, layer) in which an expert was replaced or skipped by choice, as many as there is room
/// for; what comes while it is full is not kept. Taking a sample copies one row and allocates nothing. One thread's.
public final class ErrorSamples {
  public let period: Int
  private var samples: [ErrorSample]
  public private(set) var count = 0
  /// (row, layer) pairs until the next one that is looked at.
  private var left: Int

  /// - Parameter period: prime, so that it visits all layers in turn; ≥ 1.
  public init(engine: Engine, capacity: Int = 16, period: Int = 499) {
    precondition(capacity >= 1 && period >= 1, "samples need room and a period, got \(capacity) and \(period)")
    self.period = period
    left = period
    samples = (0..<capacity).map { _ in
      ErrorSample(width: engine.shape.width, perToken: engine.shape.perToken)
    }
  }

  /// The oldest sample, which is removed; nil when there is none.
  public func take() -> ErrorSample? {
    guard count > 0 else { return nil }
    count -= 1
    let oldest = samples[0]
    samples.append(samples.removeFirst())
    return oldest
  }

  /// Looks at the rows of one layer. - Parameter hidden: `[row, width]`.
  func offer(
    layer: Int, hidden: UnsafePointer<Float>, routed: RoutedTokens, plan: LayerPlan, fellBack: [Bool]
  ) {
    left -= routed.rows
    guard left <= 0 else { return }
    let row = min(max(0, routed.rows - 1 + left), routed.rows - 1)
    left = period
    guard count < samples.count else { return }
    let first = row * routed.perToken
    var isChanged = false
    for place in first..<first + routed.perToken {
      // A fallback was no choice, and its error is booked as such.
      if fellBack[place] { return }
      if plan.choices[place].target != routed.experts[place] { isChanged = true }
    }
    if isChanged { keep(layer, hidden, row, routed, plan) }
  }

  private func keep(
    _ layer: Int, _ hidden: UnsafePointer<Float>, _ row: Int, _ routed: RoutedTokens, _ plan: LayerPlan
  ) {
    samples[count].layer = layer
    let width = samples[count].hidden.count
    for at in 0..<width { samples[count].hidden[at] = hidden[row * width + at] }
    for rank in 0..<routed.perToken {
      let place = row * routed.perToken + rank
      samples[count].experts[rank] = routed.experts[place]
      samples[count].weights[rank] = routed.weights[place]
      samples[count].choices[rank] = plan.choices[place]
    }
    count += 1
  }
}

extension InferenceSession {
  /// The squared norm of the error that a sampled decision made: what it replaced or skipped is executed after all, and
  /// what it took instead once more. Between steps only.
  ///
  /// - Parameter node: where an expert of the sample's layer that is not here can be executed; nil for nowhere.
  /// - Returns: nil when an expert could not be reached.
  public func measure(_ sample: ErrorSample, node: (Int32) -> Int32?) -> Double? {
    var pairs: [(expert: Int32, weight: Float)] = []
    for rank in sample.experts.indices where sample.isChanged(rank) {
      pairs.append((sample.experts[rank], sample.weights[rank]))
      if !sample.choices[rank].isSkip { pairs.append((sample.choices[rank].target, -sample.choices[rank].weight)) }
    }
    let width = engine.shape.width
    var total = [Double](repeating: 0, count: width)
    var remote: [Int32: [(expert: Int32, weight: Float)]] = [:]
    experts.work.reset()
    for pair in pairs {
      if dispatch.isHosted(layer: sample.layer, expert: pair.expert) {
        experts.work.add(row: 0, expert: pair.expert, weight: pair.weight)
      } else if let node = node(pair.expert) {
        remote[node, default: []].append(pair)
      } else {
        return nil
      }
    }
    sample.hidden.withUnsafeBufferPointer { hidden in
      total.withUnsafeMutableBufferPointer { sums in
        guard let input = hidden.baseAddress, let out = sums.baseAddress else { return }
        experts.execute(
          layer: sample.layer, hidden: input, rows: 1, sums: out, isFresh: true, residual: nil, team: team)
      }
    }
    for (node, pairs) in remote.sorted(by: { $0.key < $1.key }) {
      guard let sums = dispatch.visit(node, layer: sample.layer, hidden: sample.hidden, pairs, clock: clock) else {
        return nil
      }
      for at in 0..<width { total[at] += sums[at] }
    }
    return total.reduce(0) { $0 + $1 * $1 }
  }
}

extension ExpertDispatch {
  /// How long a node is waited for when nothing hangs on it.
  private static let leisure = Duration.milliseconds(200)

  func isHosted(layer: Int, expert: Int32) -> Bool { hosted.contains(layer: layer, expert: expert) }

  /// One row's visit outside of any step. - Returns: its sums; nil when the node was late, lost or answered nonsense.
  func visit(
    _ node: Int32, layer: Int, hidden: [Float], _ pairs: [(expert: Int32, weight: Float)], clock: ContinuousClock
  ) -> [Double]? {
    guard let transport else { return nil }
    let experts = pairs.map(\.expert)
    let weights = pairs.map(\.weight)
    let ticket = hidden.withUnsafeBufferPointer { hidden in
      experts.withUnsafeBufferPointer { experts in
        weights.withUnsafeBufferPointer { weights in
          [Int32(pairs.count)].withUnsafeBufferPointer { counts in
            hidden.baseAddress.flatMap {
              transport.send(
                ExpertVisit(
                  node: NodeIndex(Int(node)), layer: layer, width: hidden.count, rows: 1, hidden: $0, counts: counts,
                  experts: experts, weights: weights, patience: Self.leisure))
            }
          }
        }
      }
    }
    guard let ticket else { return nil }
    var sums = [Double](repeating: 0, count: hidden.count)
    let outcome = sums.withUnsafeMutableBufferPointer {
      transport.receive(ticket, until: clock.now + Self.leisure, sums: $0)
    }
    guard case .done = outcome, sums.allSatisfy({ abs($0) < NodeVisit.greatestSum }) else { return nil }
    return sums
  }
}
