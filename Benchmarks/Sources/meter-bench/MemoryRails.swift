// Rails of a board as files in memory.

import BenchSupport
import EnergyMeter
import Glibc
import HostIO
import SiftCore

/// An INA3221 with the rails of an Orin NX.
struct MemoryRails {
  private let folder: String

  init() throws {
    var template = Array("/dev/shm/meter-bench-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { fail("no folder in /dev/shm: \(String(cString: strerror(errno)))") }
    folder = String(cString: made)
    for part in ["class", "class/hwmon", "class/hwmon/hwmon0"] { mkdir("\(folder)/\(part)", 0o755) }
    var files = ["name": "ina3221", "samples": "1", "update_interval": "7"]
    for (at, label) in ["VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC"].enumerated() {
      files["in\(at + 1)_label"] = label
      files["in\(at + 1)_input"] = "5000"
      files["curr\(at + 1)_input"] = "\(1000 / (at + 1))"
      files["shunt\(at + 1)_resistor"] = "5000"
    }
    for (name, text) in files { try replaceFile("\(folder)/class/hwmon/hwmon0/\(name)", with: Array("\(text)\n".utf8)) }
  }

  func meter(interval: Duration) -> RailMeter {
    let meter = RailMeter(
      sysfs: SysfsRoot(path: folder), clock: ContinuousClock(),
      configuration: MeterConfiguration(interval: interval))
    guard meter.latest.rails.count + meter.latest.parts.count == 3 else { fail("expected three rails in \(folder)") }
    return meter
  }

  func remove() {
    for name in SysfsRoot(path: folder).list("class/hwmon/hwmon0") { unlink("\(folder)/class/hwmon/hwmon0/\(name)") }
    for part in ["class/hwmon/hwmon0", "class/hwmon", "class"] { rmdir("\(folder)/\(part)") }
    rmdir(folder)
  }
}
