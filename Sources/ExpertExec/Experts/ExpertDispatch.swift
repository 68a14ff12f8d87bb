// Between router and experts: asks the selector, sends visits, executes what is local, waits for replies no longer than
// the plan allows, and falls back where a node was late or lost.

import CExpertKernels
import SiftCore

/// Carries out one layer's expert decisions after another. Part of a session, on its thread.
struct ExpertDispatch {
  /// Nodes beyond this number are a mistake of the selector, not a cluster.
  private static let nodeLimit: Int32 = 1024
  /// No plan waits longer, whatever it says.
  private static let patienceLimit = Duration.seconds(600)

  private let engine: Engine
  private let selector: (any ExpertSelecting)?
  let transport: (any ExpertTransport)?
  let hosted: HostedExperts
  private let maxRows: Int
  private var routed: RoutedTokens
  private var plan: LayerPlan
  private var fellBack: [Bool]
  private var stepRows: [SequenceID] = []
  private var nodes: [NodeVisit] = []

  init(
    engine: Engine, options: SessionOptions, selector: (any ExpertSelecting)?, transport: (any ExpertTransport)?
  ) throws(SessionError) {
    self.engine = engine
    self.selector = selector
    self.transport = transport
    hosted = try HostedExperts(engine: engine, hosted: options.hosted)
    maxRows = options.maxRows
    let perToken = engine.shape.perToken
    let capacity = selector == nil ? 1 : options.maxRows
    routed = RoutedTokens(perToken: perToken, capacity: capacity)
    plan = LayerPlan(perToken: perToken, capacity: capacity)
    fellBack = Array(repeating: false, count: capacity * perToken)
    stepRows.reserveCapacity(capacity)
  }

  /// Tells the selector whose rows the step has.
  mutating func beginStep(_ rows: Int, _ chunks: [Chunk]) {
    guard let selector else { return }
    stepRows.removeAll(keepingCapacity: true)
    for chunk in chunks { for _ in 0..<chunk.count { stepRows.append(chunk.sequence) } }
    for node in nodes { node.beginStep() }
    selector.beginStep(rows: stepRows)
  }

  /// Routed experts in, sums added to the stream.
  mutating func run(_ layer: Int, step: InferenceSession) {
    step.experts.work.reset()
    guard let selector else { return executeRouted(layer, step) }
    takeRouting(step)
    plan.reset(rows: step.layout.rows)
    selector.decide(layer: layer, routed: routed, plan: &plan)
    plan.reset(rows: step.layout.rows)
    for node in nodes { node.beginLayer() }
    for place in 0..<step.layout.rows * plan.perToken { assign(place, layer, step) }
    let isWaiting = send(layer, step)
    step.executeLocally(layer, isFresh: true, isFinal: !isWaiting)
    if isWaiting { receive(layer, step) }
    selector.settle(layer: layer, plan: plan, fellBack: fellBack)
    step.errorSamples?.offer(
      layer: layer, hidden: UnsafePointer(step.activations.hidden.base), routed: routed, plan: plan, fellBack: fellBack)
  }

  /// Top-K: every routed expert, here.
  private func executeRouted(_ layer: Int, _ step: InferenceSession) {
    let perToken = engine.shape.perToken
    for row in 0..<step.layout.rows {
      for place in row * perToken..<(row + 1) * perToken {
        step.experts.work.add(
          row: row, expert: step.activations.routedExperts[place], weight: step.activations.routedWeights[place])
      }
    }
    step.statistics.localExperts += step.experts.work.count
    step.executeLocally(layer, isFresh: true, isFinal: true)
  }

  private mutating func takeRouting(_ step: InferenceSession) {
    routed.reset(rows: step.layout.rows)
    for place in 0..<step.layout.rows * routed.perToken {
      routed.experts[place] = step.activations.routedExperts[place]
      routed.weights[place] = step.activations.routedWeights[place]
      fellBack[place] = false
    }
  }

  // MARK: Carrying out the plan

  /// Gives one choice to whoever executes it; what cannot be carried out falls back.
  private mutating func assign(_ place: Int, _ layer: Int, _ step: InferenceSession) {
    let choice = plan.choices[place]
    if choice.isSkip {
      step.statistics.skippedExperts += 1
      return
    }
    let row = place / plan.perToken
    let isReplacement = choice.target != routed.experts[place]
    if choice.weight.isFinite, choice.node == 0, hosted.contains(layer: layer, expert: choice.target) {
      step.experts.work.add(row: row, expert: choice.target, weight: choice.weight)
      step.statistics.localExperts += 1
    } else if choice.weight.isFinite, let node = node(choice, layer, step) {
      node.add(row: row, place: place, expert: choice.target, weight: choice.weight)
    } else {
      step.statistics.refusedChoices += 1
      fallBack(place, layer, step)
      return
    }
    if isReplacement { step.statistics.replacedExperts += 1 }
  }

  /// The visit that a remote choice belongs to; nil when the choice makes no sense.
  private mutating func node(_ choice: ExpertChoice, _ layer: Int, _ step: InferenceSession) -> NodeVisit? {
    guard transport != nil, choice.node > 0, choice.node <= Self.nodeLimit, choice.target >= 0,
      choice.target < engine.tables.layers[layer].expertCount
    else { return nil }
    while nodes.count < choice.node {
      let visit: NodeVisit
      do throws(SessionError) {
        visit = try NodeVisit(
          node: NodeIndex(nodes.count + 1), maxRows: maxRows, perToken: plan.perToken, width: engine.shape.width)
      } catch { return nil }
      nodes.append(visit)
    }
    step.statistics.admit(node: Int(choice.node))
    return nodes[Int(choice.node) - 1]
  }

  /// Uses the plan's fallback for one choice, with the weight that the plan has for it; the router's own where that is
  /// no number.
  private mutating func fallBack(_ place: Int, _ layer: Int, _ step: InferenceSession) {
    let target = plan.choices[place].fallbackTarget
    fellBack[place] = true
    step.statistics.fellBack += 1
    guard hosted.contains(layer: layer, expert: target) else {
      step.statistics.skippedExperts += 1
      return
    }
    let weight = plan.choices[place].fallbackWeight
    step.experts.work.add(
      row: place / plan.perToken, expert: target, weight: weight.isFinite ? weight : routed.weights[place])
    step.statistics.localExperts += 1
    if target != routed.experts[place] { step.statistics.replacedExperts += 1 }
  }

  /// Falls back for every pair of a visit that came to nothing.
  private mutating func fallBack(_ node: NodeVisit, _ layer: Int, _ step: InferenceSession) {
    for place in node.visitedPlaces {
      // It was counted as a replacement when it was assigned; what is done instead counts anew.
      if plan.choices[Int(place)].target != routed.experts[Int(place)] { step.statistics.replacedExperts -= 1 }
      fallBack(Int(place), layer, step)
    }
  }

  // MARK: Other nodes

  /// Sends every visit. - Returns: whether any is under way.
  private mutating func send(_ layer: Int, _ step: InferenceSession) -> Bool {
    guard let transport else { return false }
    let patience = min(max(plan.patience, .zero), Self.patienceLimit)
    var isWaiting = false
    for index in nodes.indices where nodes[index].pairCount > 0 {
      let node = nodes[index]
      let sending = node.send(
        by: transport, layer: layer, hidden: UnsafePointer(step.activations.hidden.base), patience: patience,
        clock: step.clock)
      guard case .underWay = sending else {
        if case .unreachable = sending { step.statistics.nodes[index].lose("out of reach") }
        fallBack(node, layer, step)
        continue
      }
      isWaiting = true
      step.statistics.nodes[index].visits += 1
      step.statistics.nodes[index].rows += node.rowCount
      step.statistics.nodes[index].experts += node.pairCount
    }
    if isWaiting { step.statistics.visitedLayers += 1 }
    return isWaiting
  }

  /// Collects what was sent, executes the fallbacks of what did not come, and completes the sums.
  private mutating func receive(_ layer: Int, _ step: InferenceSession) {
    guard let transport else { return }
    let start = step.clock.now
    step.experts.work.reset()
    for index in nodes.indices where nodes[index].isUnderWay {
      let outcome = nodes[index].receive(by: transport, into: step.activations.sums.base, kernels: engine.kernels)
      book(outcome, index, step)
      if case .done = outcome { continue }
      fallBack(nodes[index], layer, step)
    }
    step.statistics.waiting += step.clock.now - start
    if step.experts.work.count > 0 { step.executeLocally(layer, isFresh: false, isFinal: false) }
    step.settleSums(layer)
  }

  private func book(_ outcome: VisitOutcome, _ index: Int, _ step: InferenceSession) {
    switch outcome {
    case .done(let execution, let energy, let standing):
      step.statistics.remoteExperts += nodes[index].pairCount
      step.statistics.nodes[index].execution += execution
      step.statistics.nodes[index].joules += energy?.joules ?? 0
      if let standing {
        let weakest = max(step.statistics.nodes[index].standing ?? standing, standing)
        step.statistics.nodes[index].standing = weakest
      }
    case .late:
      step.statistics.nodes[index].late += 1
    case .lost(let reason):
      step.statistics.nodes[index].lose(reason)
    }
  }
}
