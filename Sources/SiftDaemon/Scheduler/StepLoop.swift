// The scheduler's work, one step at a time, without its thread: admission, steps that all sequences share, ends.

import ExpertExec
import SiftCore
import SiftPolicy

/// Limits of the scheduler.
public struct SchedulerLimits: Sendable, Hashable {
  /// Sequences decoded at once.
  public var running: Int
  /// Sequences that may wait.
  public var waiting: Int
  /// Rows of a step.
  public var rows: Int

  public init(running: Int, waiting: Int, rows: Int) {
    self.running = running
    self.waiting = waiting
    self.rows = max(rows, running)
  }
}

/// What the scheduler counts over its life.
public struct SchedulerFigures: Sendable, Hashable {
  public var steps = 0
  /// Rows over all steps; rows ÷ steps tells how much requests share.
  public var rows = 0
  public var running = 0
  public var waiting = 0
  /// Core seconds spent in steps.
  public var coreSeconds = 0.0
  public init() {}
}

/// The state of the scheduler. One thread's; `Scheduler` gives it that thread.
package final class StepLoop {
  /// A request under way.
  private struct Group {
    let request: GenerationRequest
    let number: UInt64
    let emit: @Sendable (GenerationEvent) -> Void
    let arrived: ContinuousClock.Instant
    var summary = GenerationSummary(outcome: .completed)
    /// Sequences not opened yet: the next one's index.
    var nextToOpen = 0
    var open = 0
    var window: UInt64?
  }

  private let engine: any TokenEngine
  private let model: any ServedModel
  private let energy: any EnergyWindows
  private let now: () -> ContinuousClock.Instant
  /// Processor seconds of the process so far.
  private let processorSeconds: () -> Double
  private let finished: (GenerationRequest, GenerationSummary) -> Void
  private let limits: SchedulerLimits

  /// By arrival.
  private var groups: [Group] = []
  /// By admission, oldest first; `group` is the number of its group.
  private var runs: [(run: SequenceRun, group: UInt64)] = []
  /// `[sequence of the step]`: what each took part in. Kept for its storage.
  private var efforts: [SequenceEffort] = []
  private var counts = SchedulerFigures()

  package init(
    engine: any TokenEngine, model: any ServedModel, energy: any EnergyWindows, limits: SchedulerLimits,
    now: @escaping () -> ContinuousClock.Instant, processorSeconds: @escaping () -> Double,
    finished: @escaping (GenerationRequest, GenerationSummary) -> Void
  ) {
    self.engine = engine
    self.model = model
    self.energy = energy
    self.limits = limits
    self.now = now
    self.processorSeconds = processorSeconds
    self.finished = finished
  }

  package var isIdle: Bool { groups.isEmpty }

  /// Uses idle time for one piece of the engine's own work. - Returns: whether there was any.
  package func rest() -> Bool { isIdle && engine.rest() }

  package var figures: SchedulerFigures {
    var figures = counts
    figures.running = runs.count
    figures.waiting = groups.reduce(0) { $0 + $1.request.sequences - $1.nextToOpen }
    return figures
  }

  package func submit(_ request: GenerationRequest, number: UInt64, emit: @escaping @Sendable (GenerationEvent) -> Void)
  {
    groups.append(Group(request: request, number: number, emit: emit, arrived: now()))
  }

  /// Ends a request whose client went away and frees its sequences.
  package func cancel(_ number: UInt64) { abandon(number, outcome: .cancelled) }

  package func cancelAll() { for group in groups { cancel(group.number) } }

  /// Admits what fits and makes one step. Does nothing when idle.
  package func step() {
    admit()
    var granted = StepPlanner.rows(for: runs.map(\.run.plan), rows: limits.rows)
    if runs.contains(where: \.run.isScoring) {
      granted = StepPlanner.limitScored(granted, isScored: runs.map(\.run.isScoring), logitRows: limits.running)
    }
    let active = runs.indices.filter { granted[$0] > 0 }
    if !active.isEmpty { forward(active, granted) }
  }

  // MARK: Admission

  private func admit() {
    while runs.count < limits.running, let at = nextGroup() {
      guard openNext(of: at) else { return }
    }
  }

  /// The request whose turn it is: the one with the fewest sequences running, the oldest of several. A request with
  /// many prompts then cannot keep the others out.
  private func nextGroup() -> Int? {
    groups.indices.filter { groups[$0].nextToOpen < groups[$0].request.sequences }
      .min { (groups[$0].open, $0) < (groups[$1].open, $1) }
  }

  /// Opens the next sequence of a group. - Returns: false when the engine has no room until another sequence ends.
  private func openNext(of at: Int) -> Bool {
    let group = groups[at]
    let index = group.nextToOpen
    let prompt = group.request.prompts[index / group.request.answers]
    let capacity = min(model.context, prompt.count + group.request.maxTokens)
    do {
      let id = try engine.open(capacity: capacity, choice: group.request.sift)
      let run = SequenceRun(id: id, index: index, capacity: capacity, request: group.request, model: model)
      admitted(at, run)
      runs.append((run, group.number))
      return true
    } catch TokenEngineError.full(let why) {
      guard runs.isEmpty else { return false }
      abandon(group.number, outcome: .failed(why))
    } catch {
      abandon(group.number, outcome: .failed("\(error)"))
    }
    return true
  }

  private func admitted(_ at: Int, _ run: SequenceRun) {
    if groups[at].window == nil { groups[at].window = energy.open() }
    groups[at].nextToOpen += 1
    groups[at].open += 1
    // A prompt counts once however many answers it gets.
    if run.index % groups[at].request.answers == 0 { groups[at].summary.tokensIn += run.promptTokens }
  }

  // MARK: Steps

  private func forward(_ active: [Int], _ granted: [Int]) {
    let chunks = active.map { runs[$0].run.chunk(rows: granted[$0]) }
    let before = processorSeconds()
    do {
      try engine.forward(chunks)
    } catch {
      return isolate(active, granted, error)
    }
    account(active, granted, coreSeconds: max(0, processorSeconds() - before))
    settle(active, granted, chunks)
  }

  /// A step was refused: each sequence is tried alone, so that the one to blame disturbs nobody else.
  private func isolate(_ active: [Int], _ granted: [Int], _ error: any Error) {
    guard active.count > 1 else {
      return abandon(runs[active[0]].group, outcome: .failed("the engine refused a step: \(error)"))
    }
    let ids = active.map { (runs[$0].run.id, granted[$0]) }
    for (id, rows) in ids {
      guard let at = runs.firstIndex(where: { $0.run.id == id }) else { continue }
      var alone = [Int](repeating: 0, count: runs.count)
      alone[at] = rows
      forward([at], alone)
    }
  }

  private func account(_ active: [Int], _ granted: [Int], coreSeconds: Double) {
    let rows = active.reduce(0) { $0 + granted[$1] }
    counts.steps += 1
    counts.rows += rows
    counts.coreSeconds += coreSeconds
    share(active, granted, coreSeconds: coreSeconds)
    for index in active {
      guard let at = groups.firstIndex(where: { $0.number == runs[index].group }) else { continue }
      for trouble in engine.troubles where !groups[at].summary.troubles.contains(trouble) {
        groups[at].summary.troubles.append(trouble)
      }
    }
  }

  /// The processor time of a step goes to requests by the multiplications of their rows; what exchanges took is their
  /// own.
  private func share(_ active: [Int], _ granted: [Int], coreSeconds: Double) {
    efforts.removeAll(keepingCapacity: true)
    for index in active { efforts.append(engine.effort(of: runs[index].run.id, rows: granted[index])) }
    let operations = efforts.reduce(0) { $0 + $1.operations }
    for (effort, index) in zip(efforts, active) {
      guard let at = groups.firstIndex(where: { $0.number == runs[index].group }), let window = groups[at].window
      else { continue }
      let new = runs[index].run.news(effort)
      energy.work(
        window,
        StepWork(
          coreSeconds: operations > 0 ? coreSeconds * effort.operations / operations : 0, visits: new.visits,
          bytes: new.bytes, radioJoules: new.radioJoules))
    }
    energy.endOfStep()
  }

  private func settle(_ active: [Int], _ granted: [Int], _ chunks: [Chunk]) {
    var row = 0
    var ended: [SequenceID] = []
    for (index, chunk) in zip(active, chunks) {
      let first = row
      let progress: SequenceRun.Progress
      if runs[index].run.isScoring {
        progress = runs[index].run.score(rows: granted[index]) { engine.logits(row: first + $0) }
        row += granted[index]
      } else {
        let wants = chunk.wanted == .last
        progress = runs[index].run.advance(rows: granted[index], logits: wants ? engine.logits(row: row) : nil)
        if wants { row += 1 }
      }
      if report(progress, of: index) { ended.append(runs[index].run.id) }
    }
    for id in ended { end(id) }
  }

  /// Tells the client what a step brought. - Returns: true when the sequence ended.
  private func report(_ progress: SequenceRun.Progress, of index: Int) -> Bool {
    guard let at = groups.firstIndex(where: { $0.number == runs[index].group }) else { return false }
    let sequence = runs[index].run.index
    switch progress {
    case .reading: return false
    case .text(let text):
      token(at)
      groups[at].emit(.text(sequence: sequence, text: text))
      return false
    case .scored(let scores):
      groups[at].emit(.scored(sequence: sequence, scores: scores))
      groups[at].emit(.ended(sequence: sequence, reason: .length))
      return true
    case .ended(let text, let reason):
      token(at)
      if !text.isEmpty { groups[at].emit(.text(sequence: sequence, text: text)) }
      groups[at].emit(.ended(sequence: sequence, reason: reason))
      return true
    }
  }

  private func token(_ at: Int) {
    groups[at].summary.tokensOut += 1
    if groups[at].summary.firstToken == nil { groups[at].summary.firstToken = now() - groups[at].arrived }
  }

  // MARK: Ends

  private func end(_ id: SequenceID) {
    guard let place = runs.firstIndex(where: { $0.run.id == id }) else { return }
    let (_, number) = runs.remove(at: place)
    let tally = engine.close(id)
    guard let at = groups.firstIndex(where: { $0.number == number }) else { return }
    groups[at].summary.tally += tally
    groups[at].open -= 1
    if groups[at].open == 0 && groups[at].nextToOpen == groups[at].request.sequences { close(at) }
  }

  private func abandon(_ number: UInt64, outcome: GenerationOutcome) {
    guard let at = groups.firstIndex(where: { $0.number == number }) else { return }
    groups[at].summary.outcome = outcome
    for (run, group) in runs where group == number {
      groups[at].summary.tally += engine.close(run.id)
    }
    runs.removeAll { $0.group == number }
    close(at)
  }

  /// The books of a request are closed: energy, record, last event.
  private func close(_ at: Int) {
    var group = groups.remove(at: at)
    let tally = group.summary.tally
    if let window = group.window { group.summary.energy = energy.close(window) }
    // That a peer failed in a shared step is this request's trouble only if one of its own experts fell back; that one
    // was away, only if it would have been asked.
    let asksNobody = group.request.sift.policy == PolicyName.localOnly.rawValue
    group.summary.troubles.removeAll { $0.isGone ? asksNobody : tally.expertsLate == 0 }
    group.summary.latency = now() - group.arrived
    finished(group.request, group.summary)
    group.emit(.done(group.summary))
  }
}
