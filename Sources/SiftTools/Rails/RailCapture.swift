// siftctl rails capture: the attributes of a machine's rails as an archive that somebody else can look at.

import HostIO
import SiftCore

/// Collects attribute files, and nothing that names the machine or its owner: only attributes whose meaning is known to be
/// harmless are taken, never serial numbers, models or unique ids.
public struct RailCapture {
  private let root: SysfsRoot
  /// The root with its own links followed.
  private let base: String
  private var archive = TarArchive()
  private var files = 0
  /// Attributes that could not be taken, with the reason.
  public private(set) var refused: [String] = []

  /// What was collected.
  public struct Outcome: Sendable {
    public var bytes: [UInt8]
    public var files: Int
    public var refused: [String]
  }

  private init(_ root: SysfsRoot) {
    self.root = root
    base = root.resolve("") ?? root.path
  }

  /// Everything that `siftctl rails --sysfs` needs of `root`.
  public static func take(_ root: SysfsRoot) -> Outcome {
    var capture = RailCapture(root)
    for folder in ["class/hwmon", "bus/iio/devices", "class/powercap", "class/power_supply"] {
      for device in root.list(folder) { capture.device("\(folder)/\(device)") }
    }
    return Outcome(bytes: capture.archive.finished(), files: capture.files, refused: capture.refused)
  }

  /// A device stands under its class as a link to where it really is; both are kept, because the way there names it.
  private mutating func device(_ path: String) {
    // Mice and headsets: no rail of the machine, and their names hold radio addresses.
    if root.optional("\(path)/scope") == "Device" { return }
    var place = path
    if let target = root.linkTarget(path) {
      archive.add(link: path, target: target)
      guard let real = root.resolve(path), real.hasPrefix(base + "/") else { return }
      place = String(real.dropFirst(base.count + 1))
    }
    attributes(of: place)
    if let target = root.linkTarget("\(place)/device") {
      archive.add(link: "\(place)/device", target: target)
    } else {
      // Old drivers put the attributes into device/.
      attributes(of: "\(place)/device")
    }
  }

  private mutating func attributes(of folder: String) {
    for name in root.list(folder) where Self.isWanted(name) {
      let path = "\(folder)/\(name)"
      do throws(SysfsError) {
        let text = try root.open(path).rawText()
        if archive.add(file: path, contents: text) { files += 1 }
      } catch {
        keepRefusal(path, error)
      }
    }
  }

  /// An attribute that may not be read is kept without its contents and without permissions, so that it looks the same
  /// to whoever unpacks the archive; others that cannot be read are named.
  private mutating func keepRefusal(_ path: String, _ error: SysfsError) {
    if case .missing = error { return }
    refused.append("\(error)")
    if case .unreadable(_, let code) = error, code == 13 || code == 1 { archive.add(file: path, contents: [], mode: 0) }
  }

  private static let whole: Set<String> = [
    "name", "label", "type", "status", "scope", "present", "online", "enabled", "samples", "update_interval",
    "shunt_resistor", "energy_uj", "max_energy_range_uj", "power_uw", "max_power_range_uw", "power_now", "power_avg",
    "energy_now", "energy_full", "voltage_now", "current_now", "current_avg", "charge_now", "charge_full",
    "sampling_frequency", "constraint_0_time_window_us",
  ]
  private static let channels = ["in", "curr", "power", "energy", "temp", "shunt"]
  private static let endings = [
    "_input", "_average", "_average_interval", "_label", "_enable", "_accuracy", "_resistor", "_crit", "_max",
  ]

  /// A channel's attribute by the kernel's pattern, or one of those known by name.
  static func isWanted(_ name: String) -> Bool {
    if whole.contains(name) || name.hasPrefix("rail_name_") { return true }
    let digits = name.drop { !$0.isNumber }.prefix { $0.isNumber }
    if let kind = channels.first(where: { name.hasPrefix($0) && name.dropFirst($0.count).hasPrefix(digits) }),
      !digits.isEmpty
    {
      return endings.contains(String(name.dropFirst(kind.count + digits.count)))
    }
    return ["in_power", "in_voltage", "in_current", "in_shunt", "in_oversampling"].contains { name.hasPrefix($0) }
  }
}
