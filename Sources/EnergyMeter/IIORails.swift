// Rails of the industrial input/output class: power channels of INA2xx, PAC193x and of the INA3221 of older Jetson systems.
// ABI: Documentation/ABI/testing/sysfs-bus-iio: (raw + offset) × scale, or input, is a power in mW.

import HostIO
import SiftCore

/// Finds the rails under `bus/iio/devices`.
struct IIORails {
  let root: SysfsRoot
  private let base = "bus/iio/devices"

  init(root: SysfsRoot) { self.root = root }

  func discover() -> [Rail] {
    root.list(base).filter { $0.hasPrefix("iio:device") }.flatMap(rails)
  }

  private func rails(of device: String) -> [Rail] {
    let folder = "\(base)/\(device)"
    let files = Set(root.list(folder))
    let name = root.optional("\(folder)/name") ?? "unnamed"
    let place = place(of: folder).map { "\(name)@\($0)" } ?? name
    return channels(files).compactMap { channel in
      guard let probe = probe(folder, channel, files) else { return nil }
      let label = label(folder, channel, files)
      return Rail(
        id: "iio:\(place):\(label ?? "power\(channel)")", source: .iio, name: name, label: label, kind: .part,
        standing: .measured, problem: label == "NC" ? .notConnected : nil, probe: probe)
    }
  }

  /// The numbers of the power channels; -1 for the one without a number (`in_power_raw`).
  private func channels(_ files: Set<String>) -> [Int] {
    var found = Set<Int>()
    for file in files where file.hasPrefix("in_power") && (file.hasSuffix("_raw") || file.hasSuffix("_input")) {
      let rest = file.dropFirst("in_power".count).prefix { $0 != "_" }
      if let number = rest.isEmpty ? -1 : Int(rest) { found.insert(number) }
    }
    return found.sorted()
  }

  private func probe(_ folder: String, _ channel: Int, _ files: Set<String>) -> RailProbe? {
    let stem = "in_power\(channel < 0 ? "" : String(channel))"
    if files.contains("\(stem)_input") { return .power(path: "\(folder)/\(stem)_input", wattsPerUnit: 1e-3) }
    // A scale may stand for one channel or for all of a kind; without one the figure means nothing.
    let scale = ["\(stem)_scale", "in_power_scale"].first(where: files.contains)
    guard files.contains("\(stem)_raw"), let scale, let milliwatts = decimal("\(folder)/\(scale)"), milliwatts > 0
    else { return nil }
    let offset = ["\(stem)_offset", "in_power_offset"].first(where: files.contains).map { decimal("\(folder)/\($0)") }
    // An offset that is there and cannot be read would make every figure wrong.
    guard let units = offset ?? 0 else { return nil }
    return .power(path: "\(folder)/\(stem)_raw", wattsPerUnit: milliwatts * 1e-3, unitsAdded: units)
  }

  private func decimal(_ path: String) -> Double? {
    root.optional(path).flatMap(Double.init).flatMap { $0.isFinite ? $0 : nil }
  }

  private func label(_ folder: String, _ channel: Int, _ files: Set<String>) -> String? {
    // `rail_name_N` is the older Jetson driver's.
    let candidates = ["rail_name_\(channel)", "in_power\(channel)_label", "in_voltage\(channel)_label"]
    for file in candidates where files.contains(file) {
      if let text = root.optional("\(folder)/\(file)"), !text.isEmpty { return text }
    }
    return nil
  }

  /// The bus address behind the device: `1-0040`; nil when the tree does not tell.
  private func place(of folder: String) -> String? {
    let parts = (root.resolve(folder) ?? "").split(separator: "/")
    guard parts.count > 1, let place = parts.dropLast().last, place != "devices" else { return nil }
    return String(place)
  }
}
