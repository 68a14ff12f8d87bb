// The scheduler's energy books on the rail meter: the time is cut into intervals at every request's beginning and end and
// at the end of the first step after a second; each interval's joules are shared out, and what the rails said is kept.

import EnergyLedger
import EnergyMeter
import SiftCore
import Synchronization

/// The books of a gateway.
package final class MeterWindows: EnergyWindows {
  /// A request's own window: it knows coverage and uncertainty; whose the joules were is in the books.
  private struct Request {
    var window: WindowToken
    var work = StepWork()
  }
  private struct State {
    var books = AttributionBooks()
    var requests: [UInt64: Request] = [:]
    var next: UInt64 = 1
    var interval: WindowToken?
    var began = Duration.zero
    var beganWall = 0.0
    var work = StepWork()
    var minutes = RailMinutes()
    /// What others' work had come to at the interval's beginning.
    var others = 0.0
  }

  /// How long an interval lasts at least, while the same requests run.
  package static let interval = Duration.seconds(1)

  private let meter: RailMeter
  private let now: @Sendable () -> Duration
  private let wall: @Sendable () -> Double
  private let others: @Sendable () -> Double
  private let keep: @Sendable ([WindowEntry]) -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - now: a time that only grows.
  ///   - wall: seconds since 1970.
  ///   - others: core seconds so far of work for other nodes' requests.
  ///   - keep: gets a minute of each rail; must not wait.
  package init(
    _ meter: RailMeter, now: @escaping @Sendable () -> Duration, wall: @escaping @Sendable () -> Double,
    others: @escaping @Sendable () -> Double = { 0 }, keep: @escaping @Sendable ([WindowEntry]) -> Void = { _ in }
  ) {
    self.meter = meter
    self.now = now
    self.wall = wall
    self.others = others
    self.keep = keep
  }

  package func open() -> UInt64 {
    state.withLock { state in
      settle(&state)
      let number = state.next
      state.next += 1
      state.books.open(number)
      state.requests[number] = Request(window: meter.open())
      return number
    }
  }

  package func work(_ window: UInt64, _ work: StepWork) {
    state.withLock { state in
      state.books.work(window, seconds: work.coreSeconds, radio: work.radioJoules)
      state.requests[window]?.work += work
      state.work += work
    }
  }

  package func endOfStep() {
    state.withLock { state in
      if now() - state.began >= Self.interval { settle(&state) }
    }
  }

  package func close(_ window: UInt64) -> RequestEnergy {
    state.withLock { state in
      settle(&state)
      let share = state.books.close(window)
      guard let request = state.requests.removeValue(forKey: window) else { return RequestEnergy() }
      return RequestEnergy(share, meter.close(request.window, activity: Activity(request.work)))
    }
  }

  /// Keeps the books of a node at rest; while requests run only the end of a step may cut the time, for the work of a
  /// step is known when it is over.
  package func tick() {
    state.withLock { state in
      if state.books.isEmpty, now() - state.began >= Self.interval { settle(&state) }
    }
  }

  /// Gives away what has not filled a minute. For the end.
  package func finish() {
    let rest = state.withLock { state in
      if state.books.isEmpty { settle(&state) }
      return state.minutes.finish()
    }
    if !rest.isEmpty { keep(rest) }
  }

  private func settle(_ state: inout State) {
    // No time has passed since the last cut: there is nothing to share out, and a rail says nothing of a moment.
    if state.interval != nil && now() <= state.began { return }
    let end = wall()
    let others = others()
    state.books.workOfOthers(seconds: others - state.others)
    state.others = others
    if let interval = state.interval {
      let reading = meter.close(interval, activity: Activity(state.work))
      let splits = state.books.settle(Self.rails(reading, state.work))
      let full = state.minutes.add(splits, start: state.beganWall, end: end)
      if !full.isEmpty { keep(full) }
    }
    state.work = StepWork()
    state.interval = meter.open()
    (state.began, state.beganWall) = (now(), end)
  }

  /// What the rails of the total brought. Where none says anything the power model stands in for one; its radio part goes
  /// by the model's own figures.
  private static func rails(_ reading: EnergyReading, _ work: StepWork) -> [RailInterval] {
    let idle = reading.dynamic.map { reading.energy.joules - $0.joules }
    if !reading.parts.isEmpty { return reading.parts }
    guard reading.rails.isEmpty else {
      return [
        RailInterval(
          id: reading.rails.joined(separator: " + "), joules: reading.energy.joules, idle: idle,
          coverage: reading.coverage, standing: reading.standing)
      ]
    }
    return [
      RailInterval(id: "model", joules: reading.energy.joules, idle: idle, standing: .modelled),
      RailInterval(
        id: "model:radio", parent: "model", role: .radio, joules: work.radioJoules, idle: 0, standing: .modelled),
    ]
  }
}

extension Activity {
  fileprivate init(_ work: StepWork) {
    self.init(
      busyCoreSeconds: work.coreSeconds, visits: work.visits, bytes: work.bytes, radio: .joules(work.radioJoules))
  }
}

extension RequestEnergy {
  /// - Parameter window: the request's own; its uncertainty is taken in proportion.
  fileprivate init(_ share: RequestShare, _ window: EnergyReading) {
    let proportion = window.energy.joules > 0 ? share.total / window.energy.joules : 0
    self.init(
      total: share.total, dynamic: share.isIdleKnown ? share.dynamic : nil,
      uncertainty: window.uncertainty.map { $0.joules * proportion }, standing: share.standing ?? .modelled)
    radio = share.radio
    radioStanding = share.radioStanding ?? .modelled
    compute = share.compute
    rails = share.rails
    coverage = window.coverage
    isLowConfidence = window.isLowConfidence
  }
}
