// A tree of attributes in memory whose texts follow from the time: sensors that simulate their chips.

import EnergyMeter
import HostIO
import SiftTestKit
import Testing
import Synchronization

/// Attributes as closures. What is not a closure is a folder above one.
final class SimulatedTree: SysfsFiles {
  /// The text now; `!5` stands for a read that fails with that errno.
  typealias Attribute = @Sendable () -> String
  private let attributes: [String: Attribute]
  private let links: [String: String]

  init(_ attributes: [String: Attribute], links: [String: String] = [:]) {
    self.attributes = attributes
    self.links = links
  }

  var root: SysfsRoot { SysfsRoot(path: "/sim", files: self) }

  private func relative(_ path: String) -> String { String(path.dropFirst("/sim/".count)) }

  func open(_ path: String) throws(SysfsError) -> any SysfsHandle {
    guard let attribute = attributes[relative(path)] else { throw .missing(path: path) }
    return Handle(attribute: attribute)
  }

  func list(_ path: String) -> [String] {
    let prefix = relative(path) + "/"
    let names = (Array(attributes.keys) + Array(links.keys)).filter { $0.hasPrefix(prefix) }
    return Set(names.map { String($0.dropFirst(prefix.count).prefix { $0 != "/" }) }).sorted()
  }

  func link(_ path: String) -> String? { links[relative(path)] }
  func resolve(_ path: String) -> String? { list(path).isEmpty ? nil : path }

  private struct Handle: SysfsHandle {
    let attribute: Attribute

    static func text(_ said: String) throws(SysfsError) -> String {
      guard said.hasPrefix("!"), let code = Int32(said.dropFirst()) else { return said }
      throw .unreadable(path: "simulated", errno: code)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SysfsError) -> Int {
      let text = try Self.text(attribute())
      buffer.copyBytes(from: text.utf8.prefix(buffer.count))
      return min(text.utf8.count, buffer.count)
    }
  }
}

/// One kind of sensor in front of a signal.
struct SimulatedSensor: Sendable, CustomTestStringConvertible {
  let name: String
  let interval: Duration
  /// What the meter reads of `signal` by the time that the closure tells, in seconds.
  let sources: @Sendable (Signal, @escaping @Sendable () -> Double) -> MeterSources
  var testDescription: String { name }

  init(
    _ name: String, interval: Duration = .milliseconds(100),
    sources: @escaping @Sendable (Signal, @escaping @Sendable () -> Double) -> MeterSources
  ) {
    self.name = name
    self.interval = interval
    self.sources = sources
  }

  private static func tree(_ attributes: [String: SimulatedTree.Attribute]) -> MeterSources {
    MeterSources(sysfs: SimulatedTree(attributes).root)
  }

  private static func text(_ text: String) -> SimulatedTree.Attribute { { text } }

  /// `value` cut to whole steps.
  private static func steps(_ value: Double, _ step: Double) -> Double { (value / step).rounded() * step }

  /// The mean of the latest finished cycle of a converter that runs on by itself.
  private static func converted(_ signal: Signal, _ t: Double, cycle: Double, phase: Double) -> Double {
    let end = ((t - phase) / cycle).rounded(.down) * cycle + phase
    return signal.mean(end - cycle, end)
  }

  /// An INA219: the mean of the last half millisecond, in steps of 20 mW.
  static let ina219 = SimulatedSensor("ina219 snapshots") { signal, now in
    tree([
      "class/hwmon/hwmon0/name": text("ina219"), "class/hwmon/hwmon0/shunt_resistor": text("10000"),
      "class/hwmon/hwmon0/in1_input": text("5000"), "class/hwmon/hwmon0/curr1_input": text("1000"),
      "class/hwmon/hwmon0/power1_input": {
        "\(Int((steps(signal.mean(now() - 0.0005, now()), 0.02) * 1e6).rounded()))"
      },
    ])
  }

  /// An INA226 that averages for 35 ms by a clock of its own, half a per cent slow, in steps of 6.25 mW.
  static let ina226 = SimulatedSensor("ina226, 35 ms averages") { signal, now in
    tree([
      "class/hwmon/hwmon0/name": text("ina226"), "class/hwmon/hwmon0/shunt_resistor": text("10000"),
      "class/hwmon/hwmon0/update_interval": text("35"), "class/hwmon/hwmon0/in1_input": text("5000"),
      "class/hwmon/hwmon0/curr1_input": text("1000"),
      "class/hwmon/hwmon0/power1_input": {
        "\(Int((steps(converted(signal, now(), cycle: 0.0352, phase: 0.011), 0.00625) * 1e6).rounded()))"
      },
    ])
  }

  /// An INA3221 behind 5 mΩ: 8 mV by 8 mA, a cycle of 6.6 ms, no power of its own.
  static func ina3221(every interval: Duration) -> SimulatedSensor {
    SimulatedSensor("ina3221 every \(interval)", interval: interval) { signal, now in
      tree([
        "class/hwmon/hwmon0/name": text("ina3221"), "class/hwmon/hwmon0/in1_label": text("VDD_IN"),
        "class/hwmon/hwmon0/shunt1_resistor": text("5000"), "class/hwmon/hwmon0/update_interval": text("7"),
        "class/hwmon/hwmon0/samples": text("1"), "class/hwmon/hwmon0/in1_input": text("5000"),
        "class/hwmon/hwmon0/curr1_input": {
          "\(Int((steps(converted(signal, now(), cycle: 0.0066, phase: 0.002) / 5.003, 0.008) * 1e3).rounded()))"
        },
      ])
    }
  }

  /// SCMI firmware that averages over the time since the last reading but one.
  static let scmi = SimulatedSensor("arm-scmi, 100 ms averages") { signal, now in
    tree([
      "class/powercap/arm-scmi:0/name": text("soc"),
      "class/powercap/arm-scmi:0/constraint_0_time_window_us": text("100000"),
      "class/powercap/arm-scmi:0/power_uw": {
        "\(Int((signal.mean(now() - 0.1, now()) * 1e6).rounded()))"
      },
    ])
  }

  /// RAPL: units of 2⁻¹⁴ J, renewed each millisecond, near the top of its range.
  static let rapl = SimulatedSensor("RAPL counter") { signal, now in
    let range = 262_143_328_850
    return tree([
      "class/powercap/intel-rapl:0/name": text("package-0"),
      "class/powercap/intel-rapl:0/max_energy_range_uj": text("\(range)"),
      "class/powercap/intel-rapl:0/energy_uj": {
        let joules = signal.energy((now() * 1000).rounded(.down) / 1000)
        let count = Int(((joules * 16384).rounded(.down) / 16384 * 1e6).rounded()) + range - 5_000_000_000
        return "\(count > range ? count - range : count)"
      },
    ])
  }

  /// An energy register of a monitor chip that is renewed ten times a second, out of step with the meter.
  static let energy = SimulatedSensor("hwmon energy, renewed each 100 ms") { signal, now in
    tree([
      "class/hwmon/hwmon0/name": text("ltc2947"), "class/hwmon/hwmon0/update_interval": text("100"),
      "class/hwmon/hwmon0/energy1_input": {
        let renewed = max(0, ((now() - 0.037) / 0.1).rounded(.down) * 0.1 + 0.037)
        return "\(Int((signal.energy(renewed) * 1e6).rounded(.down)))"
      },
    ])
  }

  /// Snapshots in raw units with a scale.
  static let iio = SimulatedSensor("industrial I/O snapshots") { signal, now in
    tree([
      "bus/iio/devices/iio:device0/name": text("pac1934"), "bus/iio/devices/iio:device0/in_power1_scale": text("2.5"),
      "bus/iio/devices/iio:device0/in_power1_raw": {
        "\(Int((signal.mean(now() - 0.001, now()) * 1e3 / 2.5).rounded()))"
      },
    ])
  }

  /// Four regulators of a Raspberry Pi 5 that share the power; each answer is a snapshot.
  static let mailbox = SimulatedSensor("Raspberry Pi 5 mailbox") { signal, now in
    let volts = ["3V7_WL_SW": 3.7, "VDD_CORE": 0.86, "DDR_VDD2": 1.1, "3V3_SYS": 3.3]
    return MeterSources(
      sysfs: SimulatedTree([:]).root,
      mailbox: FakeMailbox {
        let watts = signal.mean(now() - 0.001, now()) / 4
        return volts.sorted { $0.key < $1.key }.map {
          " \($0.key)_A current(0)=\(watts / $0.value)A\n \($0.key)_V volt(8)=\($0.value)V\n"
        }.joined()
      })
  }

  /// A meter of the user's own that writes a counter.
  static let external = SimulatedSensor("external meter, energy") { signal, now in
    MeterSources(
      sysfs: SimulatedTree([:]).root,
      external: [
        ExternalMeter(name: "wall") { () throws(SysfsError) in
          FakeBytes { "{\"energy_j\": \(signal.energy(now()))}\n" }
        }
      ])
  }

  /// A battery that feeds the machine and is renewed four times a second.
  static let battery = SimulatedSensor("battery, renewed each 250 ms") { signal, now in
    tree([
      "class/power_supply/BAT0/type": text("Battery"), "class/power_supply/BAT0/status": text("Discharging"),
      "class/power_supply/BAT0/power_now": {
        "\(Int((converted(signal, now(), cycle: 0.25, phase: 0.03) * 1e6).rounded()))"
      },
    ])
  }

  static let all = [
    ina219, ina226, ina3221(every: .milliseconds(100)), ina3221(every: .milliseconds(10)), scmi, rapl, energy, iio,
    mailbox, external, battery,
  ]
}

/// A mailbox that a closure answers for.
struct FakeMailbox: FirmwareMailbox {
  let path = "/dev/vcio"
  /// The answer; `!13` stands for a refusal with that errno.
  let say: @Sendable () -> String
  func answer(to command: String) throws(SysfsError) -> String {
    guard command == "pmic_read_adc" else { throw .malformed(path: path, expected: "pmic_read_adc", got: command) }
    let said = say()
    guard said.hasPrefix("!"), let code = Int32(said.dropFirst()) else { return said }
    throw .unreadable(path: path, errno: code)
  }
}

/// A program that has one line ready whenever it is asked, and no more until it is asked again.
final class FakeBytes: ByteSource {
  private let line: @Sendable () -> String
  private let isDue = Mutex(true)

  init(_ line: @escaping @Sendable () -> String) { self.line = line }

  func take(into buffer: UnsafeMutableRawBufferPointer) throws(SysfsError) -> Int {
    let isDue = isDue.withLock { due in
      defer { due.toggle() }
      return due
    }
    guard isDue else { return 0 }
    let text = line()
    buffer.copyBytes(from: text.utf8.prefix(buffer.count))
    return min(text.utf8.count, buffer.count)
  }
}
