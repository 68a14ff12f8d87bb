// Rails of the power capping class: RAPL and its kin, ARM SCMI (power only), DTPM (an estimate).
// ABI: Documentation/power/powercap/powercap.rst: energy_uj µJ up to max_energy_range_uj, power_uw µW.

import HostIO
import SiftCore

/// Finds the rails under `class/powercap`.
struct PowercapRails {
  let root: SysfsRoot
  private let base = "class/powercap"

  init(root: SysfsRoot) { self.root = root }

  func discover() -> [Rail] {
    let zones = root.list(base).filter { $0.contains(":") }
    let names = Dictionary(zones.map { ($0, zoneName($0)) }) { first, _ in first }
    var rails = zones.compactMap { rail($0, names: names) }
    adoptTwins(&rails)
    return rails
  }

  private func zoneName(_ zone: String) -> String { root.optional("\(base)/\(zone)/name") ?? zone }

  /// `intel-rapl:0:1` lies in `intel-rapl:0`.
  private func parentZone(_ zone: String) -> String? {
    guard let colon = zone.lastIndex(of: ":"), zone[..<colon].contains(":") else { return nil }
    return String(zone[..<colon])
  }

  /// `intel-rapl:package-0/core`: the control type and the names from the top down.
  private func id(_ zone: String, _ names: [String: String]) -> String {
    var path = names[zone] ?? zone
    var at = zone
    while let parent = parentZone(at) {
      path = "\(names[parent] ?? parent)/\(path)"
      at = parent
    }
    return "powercap:\(controlType(zone)):\(path)"
  }

  private func controlType(_ zone: String) -> String { String(zone.prefix { $0 != ":" }) }

  private func rail(_ zone: String, names: [String: String]) -> Rail? {
    let files = Set(root.list("\(base)/\(zone)"))
    let type = controlType(zone)
    guard let probe = probe("\(base)/\(zone)", files) else { return nil }
    // DTPM's power comes from the energy model of the scheduler.
    let isModel = type == "dtpm"
    // psys is the whole platform as Intel defines it; its packages lie inside it.
    let isPlatform = names[zone] == "psys"
    var rail = Rail(
      id: id(zone, names), source: .powercap, name: type, label: names[zone],
      kind: isModel ? .estimate : isPlatform ? .total : .part, standing: isModel ? .modelled : .measured, probe: probe)
    // The tree as the kernel gives it: no zone is ever added to one that contains it.
    if let parent = parentZone(zone), names[parent] != nil { rail.parent = id(parent, names) }
    if root.optional("\(base)/\(zone)/enabled") == "0", type == "dtpm" {
      (rail.problem, rail.detail) = (.disabled, "\(root.absolute("\(base)/\(zone)"))/enabled is 0")
    }
    // Running average power limit: a new count about each millisecond (Intel SDM volume 3, 16.10.3).
    if type.hasPrefix("intel-rapl") { rail.refresh = .milliseconds(1) }
    // SCMI firmware averages power over the window of its first constraint (drivers/powercap/arm_scmi_powercap.c).
    if type == "arm-scmi", let window = try? root.integer("\(base)/\(zone)/constraint_0_time_window_us"), window > 0 {
      rail.averaging = .microseconds(window)
    }
    return rail
  }

  /// Energy where the zone counts it, else power (arm-scmi has nothing but power_uw).
  private func probe(_ zone: String, _ files: Set<String>) -> RailProbe? {
    if files.contains("energy_uj") {
      let range = try? root.integer("\(zone)/max_energy_range_uj")
      return .counter(path: "\(zone)/energy_uj", range: range.flatMap { $0 > 0 ? $0 : nil })
    }
    return files.contains("power_uw") ? .power(path: "\(zone)/power_uw", wattsPerUnit: 1e-6) : nil
  }

  /// Hangs the same domain seen through a second door (intel-rapl-mmio) below the first, and packages below psys, so that
  /// neither is counted twice.
  private func adoptTwins(_ rails: inout [Rail]) {
    let platform = rails.first { $0.kind == .total }
    let direct = Dictionary(
      rails.filter { $0.name == "intel-rapl" && $0.parent == nil }.map { ($0.label ?? "", $0.id) }
    ) { first, _ in first }
    for at in rails.indices where rails[at].parent == nil && rails[at].kind != .estimate {
      if rails[at].name == "intel-rapl-mmio", let twin = direct[rails[at].label ?? ""] {
        rails[at].parent = twin
      } else if let platform, rails[at].id != platform.id, rails[at].name.hasPrefix("intel-rapl") {
        rails[at].parent = platform.id
      }
    }
  }
}
