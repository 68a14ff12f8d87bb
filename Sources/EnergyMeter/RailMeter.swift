// The façade: a loop that samples the rails, and windows that any thread opens and closes without waiting for a sensor.

import HostIO
import SiftCore
import Synchronization

/// Measures the energy of windows on the rails of this machine, or models it where there are none.
public final class RailMeter: Sendable {
  /// What was found when the meter was made.
  public let catalog: RailCatalog
  public let configuration: MeterConfiguration
  let timeline: Timeline
  let devices: RailDevices
  /// The rails that are sampled: those of the total, then their parts.
  let rails: [Rail]
  let totalCount: Int
  /// Of each rail; apart, because a round does not need the rest of a `Rail`, and copying it costs.
  private let isBattery: [Bool]
  /// A reading that takes longer says nothing.
  private let slowest: Duration
  private let suspended: @Sendable () -> Duration
  private let sensors: Mutex<Sensors>
  let state: Mutex<MeterState>
  private let pace: Mutex<SamplingPace>

  /// What a round needs. Held only by `sample`, which is never run twice at once.
  private struct Sensors {
    var open: [OpenRail?]
    /// Of the latest round.
    var readings: [MeterState.Reading]
    /// Readings of each that failed in a row.
    var silence: [Int]
    var slept: Duration
  }

  /// Discovers the rails under `sysfs` alone.
  public convenience init(
    sysfs: SysfsRoot = .system, clock: some Clock<Duration>, configuration: MeterConfiguration = .init()
  ) {
    self.init(sources: MeterSources(sysfs: sysfs), clock: clock, configuration: configuration)
  }

  /// Discovers the rails and opens those of the total. Never fails: a machine without rails gets the power model.
  public init(sources: MeterSources, clock: some Clock<Duration>, configuration: MeterConfiguration = .init()) {
    self.configuration = configuration
    let devices = RailDevices(sources)
    var catalog = RailCatalog.discover(
      devices, rules: configuration.rules, plausibleWatts: configuration.plausibleWatts)
    if let wanted = configuration.totals { catalog.total = wanted.filter { catalog.rail($0)?.isUsable == true } }
    self.catalog = catalog
    self.devices = devices
    self.timeline = Timeline(clock)
    let rails = Self.sampled(catalog)
    self.rails = rails
    self.totalCount = catalog.total.count
    self.isBattery = rails.map { $0.source == .powerSupply }
    self.slowest = configuration.interval.half
    self.suspended = sources.suspended
    self.sensors = Mutex(
      Sensors(
        open: rails.map { try? OpenRail($0, on: devices) },
        readings: Array(repeating: MeterState.Reading(value: nil, at: .zero), count: rails.count),
        silence: Array(repeating: 0, count: rails.count), slept: sources.suspended()))
    self.state = Mutex(
      MeterState(
        tracks: rails.map { Self.track($0, configuration) },
        steps: rails.map { ($0.resolution?.watts, $0.probe.unitWatts * $0.scale) },
        totalCount: catalog.total.count))
    self.pace = Mutex(SamplingPace(rails[..<catalog.total.count], configuration))
  }

  /// The rails of the total, then those that lie in them: parts show where the energy went. Each part names the nearest
  /// sampled rail around it as its parent.
  private static func sampled(_ catalog: RailCatalog) -> [Rail] {
    let usable = Set(catalog.rails.filter { $0.isUsable && $0.kind != .estimate }.map(\.id))
    let parts = catalog.rails.compactMap { rail -> Rail? in
      let around = catalog.ancestors(of: rail.id)
      guard usable.contains(rail.id), around.contains(where: catalog.total.contains) else { return nil }
      var part = rail
      part.parent = around.first(where: usable.contains)
      return part
    }
    return catalog.total.compactMap { catalog.rail($0) } + parts
  }

  private static func track(_ rail: Rail, _ configuration: MeterConfiguration) -> RailTrack {
    var range: Int64?
    if case .counter(_, let most?) = rail.probe { range = Int64((Double(most) * rail.scale).rounded()) }
    // A meter that speaks once a second is not silent in between.
    let gap = rail.source == .external ? max(configuration.gap, .seconds(5)) : configuration.gap
    return RailTrack(
      range: range, gap: max(gap, (rail.refresh ?? .zero) * 5 / 2), averaging: rail.averaging ?? .zero,
      plausibleWatts: rail.limitWatts ?? configuration.plausibleWatts)
  }

  // MARK: Sampling

  /// Samples until the task is cancelled; returns at once where there is nothing to sample.
  ///
  /// By the system's clock it does so on a thread of its own: there a beat costs one wake-up, where a task's sleep costs
  /// several.
  /// - Parameter generator: moves the beat of snapshots, so that it never keeps time with a periodic load.
  public func run(
    jitter generator: some RandomNumberGenerator & Sendable = SplitMix(seed: .random(in: .min ... .max))
  ) async throws {
    guard !rails.isEmpty else { return }
    if configuration.survey > .zero { try await survey() }
    var beats = SamplingBeats(pace.withLock { $0 }, generator, now: timeline.now)
    guard timeline.isSystem else {
      while !Task.isCancelled { try await timeline.sleep(until: round(&beats)) }
      return
    }
    let stop = StopSign()
    await withTaskCancellationHandler {
      await withCheckedContinuation { (ended: CheckedContinuation<Void, Never>) in
        let first = beats
        DedicatedThread.start { [self] in
          var beats = first
          while !stop.isSet {
            let next = round(&beats)
            while !stop.isSet, timeline.now < next { DedicatedThread.sleep(min(next - timeline.now, Self.nap)) }
          }
          ended.resume()
        }
      }
    } onCancel: {
      stop.set()
    }
    try Task.checkCancellation()
  }

  /// The longest sleep of the thread: how long a cancellation may take to be seen.
  private static let nap = Duration.milliseconds(200)

  /// One round of samples, and now and then a look at silent devices. - Returns: when the next is due.
  private func round(_ beats: inout SamplingBeats<some RandomNumberGenerator>) -> Duration {
    sample()
    if timeline.now - beats.looked >= Self.lookingAgain {
      beats.looked = timeline.now
      reopenSilent()
    }
    return beats.next(after: timeline.now)
  }

  /// Polls fast for a while and follows the averages that are found.
  private func survey() async throws {
    let found = try await RailSurvey(devices, timeline: timeline).run(catalog, for: configuration.survey)
    let rails = catalog.total.compactMap { found.rail($0) }
    pace.withLock { $0 = SamplingPace(rails[...], configuration) }
  }

  /// How often devices that fell silent are looked for again.
  private static let lookingAgain = Duration.seconds(10)
  /// Failed readings in a row that make a rail silent.
  private static let silentAfter = 10

  /// Looks for rails that have fallen silent under the ids they had: a driver that was bound anew has another number, and
  /// attributes that were open before are dead. Takes as long as a discovery.
  package func reopenSilent() {
    let silent = sensors.withLock { sensors in rails.indices.filter { sensors.silence[$0] >= Self.silentAfter } }
    guard silent.contains(where: { rails[$0].source != .powerSupply }) else { return }
    let found = RailCatalog.discover(
      devices, rules: configuration.rules, plausibleWatts: configuration.plausibleWatts)
    for at in silent {
      guard let rail = found.rail(rails[at].id), rail.isUsable, let open = try? OpenRail(rail, on: devices) else {
        continue
      }
      sensors.withLock { sensors in
        sensors.open[at] = open
        sensors.silence[at] = 0
      }
    }
  }

  /// The beat that `run` keeps.
  package var beat: SamplingPace { pace.withLock { $0 } }
  /// The time between two rounds that `run` keeps.
  public var interval: Duration { beat.interval }

  /// One round over all rails, as `run` makes it at its beat: for programs with a loop of their own. Does not allocate
  /// while every read succeeds.
  public func sample() {
    sensors.withLock { sensors in
      let slept = suspended()
      // The two clocks are not read at one instant, so a little difference is none.
      let hasSlept = slept - sensors.slept > .milliseconds(10)
      sensors.slept = slept
      var moment = timeline.now
      for rail in rails.indices {
        let reading = read(sensors.open[rail], isBattery: isBattery[rail], from: &moment)
        sensors.silence[rail] = reading.value == nil ? sensors.silence[rail] + 1 : 0
        sensors.readings[rail] = reading
      }
      state.withLock { state in
        if hasSlept { state.interrupt() }
        state.take(sensors.readings)
      }
    }
  }

  /// A reading and the middle of the time that it took; nil when it failed, when a battery feeds nobody, or when it took
  /// so long that nobody can say when the power was what it says.
  /// - Parameter moment: now, before and after: one rail's end is the next one's beginning.
  private func read(_ sensor: OpenRail?, isBattery: Bool, from moment: inout Duration) -> MeterState.Reading {
    let before = moment
    let value = sensor.flatMap { try? $0.read() }
    moment = timeline.now
    let middle = before + (moment - before).half
    guard case .watts(let watts)? = value else { return MeterState.Reading(value: value, at: middle) }
    let isUseless = watts < 0 && isBattery || moment - before > slowest
    return MeterState.Reading(value: isUseless ? nil : value, at: middle)
  }

  // MARK: Windows

  /// Opens a window now. Any thread; does not wait.
  /// - Parameter isActivity: false for a window that only keeps books of time passing: the machine is as quiet with it as
  ///   without it.
  public func open(isActivity: Bool = true) -> WindowToken {
    let now = timeline.now
    let padding = pace.withLock { $0.padding }
    return WindowToken(id: state.withLock { $0.open(at: now, padding: padding, isActivity: isActivity) })
  }

  /// Closes a window now and says what it took. Any thread; does not wait for a sensor: the last sample is held to the
  /// end. Where no rail brought a figure the model answers, from `activity`.
  public func close(_ token: WindowToken, activity: Activity = Activity()) -> EnergyReading {
    finish(token, activity: activity)
  }

  /// Ends a window now and says what it took once the samples that lie across its end are there, a few intervals later:
  /// nothing is held. Where the machine had nothing else to do just before and just after, that time is measured along
  /// and its idle energy subtracted, so that no edge of the window is smeared.
  public func settle(_ token: WindowToken, activity: Activity = Activity()) async -> EnergyReading {
    end(token)
    let pace = pace.withLock { $0 }
    try? await timeline.sleep(until: timeline.now + pace.settling)
    return finish(token, activity: activity)
  }

  /// Ends a window now; `finish` says what it took.
  package func end(_ token: WindowToken) {
    let now = timeline.now
    state.withLock { $0.end(token.id, at: now) }
  }

  /// What a window took, with the samples that are there.
  package func finish(_ token: WindowToken, activity: Activity = Activity()) -> EnergyReading {
    let now = timeline.now
    let pace = pace.withLock { $0 }
    return state.withLock { state in
      guard let window = state.remove(token.id, at: now) else {
        return WindowReport.modelled(configuration.model, activity, elapsed: .zero)
      }
      return WindowReport(
        window: window, rails: rails, totalCount: totalCount, state: state, configuration: configuration,
        pace: pace
      ).reading(activity)
    }
  }
}
