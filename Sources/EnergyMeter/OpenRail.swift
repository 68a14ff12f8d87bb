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
}

/// The open attributes of a rail.
package struct OpenRail: Sendable {
  private enum Attributes: Sendable {
    case counter(SysfsAttribute)
    case power(SysfsAttribute, wattsPerUnit: Double, unitsAdded: Double)
    case product(volts: SysfsAttribute, amperes: SysfsAttribute, wattsPerUnits: Double)
    indirect case battery(status: SysfsAttribute, flow: Attributes)
  }
  private let attributes: Attributes

  package init(_ rail: Rail, root: SysfsRoot) throws(SysfsError) {
    attributes = try Self.open(rail.probe, root)
  }

  private static func open(_ probe: RailProbe, _ root: SysfsRoot) throws(SysfsError) -> Attributes {
    switch probe {
    case .counter(let path, _): .counter(try root.open(path))
    case .power(let path, let scale, let units):
      .power(try root.open(path), wattsPerUnit: scale, unitsAdded: units)
    case .product(let volts, let voltScale, let amperes, let ampereScale):
      .product(
        volts: try root.open(volts), amperes: try root.open(amperes), wattsPerUnits: voltScale * ampereScale)
    case .battery(let status, let flow): .battery(status: try root.open(status), flow: try open(flow, root))
    }
  }

  /// The value now.
  package func read() throws(SysfsError) -> RailValue { try Self.read(attributes) }

  private static func read(_ attributes: Attributes) throws(SysfsError) -> RailValue {
    switch attributes {
    case .counter(let count): return .microjoules(try count.integer())
    case .power(let power, let scale, let units): return .watts((Double(try power.integer()) + units) * scale)
    case .product(let volts, let amperes, let scale):
      // The two come from different conversions: the current's mean before and after is the best that can be had.
      let before = Double(try amperes.integer())
      let volt = Double(try volts.integer())
      let after = Double(try amperes.integer())
      return .watts(volt * (before + after) / 2 * scale)
    case .battery(let status, let flow):
      guard case .watts(let watts) = try read(flow) else { return .watts(0) }
      // The sign of current_now and power_now is up to the driver; the status is not.
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
