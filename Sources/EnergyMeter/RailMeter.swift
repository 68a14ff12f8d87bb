// The façade: a loop that samples the rails, and windows that any thread opens and closes without waiting for a sensor.

import HostIO
import SiftCore
import Synchronization

/// Measures the energy of windows on the rails of this machine, or models it where there are none.
public final class RailMeter: Sendable {
  /// What was found when the meter was made.
  public let catalog: RailCatalog
  public let configuration: MeterConfiguration
  private let timeline: Timeline
  /// The rails that are sampled, in the order of the total.
  private let rails: [Rail]
  /// Held only by `sample`, which is never run twice at once.
  private let sensors: Mutex<[OpenRail?]>
  private let state: Mutex<State>

  private struct State {
    var tracks: [RailTrack]
    var windows: [UInt64: EnergyWindow] = [:]
    var nextWindow: UInt64 = 0
    var idle = IdleLevel()
    var rounds: UInt64 = 0
    /// Energy of each rail since the start, in joules, gaps left out.
    var totals: [Double]
  }

  /// Discovers the rails and opens those of the total. Never fails: a machine without rails gets the power model.
  public init(sysfs: SysfsRoot = .system, clock: some Clock<Duration>, configuration: MeterConfiguration = .init()) {
    self.configuration = configuration
    var catalog = RailCatalog.discover(sysfs, plausibleWatts: configuration.plausibleWatts)
    if let wanted = configuration.totals { catalog.total = wanted.filter { catalog.rail($0)?.isUsable == true } }
    self.catalog = catalog
    self.timeline = Timeline(clock)
    let rails = catalog.total.compactMap { catalog.rail($0) }
    self.rails = rails
    self.sensors = Mutex(rails.map { try? OpenRail($0, root: sysfs) })
    let tracks = rails.map { rail in
      let range: Int64? = if case .counter(_, let range) = rail.probe { range } else { nil }
      return RailTrack(range: range, gap: configuration.gap, plausibleWatts: configuration.plausibleWatts)
    }
    self.state = Mutex(State(tracks: tracks, totals: Array(repeating: 0, count: rails.count)))
  }

  /// Samples at the configured interval until the task is cancelled; returns at once where there is nothing to sample.
  public func run() async throws {
    guard !rails.isEmpty else { return }
    var due = timeline.now
    while !Task.isCancelled {
      sample()
      // A round that took too long skips beats instead of hurrying after them.
      repeat { due += configuration.interval } while due <= timeline.now
      try await timeline.sleep(until: due)
    }
  }

  /// One round over all rails.
  package func sample() {
    let readings = sensors.withLock { sensors in zip(sensors, rails).map { read($0, of: $1) } }
    state.withLock { state in
      state.rounds += 1
      var known: [Segment] = []
      for (rail, reading) in readings.enumerated() {
        guard let reading else {
          state.tracks[rail].fail()
          continue
        }
        guard let segment = state.tracks[rail].record(reading.value, at: reading.at) else { continue }
        known.append(segment)
        state.totals[rail] += segment.joules(from: segment.start, to: segment.end)
        for id in state.windows.keys { state.windows[id]?.add(segment, rail: rail) }
      }
      if known.count == rails.count, let sum = Self.sum(known) { state.idle.record(sum) }
    }
  }

  /// A reading and the middle of the time that it took; nil when it failed, or when a battery feeds nobody.
  private func read(_ sensor: OpenRail?, of rail: Rail) -> (value: RailValue, at: Duration)? {
    let before = timeline.now
    guard let value = try? sensor?.read() else { return nil }
    let after = timeline.now
    if case .watts(let watts) = value, watts < 0, rail.source == .powerSupply { return nil }
    return (value, before + (after - before) / 2)
  }

  /// The rails' stretches of one round as one: their reads are milliseconds apart, which is nothing for an idle level.
  private static func sum(_ segments: [Segment]) -> Segment? {
    guard var sum = segments.first else { return nil }
    for segment in segments.dropFirst() {
      sum.startWatts += segment.startWatts
      sum.endWatts += segment.endWatts
    }
    return sum
  }

  /// Opens a window now. Any thread; does not wait.
  public func open() -> WindowToken {
    let now = timeline.now
    return state.withLock { state in
      state.nextWindow += 1
      state.windows[state.nextWindow] = EnergyWindow(start: now, rails: rails.count)
      return WindowToken(id: state.nextWindow)
    }
  }

  /// Closes a window now and says what it took. Any thread; does not wait for a sensor: the last sample is held to the
  /// end. Where no rail brought a figure the model answers, from `activity`.
  public func close(_ token: WindowToken, activity: Activity = Activity()) -> EnergyReading {
    let now = timeline.now
    let closed = state.withLock { state -> (window: EnergyWindow, idle: Power?, steps: [Double?])? in
      guard var window = state.windows.removeValue(forKey: token.id) else { return nil }
      for (rail, track) in state.tracks.enumerated() {
        window.hold(track.held, rail: rail, until: now, gap: configuration.gap)
      }
      return (window, state.idle.level, state.tracks.map(\.smallestStep))
    }
    guard let closed else { return modelled(activity, elapsed: .zero) }
    let elapsed = now - closed.window.start
    let covered = closed.window.shares.map(\.covered).min() ?? .zero
    guard covered > .zero, elapsed > .zero else { return modelled(activity, elapsed: elapsed) }
    return measured(closed.window, elapsed: elapsed, idle: closed.idle, steps: closed.steps)
  }

  private func modelled(_ activity: Activity, elapsed: Duration) -> EnergyReading {
    let model = configuration.model
    let dynamic = model.dynamicEnergy(of: activity)
    return EnergyReading(
      energy: dynamic + model.idleEnergy(over: elapsed), dynamic: dynamic, uncertainty: nil, standing: .modelled,
      coverage: 1, samples: 0, rails: [], model: model.source, elapsed: elapsed)
  }

  private func measured(
    _ window: EnergyWindow, elapsed: Duration, idle: Power?, steps: [Double?]
  ) -> EnergyReading {
    let joules = window.shares.reduce(0) { $0 + $1.joules }
    let covered = (window.shares.map(\.covered).min() ?? .zero).seconds
    return EnergyReading(
      energy: .joules(joules), dynamic: idle.map { .joules(joules - $0.watts * covered) },
      uncertainty: uncertainty(window, elapsed: elapsed, idle: idle, steps: steps),
      standing: rails.map(\.standing).max() ?? .modelled, coverage: min(1, covered / elapsed.seconds),
      samples: window.shares.map(\.samples).min() ?? 0, rails: rails.map(\.id), model: nil, elapsed: elapsed)
  }

  /// Root sum of squares over the rails; nil when the gain of one is not known.
  private func uncertainty(
    _ window: EnergyWindow, elapsed: Duration, idle: Power?, steps: [Double?]
  ) -> Energy? {
    var squares = 0.0
    for (at, rail) in rails.enumerated() {
      guard let gain = configuration.gainUncertainty[rail.source] else { return nil }
      let share = window.shares[at]
      let spread = max(0, share.mostWatts - share.leastWatts)
      let budget = UncertaintyBudget(
        joules: share.joules, seconds: elapsed.seconds, interval: configuration.interval.seconds,
        step: rail.resolution?.watts ?? steps[at] ?? 0, spread: spread.isFinite ? spread : 0,
        edge: spread.isFinite ? spread : 0, gain: gain)
      squares += budget.combined * budget.combined
    }
    return .joules(squares.squareRoot())
  }

  /// A view of the rails for status and metrics; does not wait.
  public var latest: MeterSnapshot {
    state.withLock { state in
      MeterSnapshot(
        rounds: state.rounds, idle: state.idle.level,
        rails: rails.indices.map { at in
          RailSnapshot(
            id: rails[at].id, standing: rails[at].standing,
            power: state.tracks[at].held.map { .watts($0.watts) }, energy: .joules(state.totals[at]),
            samples: state.tracks[at].samples, failures: state.tracks[at].failures)
        })
    }
  }
}

/// The meter at one moment.
public struct MeterSnapshot: Sendable, Hashable {
  /// Rounds of sampling so far.
  public var rounds: UInt64
  /// nil until known.
  public var idle: Power?
  /// The rails of the total.
  public var rails: [RailSnapshot]
}

/// One rail of a snapshot.
public struct RailSnapshot: Sendable, Hashable {
  public var id: String
  public var standing: Standing
  /// The last good power; nil in a gap.
  public var power: Power?
  /// Known energy since the meter started.
  public var energy: Energy
  public var samples: Int
  public var failures: Int
}
