// The energy of requests that overlap: each gets the share of its window that its own computing had in all computing.

import SiftCore

/// Energy of a window of time on this node.
public struct WindowEnergy: Sendable, Hashable {
  /// Idle included, in joules.
  public var total: Double
  /// Above idle, in joules; nil while the idle level is not known.
  public var dynamic: Double?
  public var uncertainty: Double?
  public var standing: Standing

  public init(total: Double, dynamic: Double?, uncertainty: Double?, standing: Standing) {
    self.total = total
    self.dynamic = dynamic
    self.uncertainty = uncertainty
    self.standing = standing
  }
}

/// What happened in a window besides time passing.
public struct WindowActivity: Sendable, Hashable {
  /// Processor seconds over all cores.
  public var coreSeconds: Double
  public var visits: Int
  public var bytes: Int
  public var radioJoules: Double

  public init(coreSeconds: Double, visits: Int, bytes: Int, radioJoules: Double) {
    self.coreSeconds = coreSeconds
    self.visits = visits
    self.bytes = bytes
    self.radioJoules = radioJoules
  }
}

/// Opens and closes windows. The real one is the rail meter.
public protocol EnergyWindows: Sendable {
  func open() -> UInt64
  /// - Parameter activity: the part that the power model attributes when there is no rail.
  func close(_ window: UInt64, activity: WindowActivity) -> WindowEnergy
}

/// Splits windows over the requests in them.
package enum EnergyShare {
  /// - Parameters:
  ///   - window: energy of the request's window. When modelled, `dynamic` is of this request's activity alone.
  ///   - own: core seconds of the request.
  ///   - all: core seconds of all requests while the window was open, ≥ own.
  /// - Returns: the request's energy. Shares of requests that overlap exactly add up to the window.
  package static func of(_ window: WindowEnergy, own: Double, all: Double) -> RequestEnergy {
    let share = all > 0 ? min(1, own / all) : 1
    guard let dynamic = window.dynamic else {
      return RequestEnergy(
        total: window.total * share, dynamic: nil, uncertainty: window.uncertainty.map { $0 * share },
        standing: window.standing)
    }
    let mine = window.standing == .modelled ? dynamic : dynamic * share
    return RequestEnergy(
      total: (window.total - dynamic) * share + mine, dynamic: mine,
      uncertainty: window.uncertainty.map { $0 * share }, standing: window.standing)
  }
}
