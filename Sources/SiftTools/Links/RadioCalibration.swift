// Windows of a rail of this machine beside the counters of a radio, second by second.

import EnergyMeter
import HostIO
import LinkMonitor
import SiftCore

/// The work of `siftctl calibrate-radio` on a living machine.
public struct RadioCalibration: Sendable {
  public var interface: String
  /// Rails to add up; empty: the machine's sum.
  public var rails: [String]
  public var seconds: Int

  public init(interface: String, rails: [String], seconds: Int) {
    self.interface = interface
    self.rails = rails
    self.seconds = seconds
  }

  /// Takes windows of one second. - Parameter progress: told how many are done.
  /// - Throws: `ToolFailure` when there is no measured rail, or no station on the interface.
  public func run(progress: (Int) -> Void) async throws -> [RadioWindow] {
    let clock = ContinuousClock()
    let configuration = MeterConfiguration(totals: rails.isEmpty ? nil : rails)
    let meter = RailMeter(sysfs: .system, clock: clock, configuration: configuration)
    try check(meter)
    let watcher = LinkWatcher(clock: clock)
    let loop = Task { try await meter.run() }
    defer { loop.cancel() }
    watcher.poll()
    var before = counters(watcher.latest)
    guard !before.isEmpty else {
      throw ToolFailure(
        .failure, "--interface \(interface): no station there that nl80211 tells of; siftctl links lists them")
    }
    var windows: [RadioWindow] = []
    for second in 0..<seconds {
      let window = meter.open()
      try await clock.sleep(for: .seconds(1))
      let reading = meter.close(window)
      watcher.poll()
      let now = counters(watcher.latest)
      if reading.standing != .modelled, let use = Self.use(from: before, to: now) {
        windows.append(RadioWindow(reading, use))
      }
      before = now
      progress(second + 1)
    }
    return windows
  }

  private func check(_ meter: RailMeter) throws(ToolFailure) {
    for id in rails where !meter.catalog.total.contains(id) {
      throw ToolFailure(.usage, "--rail \(id): no such usable rail; siftctl rails lists them")
    }
    guard !meter.catalog.total.isEmpty else {
      throw ToolFailure(
        .failure,
        "no rail stands for this machine, so there is nothing to learn from: name one with --rail, or measure "
          + "elsewhere and give the windows with --from")
    }
  }

  /// Of the stations of the interface.
  private func counters(_ snapshot: LinkSnapshot) -> [MACAddress: LinkCounters] {
    var found: [MACAddress: LinkCounters] = [:]
    for link in snapshot.links where link.interface == interface {
      if let station = link.station, let counters = link.counters { found[station] = counters }
    }
    return found
  }

  /// - Returns: nil when a station came, left or began anew: its frames are not all counted.
  private static func use(from before: [MACAddress: LinkCounters], to now: [MACAddress: LinkCounters]) -> LinkUse? {
    guard Set(before.keys) == Set(now.keys) else { return nil }
    var sum = LinkUse()
    for (station, counters) in now {
      guard let then = before[station], let use = counters.since(then) else { return nil }
      sum = sum + use
    }
    return sum
  }
}

extension RadioWindow {
  init(_ reading: EnergyReading, _ use: LinkUse) {
    self.init(
      seconds: max(1e-9, reading.elapsed.seconds), joules: reading.energy.joules, sending: use.sending.seconds,
      receiving: use.receiving.seconds, frames: use.frames, bytes: use.bytes)
  }
}
