// siftctl rails: the table, and the archive that shows the same rails elsewhere.

import EnergyMeter
import Foundation
import HostIO
import SiftCore
import SiftTestKit
import SiftTools
import Testing

@Suite("Rails for people and archives")
struct RailCaptureTests {
  private let tree = [
    "class/hwmon/hwmon4": "-> ../../devices/platform/bus/i2c-1/1-0040/hwmon/hwmon4",
    "devices/platform/bus/i2c-1/1-0040/hwmon/hwmon4/device": "-> ../../../1-0040",
    "devices/platform/bus/i2c-1/1-0040/hwmon/hwmon4/name": "ina3221",
    "devices/platform/bus/i2c-1/1-0040/hwmon/hwmon4/in1_label": "VDD_IN",
    "devices/platform/bus/i2c-1/1-0040/hwmon/hwmon4/in1_input": "5000",
    "devices/platform/bus/i2c-1/1-0040/hwmon/hwmon4/curr1_input": "1008",
    "devices/platform/bus/i2c-1/1-0040/hwmon/hwmon4/shunt1_resistor": "5000",
    "devices/platform/bus/i2c-1/1-0040/hwmon/hwmon4/uevent": "OF_FULLNAME=/bus/ina3221@40",
    "class/power_supply/BAT0/type": "Battery", "class/power_supply/BAT0/status": "Discharging",
    "class/power_supply/BAT0/power_now": "4000000", "class/power_supply/BAT0/serial_number": "SECRET-1",
    "class/power_supply/BAT0/model_name": "SECRET-2", "class/power_supply/BAT0/uevent": "SERIAL=SECRET-3",
    "class/power_supply/hid-aa:bb:cc-battery/type": "Battery",
    "class/power_supply/hid-aa:bb:cc-battery/scope": "Device",
    "class/hwmon/hwmon9/name": "nvme", "class/hwmon/hwmon9/temp1_input": "40000",
    "class/powercap/intel-rapl:0/name": "package-0", "class/powercap/intel-rapl:0/energy_uj": "1000000",
  ]

  @Test("an unpacked archive shows the rails of the machine it was taken on")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    try withSysfs(tree) { root in
      let outcome = RailCapture.take(root)
      #expect(outcome.files > 5 && outcome.refused.isEmpty)
      try folder.write("rails.tar", outcome.bytes)
      try makeFolder(folder.file("tree"))
      let tar = try Process.run(
        URL(filePath: "/bin/tar"), arguments: ["-xf", folder.file("rails.tar"), "-C", folder.file("tree")])
      tar.waitUntilExit()
      #expect(tar.terminationStatus == 0)
      let (here, there) = (RailCatalog.discover(root), RailCatalog.discover(SysfsRoot(path: folder.file("tree"))))
      #expect(here.rails.map(\.id).contains("hwmon:ina3221@1-0040:VDD_IN"))
      #expect(RailsText.of(here, place: "") == RailsText.of(there, place: ""))
      #expect(here.total == there.total && here.rails.map(\.power) == there.rails.map(\.power))
    }
  }

  @Test("nothing that names the machine or its owner is taken")
  func secrets() throws {
    try withSysfs(tree) { root in
      let text = String(decoding: RailCapture.take(root).bytes, as: UTF8.self)
      #expect(!text.contains("SECRET") && !text.contains("aa:bb:cc") && !text.contains("OF_FULLNAME"))
    }
  }

  @Test("an attribute that may not be read looks the same in the archive")
  func permission() throws {
    let files = FaultyFiles()
    files.fail("intel-rapl:0/energy_uj", errno: 13)
    try withSysfs(tree, files: files) { root in
      let outcome = RailCapture.take(root)
      #expect(outcome.refused.count == 1 && outcome.refused[0].contains("energy_uj"))
      #expect(String(decoding: outcome.bytes, as: UTF8.self).contains("class/powercap/intel-rapl:0/energy_uj"))
    }
  }

  @Test("long names are parted, and those that do not fit are left out")
  func names() {
    var archive = TarArchive()
    let long = (0..<12).map { "folder-number-\($0)" }.joined(separator: "/")
    let fits = archive.add(file: "\(long)/name", contents: [1])
    let doesNotFit = archive.add(file: String(repeating: "x", count: 101), contents: [])
    #expect(fits && !doesNotFit)
    #expect(archive.finished().count == 512 * 4)
  }

  @Test("what cannot be used says what mends it, once")
  func advice() throws {
    let files = FaultyFiles()
    files.fail("energy_uj", errno: 13)
    var zones = tree
    zones["class/powercap/intel-rapl:1/name"] = "package-1"
    zones["class/powercap/intel-rapl:1/energy_uj"] = "5"
    try withSysfs(zones, files: files) { root in
      let text = RailsText.of(RailCatalog.discover(root), place: "/sys")
      #expect(text.contains("SUBSYSTEM==\"powercap\""))
      #expect(text.split(separator: "udevadm trigger").count == 2)
      #expect(text.contains("powercap:intel-rapl:package-0: permission, powercap:intel-rapl:package-1: permission"))
    }
  }

  @Test("a board without a rail for the whole says so")
  func note() throws {
    let tree = ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"].enumerated().reduce(into: [String: String]()) {
      let base = "class/hwmon/hwmon0"
      $0["\(base)/name"] = "ina3221"
      $0["\(base)/in\($1.offset + 1)_label"] = $1.element
      $0["\(base)/in\($1.offset + 1)_input"] = "5000"
      $0["\(base)/curr\($1.offset + 1)_input"] = "100"
    }
    try withSysfs(tree) { root in
      let text = RailsText.of(RailCatalog.discover(root), place: "/sys")
      #expect(text.contains("Jetson AGX Orin has no rail for the whole"))
    }
  }
}
