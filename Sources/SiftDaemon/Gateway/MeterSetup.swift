// The energy meter by the configuration: its rails, rules, outside meters and model.

import EnergyMeter
import HostIO
import SiftCore

extension MeterConfiguration {
  /// The meter that `configuration` asks for; its syntax has been checked.
  public init(_ configuration: Configuration) {
    var model = PowerModel.raspberryPi5
    let declared = (configuration[Keys.energy.idleWatts], configuration[Keys.energy.coreWatts])
    if declared != (model.idleWatts, model.wattsPerBusyCore) {
      (model.idleWatts, model.wattsPerBusyCore) = declared
      model.source = "siftd.toml [energy]"
    }
    let rails = configuration[Keys.energy.rails]
    self.init(
      interval: .seconds(configuration[Keys.energy.sampleMilliseconds] / 1000), rules: RailRules(configuration),
      totals: rails.isEmpty ? nil : rails, model: model)
  }
}

extension RailRules {
  fileprivate init(_ configuration: Configuration) {
    self.init(
      pairs: configuration[Keys.energy.pairs].compactMap(Pair.init),
      scales: Self.table(configuration[Keys.energy.scale], RailRules.positive),
      limits: Self.table(configuration[Keys.energy.limitWatts], RailRules.positive),
      parents: Self.table(configuration[Keys.energy.parents]) { $0 },
      kinds: Self.table(configuration[Keys.energy.kinds], RailKind.init(rawValue:)))
  }

  private static func table<Value>(_ lines: [String], _ value: (String) -> Value?) -> [String: Value] {
    Dictionary(
      lines.compactMap { line in
        RailRules.split(line).flatMap { rail, text in value(text).map { (rail, $0) } }
      }
    ) { _, last in last }
  }
}

extension Configuration {
  /// Meters of the user's own.
  public var externalMeters: [ExternalMeter] { self[Keys.energy.meters].compactMap { ExternalMeter($0) } }
}

/// Checks of the values of [energy] that are tables in lines.
enum RailLines {
  static func arePairs(_ lines: [String]) -> Bool { lines.allSatisfy { RailRules.Pair($0) != nil } }
  static func areMeters(_ lines: [String]) -> Bool {
    let meters = lines.compactMap { ExternalMeter($0) }
    return meters.count == lines.count && Set(meters.map(\.name)).count == lines.count
  }
  static func arePositive(_ lines: [String]) -> Bool {
    lines.allSatisfy { RailRules.split($0).flatMap { RailRules.positive($0.value) } != nil }
  }
  static func areParents(_ lines: [String]) -> Bool {
    lines.allSatisfy { line in RailRules.split(line).map { $0.rail != $0.value } ?? false }
  }
  static func areKinds(_ lines: [String]) -> Bool {
    lines.allSatisfy { RailRules.split($0).flatMap { RailKind(rawValue: $0.value) } != nil }
  }
}

/// Builds the meter and refuses rules that do not fit the machine.
package enum MeterSetup {
  package static func make(_ configuration: Configuration, sysfs: SysfsRoot, clock: some Clock<Duration>)
    throws(DaemonFailure) -> RailMeter
  {
    var settings = MeterConfiguration(configuration)
    // Half a second, while nothing is served yet, to see how often each rail really brings something new.
    settings.survey = .milliseconds(500)
    var sources = MeterSources.system(external: configuration.externalMeters)
    if sysfs.path != SysfsRoot.system.path {
      sources = MeterSources(sysfs: sysfs, external: configuration.externalMeters)
    }
    let meter = RailMeter(sources: sources, clock: clock, configuration: settings)
    // The key of a rule is named like the rule, but for the plural of a list.
    let keys = ["rails": "rails", "scale": "scale", "limit": "limit-watts", "parent": "parents", "kind": "kinds"]
    if let problem = meter.catalog.problems(settings.rules, totals: settings.totals).first {
      throw DaemonFailure(.configuration, "energy.\(keys[problem.rule] ?? problem.rule): \(problem.message)")
    }
    return meter
  }
}
