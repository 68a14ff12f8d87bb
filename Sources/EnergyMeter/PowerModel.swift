// What stands in when the machine has no meter: declared coefficients, and the activity they are applied to.

import SiftCore

/// What happened in a window besides time passing: the regressors of the power model.
public struct Activity: Sendable, Hashable {
  /// Processor time spent, summed over cores, in seconds, ≥ 0.
  public var busyCoreSeconds: Double
  /// Exchanges with peers, counted at this node, ≥ 0.
  public var visits: Int
  /// Payload bytes of those exchanges, up and down together, ≥ 0.
  public var bytes: Int
  /// Radio energy already worked out by the caller (it knows each peer's link); nil: the model's own coefficients for
  /// `visits` and `bytes` are used.
  public var radio: Energy?

  public init(busyCoreSeconds: Double = 0, visits: Int = 0, bytes: Int = 0, radio: Energy? = nil) {
    self.busyCoreSeconds = busyCoreSeconds
    self.visits = visits
    self.bytes = bytes
    self.radio = radio
  }
}

/// Declared power of a machine: energy = idle × time + per busy core × core time + radio. Every joule of it is
/// `modelled`.
public struct PowerModel: Sendable, Hashable {
  /// Power with nothing to do, in watts, ≥ 0.
  public var idleWatts: Double
  /// Added power of one busy core, in watts, ≥ 0.
  public var wattsPerBusyCore: Double
  /// Radio energy of one exchange whatever its size, in joules, ≥ 0.
  public var radioJoulesPerVisit: Double
  /// Radio energy of one payload byte, in joules, ≥ 0.
  public var radioJoulesPerByte: Double
  /// Whose coefficients these are; printed wherever the joules are.
  public var source: String

  public init(
    idleWatts: Double, wattsPerBusyCore: Double, radioJoulesPerVisit: Double, radioJoulesPerByte: Double,
    source: String
  ) {
    self.idleWatts = idleWatts
    self.wattsPerBusyCore = wattsPerBusyCore
    self.radioJoulesPerVisit = radioJoulesPerVisit
    self.radioJoulesPerByte = radioJoulesPerByte
    self.source = source
  }

  /// A Raspberry Pi 5 class gateway with a mini-PCIe radio. Processor: powerjoular's regression for the Raspberry Pi 5,
  /// 4.40 W + 3.46 W × utilisation, spread over its four cores. Radio: Atheros AR9280 at 48 Mb/s and 15 dBm,
  /// 1.75 W above idle, so 36 nJ a bit, and 0.38 mJ of host work a frame, two frames an exchange (Ucar, thesis,
  /// ch. 4 and data/03).
  public static let raspberryPi5 = PowerModel(
    idleWatts: 4.40, wattsPerBusyCore: 3.46 / 4, radioJoulesPerVisit: 2 * 0.38e-3, radioJoulesPerByte: 8 * 36e-9,
    source: "Raspberry Pi 5 (powerjoular) + AR9280 (Ucar)")

  /// Energy of `activity` alone, without the idle power.
  public func dynamicEnergy(of activity: Activity) -> Energy {
    let radio =
      activity.radio?.joules
      ?? (radioJoulesPerVisit * Double(activity.visits) + radioJoulesPerByte * Double(activity.bytes))
    return .joules(wattsPerBusyCore * activity.busyCoreSeconds + radio)
  }

  /// Idle energy over `elapsed`.
  public func idleEnergy(over elapsed: Duration) -> Energy { Power.watts(idleWatts) * elapsed }

  /// - Returns: the name of the first coefficient that is no finite number ≥ 0; nil when all are good.
  public var badCoefficient: String? {
    let named = [
      ("idleWatts", idleWatts), ("wattsPerBusyCore", wattsPerBusyCore),
      ("radioJoulesPerVisit", radioJoulesPerVisit), ("radioJoulesPerByte", radioJoulesPerByte),
    ]
    return named.first { !($0.1.isFinite && $0.1 >= 0) }?.0
  }
}
