// Rails of the hardware monitoring class: one a channel, by the best figure the chip gives of it.
// ABI: Documentation/ABI/testing/sysfs-class-hwmon: energyN_input µJ, powerN_input µW, inN_input mV, currN_input mA.

import HostIO
import SiftCore

/// Finds the rails under `class/hwmon`.
struct HwmonRails {
  let root: SysfsRoot
  var pairs: [RailRules.Pair] = []

  func discover() -> [Rail] {
    root.list("class/hwmon").filter { $0.hasPrefix("hwmon") }.flatMap { rails(of: "class/hwmon/\($0)") }
  }

  /// The rails of one chip. Old drivers put the attributes into `device/`.
  private func rails(of folder: String) -> [Rail] {
    for base in [folder, "\(folder)/device"] {
      let names = Set(root.list(base))
      guard names.contains(where: { $0.hasSuffix("_input") || $0.hasSuffix("_average") }) else { continue }
      let name = root.optional("\(base)/name") ?? root.optional("\(folder)/name") ?? "unnamed"
      let chip = HwmonChip(
        root: root, base: base, names: names, name: name, device: device(of: folder), rule: .of(name, pairs: pairs))
      return chip.rails()
    }
    return []
  }

  /// The device behind a hwmon folder: `1-0040` for an I²C chip. Empty when the tree does not say.
  private func device(of folder: String) -> String {
    if let name = root.linkName("\(folder)/device") { return name }
    let parts = (root.resolve(folder) ?? "").split(separator: "/")
    if let at = parts.lastIndex(of: "hwmon"), at > 0, parts[at - 1] != "class" { return String(parts[at - 1]) }
    let uevent = root.optional("\(folder)/device/uevent") ?? ""
    let node = uevent.split(separator: "\n").first { $0.hasPrefix("OF_FULLNAME=") }
    return node?.split(separator: "/").last.map(String.init) ?? ""
  }
}

/// One chip and its channels.
private struct HwmonChip {
  let root: SysfsRoot
  let base: String
  let names: Set<String>
  let name: String
  let device: String
  let rule: HwmonChipRule

  func rails() -> [Rail] {
    channels().compactMap { channel in
      if let energy = existing(["energy\(channel)_input"]) {
        return rail(channel, "energy", .counter(path: energy, range: nil), .measured)
      }
      if let power = existing(["power\(channel)_input", "power\(channel)_average"]) {
        return rail(channel, "power", .power(path: power, wattsPerUnit: 1e-6), .measured)
      }
      guard let probe = product(channel) else { return nil }
      return rail(channel, "curr", probe, .derived)
    }
  }

  /// Numbers of the channels that tell energy, power or current.
  private func channels() -> [Int] {
    var found = Set<Int>()
    for name in names {
      for prefix in ["energy", "power", "curr"] where name.hasPrefix(prefix) {
        let rest = name.dropFirst(prefix.count)
        guard rest.hasSuffix("_input") || rest.hasSuffix("_average"),
          let number = Int(rest.prefix { $0.isNumber })
        else { continue }
        if prefix == "curr" && rule.sumCurrents.contains(number) { continue }
        found.insert(number)
      }
    }
    return found.sorted()
  }

  private func existing(_ candidates: [String]) -> String? {
    candidates.first(where: names.contains).map { "\(base)/\($0)" }
  }

  /// Volt × ampere of a current channel: the voltage by the chip's rule, by the labels (PMBus: iout1 ↔ vout1), or of the
  /// same number.
  private func product(_ channel: Int) -> RailProbe? {
    guard names.contains("curr\(channel)_input"), let voltage = voltage(of: channel) else { return nil }
    return .product(
      volts: "\(base)/in\(voltage)_input", voltsPerUnit: 1e-3, amperes: "\(base)/curr\(channel)_input",
      amperesPerUnit: 1e-3)
  }

  private func voltage(of channel: Int) -> Int? {
    let usable = names.compactMap { name -> Int? in
      guard name.hasPrefix("in"), name.hasSuffix("_input"), let number = Int(name.dropFirst(2).dropLast(6)),
        !rule.notRailVoltages.contains(number)
      else { return nil }
      return number
    }
    if let ruled = rule.voltageOfCurrent[channel] { return usable.contains(ruled) ? ruled : nil }
    if let label = label(channel, "curr"), label.hasPrefix("i") {
      let wanted = "v" + label.dropFirst()
      if let match = usable.first(where: { root.optional("\(base)/in\($0)_label") == wanted }) { return match }
    }
    return usable.contains(channel) ? channel : nil
  }

  /// The label of a channel: its own kind's first, then those of the other kinds of the same number.
  private func label(_ channel: Int, _ kind: String) -> String? {
    for prefix in [kind, "power", "energy", "curr", "in"] where names.contains("\(prefix)\(channel)_label") {
      if prefix == "in" && rule.notRailVoltages.contains(channel) { continue }
      if let text = root.optional("\(base)/\(prefix)\(channel)_label"), !text.isEmpty { return text }
    }
    return nil
  }

  private func rail(_ channel: Int, _ kind: String, _ probe: RailProbe, _ standing: Standing) -> Rail {
    let label = label(channel, kind)
    let place = device.isEmpty ? name : "\(name)@\(device)"
    var rail = Rail(
      id: "hwmon:\(place):\(label ?? "\(kind)\(channel)")", source: .hwmon, name: name, label: label, kind: .part,
      standing: standing, resolution: resolution(channel, kind), refresh: declaredRefresh(), probe: probe)
    if let (problem, detail) = problem(channel, label) { (rail.problem, rail.detail) = (problem, detail) }
    if kind != "energy" { rail.averaging = averaging(channel) }
    if let bus = busVolts(channel), bus > 0 {
      if kind == "curr", let step = rule.busStep { rail.voltageStep = step / bus }
      // A rectangular distribution within what the data sheet allows.
      if let offset = rule.shuntOffset, let shunt = shunt(channel) {
        rail.offsetWatts = offset / 3.0.squareRoot() / shunt * bus
      }
    }
    return rail
  }

  /// What speaks against a channel before it is even read.
  private func problem(_ channel: Int, _ label: String?) -> (RailProblem, String)? {
    // What device trees call a channel that nothing hangs on.
    if let label, label == "NC" || label.hasPrefix("NC_") { return (.notConnected, "\(root.absolute(base)): \(label)") }
    // The switch of a product's voltage stands at the voltage's own number.
    let numbered = ["energy", "power", "curr"].map { "\($0)\(channel)_enable" }
    for file in numbered + ["in\(voltage(of: channel) ?? channel)_enable"] where names.contains(file) {
      if root.optional("\(base)/\(file)") == "0" { return (.disabled, "\(root.absolute(base))/\(file) is 0") }
    }
    // Below 100 µΩ no board has a shunt: the device tree gives milliohms where microohms are meant.
    if let shunt = shunt(channel), shunt < 100e-6 {
      return (.implausible, "\(root.absolute(base)): a shunt of \(Int((shunt * 1e6).rounded())) µΩ")
    }
    return nil
  }

  private func shunt(_ channel: Int) -> Double? {
    for file in ["shunt\(channel)_resistor", "shunt_resistor"] where names.contains(file) {
      if let microohms = try? root.integer("\(base)/\(file)"), microohms > 0 { return Double(microohms) * 1e-6 }
    }
    return nil
  }

  private func busVolts(_ channel: Int) -> Double? {
    guard let voltage = voltage(of: channel), let millivolts = try? root.integer("\(base)/in\(voltage)_input") else {
      return nil
    }
    return Double(millivolts) * 1e-3
  }

  private func resolution(_ channel: Int, _ kind: String) -> Power? {
    guard let step = rule.shuntStep, let shunt = shunt(channel) else { return nil }
    let amperes = step / shunt
    if kind == "power" { return rule.powerStepVolts.map { .watts($0 * amperes) } }
    return busVolts(channel).map { .watts(amperes * $0) }
  }

  /// What a chip says that it averages over: `powerN_average_interval`, or the cycle of a converter that starts anew as
  /// soon as it is done.
  private func averaging(_ channel: Int) -> Duration? {
    let file = "power\(channel)_average_interval"
    if !names.contains("power\(channel)_input"), names.contains(file),
      let interval = try? root.integer("\(base)/\(file)"),
      interval > 0
    {
      return .milliseconds(interval)
    }
    return rule.shuntStep == nil ? nil : declaredRefresh()
  }

  /// `update_interval` in ms where it can be believed. An ina3221 that averages reports it with or without the number of
  /// samples, by the age of its driver.
  private func declaredRefresh() -> Duration? {
    guard names.contains("update_interval"), let interval = try? root.integer("\(base)/update_interval"), interval > 0
    else { return nil }
    if name.hasPrefix("ina3221"), names.contains("samples"), (try? root.integer("\(base)/samples")) != 1 { return nil }
    return .milliseconds(interval)
  }
}
