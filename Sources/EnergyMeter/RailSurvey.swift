// A short, fast look at the rails: how often does each one really bring a new value, and what power does a counter show?

import HostIO
import SiftCore

/// Measures what drivers only declare. `update_interval` of one chip family leaves a factor out in some kernels, so the
/// time between changes is what counts.
public struct RailSurvey {
  private let devices: RailDevices
  private let timeline: Timeline

  public init(root: SysfsRoot, clock: some Clock<Duration>) {
    self.init(MeterSources(sysfs: root), clock: clock)
  }

  public init(_ sources: MeterSources, clock: some Clock<Duration>) {
    self.init(RailDevices(sources), timeline: Timeline(clock))
  }

  init(_ devices: RailDevices, timeline: Timeline) {
    self.devices = devices
    self.timeline = timeline
  }

  /// Polls the usable rails of `catalog` every `step` for `length` and returns the catalog with what was seen.
  public func run(
    _ catalog: RailCatalog, for length: Duration = .milliseconds(500), every step: Duration = .milliseconds(1)
  ) async throws -> RailCatalog {
    var watches = catalog.rails.map { rail in rail.isUsable ? RailWatch(rail, on: devices) : nil }
    let end = timeline.now + length
    while timeline.now < end {
      for at in watches.indices { watches[at]?.look(at: timeline.now) }
      try await timeline.sleep(until: timeline.now + step)
    }
    var surveyed = catalog
    for (at, watch) in watches.enumerated() {
      guard let watch else { continue }
      if let refresh = watch.refresh { surveyed.rails[at].refresh = refresh }
      if let power = watch.counterPower { surveyed.rails[at].power = power }
    }
    return surveyed
  }
}

/// The changes of one rail's value.
struct RailWatch {
  private let open: OpenRail
  private var last: RailValue?
  private var firstCount: (microjoules: Int64, at: Duration)?
  private var lastCount: (microjoules: Int64, at: Duration)?
  private var lastChange: Duration?
  private var intervals: [Duration] = []

  init?(_ rail: Rail, on devices: RailDevices) {
    guard let open = try? OpenRail(rail, on: devices) else { return nil }
    self.open = open
  }

  mutating func look(at instant: Duration) {
    guard let value = try? open.read(), value != .nothingNew else { return }
    note(value, at: instant)
  }

  mutating func note(_ value: RailValue, at instant: Duration) {
    if let last, last != value {
      if let lastChange { intervals.append(instant - lastChange) }
      lastChange = instant
    }
    last = value
    guard case .microjoules(let count) = value else { return }
    if firstCount == nil || count < (lastCount?.microjoules ?? count) { firstCount = (count, instant) }
    lastCount = (count, instant)
  }

  /// The median time between changes; nil with fewer than five: a quiet rail tells nothing of its refresh.
  var refresh: Duration? { intervals.count < 5 ? nil : intervals.sorted()[intervals.count / 2] }

  /// The mean power of a counter over the look; nil when nothing grew.
  var counterPower: Power? {
    guard let firstCount, let lastCount, lastCount.at > firstCount.at else { return nil }
    return Energy.microjoules(lastCount.microjoules - firstCount.microjoules) / (lastCount.at - firstCount.at)
  }
}
