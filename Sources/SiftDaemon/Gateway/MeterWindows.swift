// The scheduler's energy windows on the rail meter.

import EnergyMeter
import SiftCore
import Synchronization

/// Windows of a rail meter, by number.
final class MeterWindows: EnergyWindows {
  private let meter: RailMeter
  private let windows = Mutex<(next: UInt64, tokens: [UInt64: WindowToken])>((1, [:]))

  init(_ meter: RailMeter) { self.meter = meter }

  func open() -> UInt64 {
    let token = meter.open()
    return windows.withLock { state in
      defer { state.next += 1 }
      state.tokens[state.next] = token
      return state.next
    }
  }

  func close(_ window: UInt64, activity: WindowActivity) -> WindowEnergy {
    guard let token = windows.withLock({ $0.tokens.removeValue(forKey: window) }) else {
      return WindowEnergy(total: 0, dynamic: nil, uncertainty: nil, standing: .modelled)
    }
    let reading = meter.close(
      token,
      activity: Activity(
        busyCoreSeconds: activity.coreSeconds, visits: activity.visits, bytes: activity.bytes,
        radio: .joules(activity.radioJoules)))
    return WindowEnergy(
      total: reading.energy.joules, dynamic: reading.dynamic?.joules, uncertainty: reading.uncertainty?.joules,
      standing: reading.standing)
  }
}
