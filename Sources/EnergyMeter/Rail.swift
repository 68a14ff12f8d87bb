// A rail: one place where the machine tells power or energy, and what it can be used for.

import SiftCore

/// Where a rail is read.
public enum RailSource: String, Sendable, Hashable, CaseIterable {
  case hwmon, powercap
  case powerSupply = "power_supply"
  case iio, mailbox, external
}

/// What a rail stands for.
public enum RailKind: String, Sendable, Hashable {
  /// Everything the machine draws, as far as this board can tell.
  case total
  /// A part of the machine.
  case part
  /// A figure of a model in the kernel, not of a meter: never added to measured ones.
  case estimate
}

/// Why a rail is there but cannot be used.
public enum RailProblem: String, Sendable, Hashable {
  case disabled, permission
  case ioError = "io-error"
  case timeout, malformed, implausible
  case notConnected = "not-connected"
}

/// How a rail's figure is read. Paths are relative to the root of the tree.
package enum RailProbe: Sendable, Hashable {
  /// A cumulative count of µJ that starts again at 0 after `range` (nil: no range is promised).
  case counter(path: String, range: Int64?)
  /// A power: (attribute + `unitsAdded`) × `wattsPerUnit`.
  case power(path: String, wattsPerUnit: Double, unitsAdded: Double = 0)
  /// Volt × ampere, read one after the other: the two are separate conversions whatever is done.
  case product(volts: String, voltsPerUnit: Double, amperes: String, amperesPerUnit: Double)
  /// A battery: magnitude in `flow`, direction in the text of `status`.
  indirect case battery(status: String, flow: RailProbe)
  /// Volt × ampere of a regulator that the firmware's mailbox tells, by the regulator's name.
  case mailbox(regulator: String)
  /// Lines of a meter of the user's own, by its name.
  case external(name: String)

  /// What one in the last digit of the text is worth, in watts; 0 for a counter, and where it is not known.
  package var unitWatts: Double {
    switch self {
    case .power(_, let wattsPerUnit, _): wattsPerUnit
    case .battery(_, let flow): flow.unitWatts
    case .counter, .product, .mailbox, .external: 0
    }
  }

  /// The attributes that are read, for messages and captures.
  package var paths: [String] {
    switch self {
    case .counter(let path, _), .power(let path, _, _): [path]
    case .product(let volts, _, let amperes, _): [volts, amperes]
    case .battery(let status, let flow): [status] + flow.paths
    case .mailbox, .external: []
    }
  }
}

/// One rail of a catalog. Identified by chip name, device and label, never by a number that changes with the next boot.
public struct Rail: Sendable, Hashable {
  /// `source:name@device:label`.
  public internal(set) var id: String
  public let source: RailSource
  /// Chip, control type or supply.
  public let name: String
  /// What the board or driver calls it; nil when nobody does.
  public let label: String?
  public var kind: RailKind
  /// Id of the rail that contains this one.
  public var parent: String?
  public let standing: Standing
  /// nil: usable.
  public var problem: RailProblem?
  /// What exactly was wrong, with the path; nil when usable.
  public var detail: String?
  /// The readings at discovery; nil when unread.
  public var power: Power?
  public var energy: Energy?
  /// The smallest step of power that the chip can show, in watts; nil when not known.
  public var resolution: Power?
  /// Time between two fresh values; nil when neither measured nor declared by the chip.
  public var refresh: Duration?
  /// The time that one reading of power averages over; nil when not known.
  public var averaging: Duration?
  package let probe: RailProbe
  /// Standard uncertainty of the zero point, in watts.
  package var offsetWatts = 0.0
  /// Step of the voltage that the power is computed from, relative to the voltage.
  package var voltageStep = 0.0
  /// The user's factor for a wrong shunt or divider, > 0.
  package var scale = 1.0
  /// The user's limit of belief, in watts; nil: the meter's.
  package var limitWatts: Double?

  public var isUsable: Bool { problem == nil }

  package init(
    id: String, source: RailSource, name: String, label: String?, kind: RailKind, parent: String? = nil,
    standing: Standing, problem: RailProblem? = nil, resolution: Power? = nil, refresh: Duration? = nil,
    probe: RailProbe
  ) {
    self.id = id
    self.source = source
    self.name = name
    self.label = label
    self.kind = kind
    self.parent = parent
    self.standing = standing
    self.problem = problem
    self.resolution = resolution
    self.refresh = refresh
    self.probe = probe
  }
}
