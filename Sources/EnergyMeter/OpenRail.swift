// A rail with its attributes held open: one reading is a few `pread`s, without allocation.

import HostIO
import SiftCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What one reading of a rail gives.
package enum RailValue: Sendable, Hashable {
  /// A cumulative energy.
  case microjoules(Int64)
  /// A power; negative when it flows into a battery.
  case watts(Double)
  /// The meter behind it has said nothing since the last reading.
  case nothingNew

  /// The value times a factor.
  func scaled(_ factor: Double) -> RailValue {
    guard factor != 1 else { return self }
    switch self {
    case .watts(let watts): return .watts(watts * factor)
    case .microjoules(let count): return .microjoules(Int64(exactly: (Double(count) * factor).rounded()) ?? -1)
    case .nothingNew: return self
    }
  }
}

/// The open attributes of a rail.
package struct OpenRail: Sendable {
  private enum Attributes: Sendable {
    case counter(SysfsAttribute)
    case power(SysfsAttribute, wattsPerUnit: Double, unitsAdded: Double)
    case product(volts: SysfsAttribute, amperes: SysfsAttribute, wattsPerUnits: Double)
    indirect case battery(status: SysfsAttribute, flow: Attributes)
    case regulator(RegulatorReadings, at: Int)
    case external(ExternalMeterReader)
  }
  private let attributes: Attributes
  private let scale: Double

  package init(_ rail: Rail, on devices: RailDevices) throws(SysfsError) {
    attributes = try Self.open(rail.probe, devices)
    scale = rail.scale
  }

  private static func open(_ probe: RailProbe, _ devices: RailDevices) throws(SysfsError) -> Attributes {
    let root = devices.sysfs
    switch probe {
    case .counter(let path, _): return .counter(try root.open(path))
    case .power(let path, let scale, let units):
      return .power(try root.open(path), wattsPerUnit: scale, unitsAdded: units)
    case .product(let volts, let voltScale, let amperes, let ampereScale):
      return .product(
        volts: try root.open(volts), amperes: try root.open(amperes), wattsPerUnits: voltScale * ampereScale)
    case .battery(let status, let flow): return .battery(status: try root.open(status), flow: try open(flow, devices))
    case .mailbox(let regulator):
      guard let readings = devices.regulators, let at = readings.names.firstIndex(of: regulator) else {
        throw .missing(path: regulator)
      }
      return .regulator(readings, at: at)
    case .external(let name):
      guard let reader = devices.external.first(where: { $0.meter.name == name }) else { throw .missing(path: name) }
      return .external(reader)
    }
  }

  /// The value now.
  package func read() throws(SysfsError) -> RailValue { try Self.read(attributes).scaled(scale) }

  private static func read(_ attributes: Attributes) throws(SysfsError) -> RailValue {
    switch attributes {
    case .counter(let count): return .microjoules(try count.integer())
    case .power(let power, let scale, let units): return .watts((Double(try power.integer()) + units) * scale)
    case .product(let volts, let amperes, let scale):
      // The two come from different conversions whatever is done; the voltage moves less, so the current is read last.
      let volt = Double(try volts.integer())
      return .watts(volt * Double(try amperes.integer()) * scale)
    case .battery(let status, let flow): return try battery(status, try read(flow))
    case .regulator(let readings, let at): return .watts(try readings.watts(at))
    case .external(let reader): return try reader.read()
    }
  }

  /// The sign of current_now and power_now is up to the driver; the status is not.
  private static func battery(_ status: SysfsAttribute, _ flow: RailValue) throws(SysfsError) -> RailValue {
    guard case .watts(let watts) = flow else { return flow }
    let text = try status.text()
    switch text {
    case "Discharging": return .watts(abs(watts))
    case "Charging": return .watts(-abs(watts))
    default:
      guard watts == 0 else {
        throw .malformed(path: status.path, expected: "Charging or Discharging while power flows", got: text)
      }
      return .watts(0)
    }
  }
}

extension RailProblem {
  /// What a failed read says about the rail.
  package init(_ error: SysfsError) {
    switch error {
    case .missing: self = .disabled
    case .malformed: self = .malformed
    case .unreadable(_, let code):
      switch code {
      case EACCES, EPERM: self = .permission
      case ENODATA: self = .disabled
      case EAGAIN, ETIMEDOUT: self = .timeout
      default: self = .ioError
      }
    }
  }
}
