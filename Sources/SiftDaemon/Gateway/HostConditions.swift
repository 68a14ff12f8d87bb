// Heat, throttling and governors from sysfs, and the links' levels: what comparisons keep beside their joules.

import HostIO
import LinkMonitor

/// Reads the state of the machine (Documentation/ABI/testing/sysfs-class-thermal, admin-guide/pm/cpufreq).
package enum HostConditions {
  /// - Parameter links: the latest snapshot; nil on a node without peers.
  package static func read(_ sysfs: SysfsRoot, links: LinkSnapshot?) -> ConditionsReport {
    var report = ConditionsReport(
      temperature: temperature(sysfs), throttleEvents: throttleEvents(sysfs), cooling: cooling(sysfs),
      governors: governors(sysfs))
    for link in links?.links ?? [] {
      guard let peer = link.peerName else { continue }
      report.links[peer] = LinkLevels.words(link)
      if let signal = link.signal { report.signals[peer] = signal.value }
    }
    return report
  }

  private static func temperature(_ sysfs: SysfsRoot) -> Double? {
    let zones = sysfs.list("class/thermal").filter { $0.hasPrefix("thermal_zone") }
    // Millidegrees; a zone that is off or a driver that lies gives 0, negative or absurd figures.
    return zones.compactMap { try? sysfs.integer("class/thermal/\($0)/temp") }.map { Double($0) / 1000 }
      .filter { $0 > 0 && $0 < 150 }.max()
  }

  private static func cooling(_ sysfs: SysfsRoot) -> Int {
    sysfs.list("class/thermal").filter { $0.hasPrefix("cooling_device") }.count { device in
      let type = (sysfs.optional("class/thermal/\(device)/type") ?? "").lowercased()
      guard !type.contains("fan") else { return false }
      return ((try? sysfs.integer("class/thermal/\(device)/cur_state")) ?? 0) > 0
    }
  }

  private static func throttleEvents(_ sysfs: SysfsRoot) -> Int? {
    let counts = processors(sysfs).compactMap {
      try? sysfs.integer("devices/system/cpu/\($0)/thermal_throttle/core_throttle_count")
    }
    return counts.isEmpty ? nil : counts.reduce(0) { $0 + Int($1) }
  }

  private static func governors(_ sysfs: SysfsRoot) -> [String] {
    Set(processors(sysfs).compactMap { sysfs.optional("devices/system/cpu/\($0)/cpufreq/scaling_governor") }).sorted()
  }

  private static func processors(_ sysfs: SysfsRoot) -> [String] {
    sysfs.list("devices/system/cpu").filter {
      $0.hasPrefix("cpu") && $0.dropFirst(3).allSatisfy(\.isNumber) && $0 != "cpu"
    }
  }
}
