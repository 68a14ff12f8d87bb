// Rails of the power supply class: batteries. Chargers are left out: what a USB supply shows is what was negotiated, not
// what flows. ABI: Documentation/ABI/testing/sysfs-class-power: power_now µW, voltage_now µV, current_now µA.

import HostIO
import SiftCore

/// Finds the rails under `class/power_supply`.
struct PowerSupplyRails {
  let root: SysfsRoot
  private let base = "class/power_supply"

  init(root: SysfsRoot) { self.root = root }

  func discover() -> [Rail] { root.list(base).compactMap(rail) }

  private func rail(_ supply: String) -> Rail? {
    let folder = "\(base)/\(supply)"
    // A battery of scope Device is in a mouse or a pen.
    guard ["Battery", "UPS"].contains(root.optional("\(folder)/type") ?? ""),
      root.optional("\(folder)/scope") != "Device"
    else { return nil }
    let files = Set(root.list(folder))
    guard files.contains("status"), let flow = flow(folder, files) else { return nil }
    let isDirect = if case .power = flow { true } else { false }
    var rail = Rail(
      id: "power_supply:\(supply)", source: .powerSupply, name: supply, label: nil, kind: .total,
      standing: isDirect ? .measured : .derived, probe: .battery(status: "\(folder)/status", flow: flow))
    if root.optional("\(folder)/present") == "0" {
      (rail.problem, rail.detail) = (.notConnected, "\(root.absolute(folder))/present is 0")
    }
    return rail
  }

  private func flow(_ folder: String, _ files: Set<String>) -> RailProbe? {
    if files.contains("power_now") { return .power(path: "\(folder)/power_now", wattsPerUnit: 1e-6) }
    guard files.contains("voltage_now"),
      let current = ["current_now", "current_avg"].first(where: files.contains)
    else { return nil }
    return .product(
      volts: "\(folder)/voltage_now", voltsPerUnit: 1e-6, amperes: "\(folder)/\(current)", amperesPerUnit: 1e-6)
  }
}
